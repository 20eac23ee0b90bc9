"""Add lines and take lines back, by commands and buttons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

import discord
from discord import app_commands, ui

from ..generation.options import OPTIONS, OptionValue
from ..i18n.catalogue import phrase, say
from ..inference.sampling import LARGEST_SEED
from ..screenplay.elements import Kind
from ..screenplay.free_text import parse_name
from ..session.preferences import MAX_TAKES
from ..session.rate_limits import Cost
from ..session.turn import MAX_LINES, ContinueRequest, NoScript, ScriptPosition
from ..ui.components import Handler, Interaction, make_custom_id, parse_position, position_pattern
from ..ui.delivery import FirstResponse
from ..ui.responses import answer_error
from .feature import FeatureCog, allow_in_servers_and_dms, answer_errors, suggest, with_options
from .option_checks import check_lengths
from .requester import format_requester

HELP_TEXT = phrase(
    "**On Book** writes scripts with you, line by line.\n"
    "1. `{/start}` starts a script in this channel, with a title, a scene heading and a cast.\n"
    "2. `{/write}` adds your line: `INT. DINER - NIGHT`, `MAYA: Hello.`, `CUT TO:`, or an action.\n"
    "3. `{/continue}` lets the voice write the next lines; `{*character}` chooses who speaks.\n"
    "-# `{/undo}` removes the last line and `{/retry}` writes it again; the buttons under the "
    "newest line do the same. `{/script show}` shows the whole script, and `{/history}` goes "
    "back to any line."
)

KIND_CHOICES = [
    app_commands.Choice(name="speech", value=Kind.DIALOGUE.value),
    app_commands.Choice(name="action", value=Kind.ACTION.value),
    app_commands.Choice(name=phrase("scene heading"), value=Kind.HEADING.value),
]
"""The kinds of lines that /continue can be asked for."""

MAX_TURN_LENGTH, MAX_NAME_LENGTH = 6000, 60
"""Characters of a person's turn, and of a speaker's name."""

MIN_VOTE_SECONDS, MAX_VOTE_SECONDS = 10, 600
"""Seconds of a vote."""


class Writing(FeatureCog, name="OnBook.writing"):
    """Write a script, and take lines back."""

    def listeners(self) -> dict[str, Handler]:
        """Listen to the buttons under the newest line."""
        return {
            position_pattern(
                "continue", "take", "undo", "redo", "write"
            ): lambda interaction, match: self.press(
                interaction, match["action"], parse_position(match)
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
    @app_commands.choices(kind=KIND_CHOICES)
    @with_options(one for one in OPTIONS if one.is_requestable)
    @allow_in_servers_and_dms
    @answer_errors
    async def continue_(
        self,
        interaction: Interaction,
        /,
        character: app_commands.Range[str, 1, 60] | None = None,
        lines: app_commands.Range[int, 1, MAX_LINES] = 1,
        seed: app_commands.Range[int, 0, LARGEST_SEED] | None = None,
        kind: str | None = None,
        takes: app_commands.Range[int, 1, MAX_TAKES] | None = None,
        vote: app_commands.Range[int, MIN_VOTE_SECONDS, MAX_VOTE_SECONDS] | None = None,
        **options: OptionValue | None,
    ) -> None:
        """Let the voice write the next lines"""
        speaker = parse_name(character) if character else None
        chosen_kind = Kind(kind) if kind else None
        request = ContinueRequest(
            lines=lines,
            character=speaker,
            kind=chosen_kind,
            takes=takes,
            vote=vote,
            seed=seed,
            options=options,
        )
        await self.turns.charge_lines(interaction, None, lines, takes)
        await self.turns.run_job(
            interaction,
            lambda session, requester, job: session.continue_(requester, request, None, job),
            checked=True,
        )

    @app_commands.command(name="write")
    @app_commands.describe(
        text="INT. DINER - NIGHT, or MAYA: Hello., or CUT TO:, or an action",
        character="Who says it; the text is then all speech, even (quietly)",
    )
    @allow_in_servers_and_dms
    @answer_errors
    async def write(
        self,
        interaction: Interaction,
        text: app_commands.Range[str, 1, 6000],
        character: app_commands.Range[str, 1, 60] | None = None,
    ) -> None:
        """Write the next lines yourself"""
        await self.submit_lines(interaction, text, character or "")

    @app_commands.command(name="undo")
    @allow_in_servers_and_dms
    @answer_errors
    async def undo(self, interaction: Interaction) -> None:
        """Undo the last line"""
        await self._undo(interaction)

    @app_commands.command(name="redo")
    @allow_in_servers_and_dms
    @answer_errors
    async def redo(self, interaction: Interaction) -> None:
        """Restore the line that was undone"""
        await self._redo(interaction)

    @app_commands.command(name="retry")
    @allow_in_servers_and_dms
    @answer_errors
    async def retry(self, interaction: Interaction) -> None:
        """Get another take of the voice's last line"""
        await self.turns.charge_lines(interaction, takes=1)
        await self.turns.run_job(
            interaction,
            lambda session, requester, job: session.continuation.retry(requester, None, job),
            checked=True,
        )

    @app_commands.command(name="help")
    @allow_in_servers_and_dms
    @answer_errors
    async def help(self, interaction: Interaction) -> None:
        """How to write a script, in three steps"""
        await FirstResponse(interaction).send_message(say(HELP_TEXT), ephemeral=True)

    @continue_.autocomplete("character")
    @write.autocomplete("character")
    async def _suggest_character(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        try:
            names = await self.services.open_session(interaction).library.list_characters()
        except NoScript:
            names = []
        return suggest(names, current)

    # Buttons and windows

    @answer_errors
    async def press(self, interaction: Interaction, action: str, position: ScriptPosition) -> None:
        """Answer a button under a line."""
        await self.turns.replace_old_panel(interaction)
        match action:
            case "continue":
                await self.turns.charge_lines(interaction, position)
                await self.turns.run_job(
                    interaction,
                    lambda session, requester, job: session.continue_(
                        requester, ContinueRequest(), position, job
                    ),
                    position,
                    checked=True,
                )
            case "take":
                await self.turns.charge_lines(interaction, position, takes=1)
                await self.turns.run_job(
                    interaction,
                    lambda session, requester, job: session.continuation.retry(
                        requester, position, job
                    ),
                    position,
                    checked=True,
                )
            case "undo":
                await self._undo(interaction, position)
            case "redo":
                await self._redo(interaction, position)
            case _:
                session = self.services.open_session(interaction)
                await session.load_script_at(position)
                modal = WriteModal(position, self.submit_lines)
                await FirstResponse(interaction).send_modal(self.services.in_flight.register(modal))

    async def submit_lines(
        self,
        interaction: Interaction,
        text: str,
        character: str,
        expected: ScriptPosition | None = None,
    ) -> None:
        """Add a person's lines, from the command or the window."""
        with self.speaking_to(interaction):
            try:
                check_lengths(text=(text, MAX_TURN_LENGTH), character=(character, MAX_NAME_LENGTH))
                speaker = character.strip() or None
                self.services.admit(interaction)
                self.services.charge(interaction, Cost(characters=len(text)))
                await self.turns.run_job(
                    interaction,
                    lambda session, requester, job: session.continuation.write(
                        requester, text, speaker, expected, job
                    ),
                    expected,
                )
            except Exception as error:  # noqa: BLE001 - the last place where it can be answered
                await answer_error(interaction, error, keep=text.strip())

    async def _undo(self, interaction: Interaction, expected: ScriptPosition | None = None) -> None:
        await self.turns.take_turn(
            interaction,
            lambda session, requester: session.history.undo(requester, expected),
            expected,
            note=say("{who} undid the last line.", who=format_requester(interaction)),
        )

    async def _redo(self, interaction: Interaction, expected: ScriptPosition | None = None) -> None:
        await self.turns.take_turn(
            interaction,
            lambda session, requester: session.history.redo(requester, expected),
            expected,
            note=say("{who} restored the undone line.", who=format_requester(interaction)),
        )


class WriteModal(ui.Modal):
    """A window to write in; a blank line begins the next line of the script."""

    def __init__(
        self,
        position: ScriptPosition,
        submit: Callable[[Interaction, str, str, ScriptPosition], Awaitable[None]],
    ) -> None:
        super().__init__(title=say("Write the next lines"), custom_id=make_custom_id("write"))
        self._position = position
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
        await self._submit(interaction, self.text.value, self.character.value, self._position)
