"""Writing: the commands and buttons that add lines and take lines back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

import discord
from discord import app_commands, ui

from ..generation.options import OPTIONS, Value
from ..i18n.catalogue import phrase, say
from ..inference.sampling import LARGEST_SEED
from ..screenplay.elements import Kind
from ..screenplay.free_text import parse_name
from ..session.preferences import MOST_TAKES
from ..session.rate_limits import Cost
from ..session.turn import MOST_LINES, NoScript, Place, Wish
from ..ui.components import Handler, Interaction, new_id, place_id, place_in
from ..ui.delivery import reply_to
from ..ui.message_poster import HELP
from ..ui.responses import answer
from .bounds import check_texts
from .feature import FeatureCog, answered, choices, for_scripts, with_options
from .requester import who

KINDS = [
    app_commands.Choice(name="speech", value=Kind.DIALOGUE.value),
    app_commands.Choice(name="action", value=Kind.ACTION.value),
    app_commands.Choice(name=phrase("scene heading"), value=Kind.HEADING.value),
]
"""The kinds of lines that /continue can be asked for."""

LONGEST_TURN, LONGEST_NAME = 6000, 60
"""Characters of a person's turn, and of a speaker's name."""

SHORTEST_VOTE, LONGEST_VOTE = 10, 600
"""Seconds of a vote."""


class Writing(FeatureCog, name="OnBook.writing"):
    """Write a script, and take lines back."""

    def listeners(self) -> dict[str, Handler]:
        """Listen to the buttons under the newest line."""
        return {
            place_id("continue", "take", "undo", "redo", "write"): lambda interaction, found: (
                self.press(interaction, found["action"], place_in(found))
            )
        }

    @app_commands.command(name="continue")
    @app_commands.describe(
        character="Who speaks first; by default the voice decides",
        lines="How many lines to write, from 1 to 10",
        seed="The same seed in the same place gives the same lines",
        kind="What to write; by default the voice decides",
        takes="How many takes to choose from, up to 5",
        vote="Let everyone vote for a take, for 10 to 600 seconds",
    )
    @app_commands.choices(kind=KINDS)
    @with_options(one for one in OPTIONS if one.is_requestable)
    @for_scripts
    @answered
    async def carry_on(
        self,
        interaction: Interaction,
        /,
        character: app_commands.Range[str, 1, 60] | None = None,
        lines: app_commands.Range[int, 1, MOST_LINES] = 1,
        seed: app_commands.Range[int, 0, LARGEST_SEED] | None = None,
        kind: str | None = None,
        takes: app_commands.Range[int, 1, MOST_TAKES] | None = None,
        vote: app_commands.Range[int, SHORTEST_VOTE, LONGEST_VOTE] | None = None,
        **options: Value | None,
    ) -> None:
        """Let the voice write the next lines"""
        speaker = parse_name(character) if character else None
        chosen = Kind(kind) if kind else None
        wish = Wish(
            lines=lines,
            character=speaker,
            kind=chosen,
            takes=takes,
            vote=vote,
            seed=seed,
            options=options,
        )
        await self.turns.charge_lines(interaction, None, lines, takes)
        await self.turns.compose(
            interaction,
            lambda room, writer, patience: room.continuation.generate(writer, wish, None, patience),
            checked=True,
        )

    @app_commands.command(name="write")
    @app_commands.describe(
        text="INT. DINER - NIGHT, or MAYA: Hello., or CUT TO:, or an action",
        character="Who says it; the text is then all speech, even (quietly)",
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
        """Undo the last line"""
        await self._undo(interaction)

    @app_commands.command(name="redo")
    @for_scripts
    @answered
    async def redo(self, interaction: Interaction) -> None:
        """Restore the line that was undone"""
        await self._redo(interaction)

    @app_commands.command(name="retry")
    @for_scripts
    @answered
    async def retry(self, interaction: Interaction) -> None:
        """Get another take of the voice's last line"""
        await self.turns.charge_lines(interaction, takes=1)
        await self.turns.compose(
            interaction,
            lambda room, writer, patience: room.continuation.retake(writer, None, patience),
            checked=True,
        )

    @app_commands.command(name="help")
    @for_scripts
    @answered
    async def help(self, interaction: Interaction) -> None:
        """How to write a script, in three steps"""
        await reply_to(interaction).send_message(say(HELP), ephemeral=True)

    @carry_on.autocomplete("character")
    @write.autocomplete("character")
    async def _suggest_character(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        try:
            names = await self.services.room(interaction).library.characters()
        except NoScript:
            names = []
        return choices(names, current)

    # Buttons and windows

    @answered
    async def press(self, interaction: Interaction, action: str, place: Place) -> None:
        """Answer a button under a line."""
        await self.turns.meet(interaction, place)
        match action:
            case "continue":
                await self.turns.charge_lines(interaction, place)
                await self.turns.compose(
                    interaction,
                    lambda room, who, patience: room.continuation.generate(
                        who, Wish(), place, patience
                    ),
                    place,
                    checked=True,
                )
            case "take":
                await self.turns.charge_lines(interaction, place, takes=1)
                await self.turns.compose(
                    interaction,
                    lambda room, who, patience: room.continuation.retake(who, place, patience),
                    place,
                    checked=True,
                )
            case "undo":
                await self._undo(interaction, place)
            case "redo":
                await self._redo(interaction, place)
            case _:
                room = self.services.room(interaction)
                await room.script_at(place)
                window = WriteModal(place, self.submit_lines)
                await reply_to(interaction).send_modal(self.services.in_flight.open(window))

    async def submit_lines(
        self, interaction: Interaction, text: str, character: str, under: Place | None = None
    ) -> None:
        """Add a person's lines, from the command or the window."""
        with self.speaking_to(interaction):
            try:
                check_texts(text=(text, LONGEST_TURN), character=(character, LONGEST_NAME))
                speaker = character.strip() or None
                self.services.admit(interaction)
                self.services.charge(interaction, Cost(characters=len(text)))
                await self.turns.compose(
                    interaction,
                    lambda room, who, patience: room.continuation.write(
                        who, text, speaker, under, patience
                    ),
                    under,
                )
            except Exception as error:  # noqa: BLE001 - the last place where it can be answered
                await answer(interaction, error, keep=text.strip())

    async def _undo(self, interaction: Interaction, under: Place | None = None) -> None:
        note = f"-# {say('{who} undid the last line.', who=who(interaction))}"
        await self.turns.step(
            interaction, lambda room, writer: room.cursor.undo(writer, under), note, under
        )

    async def _redo(self, interaction: Interaction, under: Place | None = None) -> None:
        note = f"-# {say('{who} restored the undone line.', who=who(interaction))}"
        await self.turns.step(
            interaction, lambda room, writer: room.cursor.redo(writer, under), note, under
        )


class WriteModal(ui.Modal):
    """A window to write in; a blank line begins the next line of the script."""

    def __init__(
        self, place: Place, submit: Callable[[Interaction, str, str, Place], Awaitable[None]]
    ) -> None:
        super().__init__(title=say("Write the next lines"), custom_id=new_id("write"))
        self._place = place
        self._submit = submit
        self.character: ui.TextInput[Self] = ui.TextInput(
            label=say("Who speaks"),
            placeholder=say("MAYA (empty if nobody speaks)"),
            required=False,
            max_length=60,
        )
        self.text: ui.TextInput[Self] = ui.TextInput(
            label=say("Text"),
            style=discord.TextStyle.paragraph,
            placeholder=say("(quietly) You came."),
            max_length=4000,
        )
        self.add_item(self.character).add_item(self.text)

    async def on_submit(self, interaction: Interaction) -> None:
        """Pass the text on, and the line below which it was written."""
        await self._submit(interaction, self.text.value, self.character.value, self._place)
