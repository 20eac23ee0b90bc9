"""The commands that write, and the buttons and modals that do the same."""

from __future__ import annotations

import discord
from discord import app_commands

from ..i18n.catalogue import phrase, say
from ..inference.model import LONGEST_STYLE, ModelError
from ..inference.sampling import LARGEST_SEED
from ..screenplay.elements import Kind
from ..screenplay.free_text import name
from ..screenplay.importers.import_formats import list_endings
from ..session.preferences import MOST_TAKES
from ..session.rate_limits import Cost
from ..session.turn import MOST_LINES, NO_SCRIPT, NoScript, Place, Wish
from ..ui import components
from ..ui.components import Interaction
from ..ui.delivery import reply_to
from ..ui.message_sync import HELP
from ..ui.model_cards import styles
from ..ui.responses import answer
from .bounds import check_texts
from .commands import QUALITY, answered, choices, for_scripts, speaking_to
from .turns import Turns

KINDS = [
    app_commands.Choice(name="speech", value=Kind.DIALOGUE.value),
    app_commands.Choice(name="action", value=Kind.ACTION.value),
    app_commands.Choice(name=phrase("scene heading"), value=Kind.HEADING.value),
]
"""What /continue can be asked for."""

LONGEST_TURN, LONGEST_NAME = 6000, 60
"""Characters that somebody may write at once, and that the name of who says it may have."""

SHORTEST_VOTE, LONGEST_VOTE = 10, 600
"""Seconds that a vote can take."""


class Writing(Turns):
    """Begin a script, write on it, and take back."""

    @app_commands.command(name="start")
    @app_commands.describe(
        title="What the script is called",
        heading="Where it begins, such as INT. DINER - NIGHT",
        cast="Who is in it, separated by commas",
        temperature="How daring the voice is, from 0.1 to 2.0",
        model="Which voice writes along",
        style="The tone that the voice begins in; which there are depends on the voice",
        file=f"A script to go on with: {list_endings()}, up to 1 MB",
    )
    @for_scripts
    @answered
    async def start(
        self,
        interaction: Interaction,
        title: app_commands.Range[str, 1, 100] | None = None,
        heading: app_commands.Range[str, 1, 200] | None = None,
        cast: app_commands.Range[str, 1, 1000] | None = None,
        temperature: app_commands.Range[float, 0.1, 2.0] | None = None,
        model: app_commands.Range[str, 1, 100] | None = None,
        style: app_commands.Range[str, 1, LONGEST_STYLE] | None = None,
        file: discord.Attachment | None = None,
    ) -> None:
        """Begin a new script in this channel"""
        await self._begin(
            interaction, title or "", heading or "", cast or "", temperature, model, file, style
        )

    @app_commands.command(name="continue")
    @app_commands.describe(
        character="Who speaks first; the voice decides if nobody is named",
        temperature="How daring the voice is, from 0.1 to 2.0",
        top_p="From which share of likely characters it chooses, up to 1.0",
        lines="How many lines it writes, from 1 to 10",
        seed="The same seed at the same place writes the same lines",
        kind="What it writes; the voice decides if nothing is chosen",
        min_p="How likely a character must be beside the likeliest, from 0 (off) to 1.0",
        repetition="What repeating an earlier passage costs, from 0 (off) to 2.0",
        company="How readily those speak who have spoken before, from 0 (off) to 2.0",
        takes="How many takes it writes, of which one is chosen, up to 5",
        vote="Seconds for which everybody may vote for a take, from 10 to 600",
        quality="How many candidates it writes for each line, to keep the best: 1, 16 or 64",
    )
    @app_commands.choices(kind=KINDS, quality=QUALITY)
    @for_scripts
    @answered
    async def carry_on(
        self,
        interaction: Interaction,
        character: app_commands.Range[str, 1, 60] | None = None,
        temperature: app_commands.Range[float, 0.1, 2.0] | None = None,
        top_p: app_commands.Range[float, 0.05, 1.0] | None = None,
        lines: app_commands.Range[int, 1, MOST_LINES] = 1,
        seed: app_commands.Range[int, 0, LARGEST_SEED] | None = None,
        kind: str | None = None,
        min_p: app_commands.Range[float, 0.0, 1.0] | None = None,
        repetition: app_commands.Range[float, 0.0, 2.0] | None = None,
        company: app_commands.Range[float, 0.0, 2.0] | None = None,
        takes: app_commands.Range[int, 1, MOST_TAKES] | None = None,
        vote: app_commands.Range[int, SHORTEST_VOTE, LONGEST_VOTE] | None = None,
        quality: str | None = None,
    ) -> None:
        """Let the voice write the next lines"""
        speaker = name(character) if character else None
        chosen = Kind(kind) if kind else None
        wish = Wish(
            lines=lines,
            character=speaker,
            kind=chosen,
            takes=takes,
            vote=vote,
            seed=seed,
            options={
                "temperature": temperature,
                "top_p": top_p,
                "min_p": min_p,
                "repetition": repetition,
                "company": company,
                "quality": quality,
            },
        )
        await self._pay_for_lines(interaction, None, lines, takes)
        await self._compose(
            interaction,
            lambda room, writer, patience: room.continuation.generate(writer, wish, None, patience),
            checked=True,
        )

    @app_commands.command(name="write")
    @app_commands.describe(
        text="INT. DINER - NIGHT, or MAYA: Hello., or CUT TO:, or what happens",
        character="Who says it; the text is then all speech, (quietly) too",
    )
    @for_scripts
    @answered
    async def write(
        self,
        interaction: Interaction,
        text: app_commands.Range[str, 1, 6000],
        character: app_commands.Range[str, 1, 60] | None = None,
    ) -> None:
        """Write the next lines yourself"""
        await self.submit_lines(interaction, text, character or "")

    @app_commands.command(name="undo")
    @for_scripts
    @answered
    async def undo(self, interaction: Interaction) -> None:
        """Take the last line back"""
        await self._undo(interaction)

    @app_commands.command(name="redo")
    @for_scripts
    @answered
    async def redo(self, interaction: Interaction) -> None:
        """Bring back the line that was taken back"""
        await self._redo(interaction)

    @app_commands.command(name="retry")
    @for_scripts
    @answered
    async def retry(self, interaction: Interaction) -> None:
        """Let the voice write its last line again"""
        await self._pay_for_a_take(interaction)
        await self._compose(
            interaction,
            lambda room, writer, patience: room.continuation.retake(writer, None, patience),
            checked=True,
        )

    @app_commands.command(name="help")
    @for_scripts
    @answered
    async def help(self, interaction: Interaction) -> None:
        """How to write a script here, in three steps"""
        await reply_to(interaction).send_message(say(HELP), ephemeral=True)

    @carry_on.autocomplete("character")
    @write.autocomplete("character")
    async def _suggest_character(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        try:
            names = await self._room(interaction).library.characters()
        except NoScript:
            names = []
        return choices(names, current)

    @start.autocomplete("model")
    async def _suggest_model(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return choices(self.voices.names(), current)

    @start.autocomplete("style")
    async def _suggest_style(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        voice = interaction.namespace.model
        if not voice:
            voice = await self._room(interaction).library.chosen_voice(interaction.guild_id)
        try:
            return choices(styles(await self.voices.look(voice)), current)
        except ModelError:
            return []

    # Buttons and modals

    @answered
    async def press(self, interaction: Interaction, action: str, place: Place) -> None:
        """A button under a line was pressed."""
        if place.script != NO_SCRIPT:
            await self._meet(interaction, place)
        match action:
            case "continue":
                await self._pay_for_lines(interaction, place)
                await self._compose(
                    interaction,
                    lambda room, who, patience: room.continuation.generate(
                        who, Wish(), place, patience
                    ),
                    place,
                    checked=True,
                )
            case "take":
                await self._pay_for_a_take(interaction, place)
                await self._compose(
                    interaction,
                    lambda room, who, patience: room.continuation.retake(who, place, patience),
                    place,
                    checked=True,
                )
            case "undo":
                await self._undo(interaction, place)
            case "redo":
                await self._redo(interaction, place)
            case "here":
                await self._go_to(interaction, place)
            case "write":
                await self._room(interaction).script_at(place)
                await reply_to(interaction).send_modal(self._for_now(components.WriteModal(place)))
            case _:
                await reply_to(interaction).send_modal(self._for_now(components.StartModal()))

    async def submit_lines(
        self, interaction: Interaction, text: str, character: str, under: Place | None = None
    ) -> None:
        """Adds a person's lines, from the command or the modal."""
        with speaking_to(interaction, self.group):
            try:
                check_texts(text=(text, LONGEST_TURN), character=(character, LONGEST_NAME))
                speaker = character.strip() or None
                self._room(interaction)
                self._pay(interaction, Cost(characters=len(text)))
                await self._compose(
                    interaction,
                    lambda room, who, patience: room.continuation.write(
                        who, text, speaker, under, patience
                    ),
                    under,
                )
            except Exception as error:  # noqa: BLE001 - the last place where it can be answered
                await answer(interaction, error, keep=text.strip())

    @answered
    async def submit_start(
        self, interaction: Interaction, title: str, heading: str, cast: str
    ) -> None:
        """Begins a script, from the modal."""
        await self._begin(interaction, title, heading, cast)
