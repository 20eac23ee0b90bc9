"""Add lines and take lines back, by commands and buttons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

import discord
from discord import app_commands, ui

from ..errors import NoScript
from ..i18n.catalogue import phrase, say
from ..screenplay.elements import Kind
from ..screenplay.free_text import parse_name
from ..session.preferences import MAX_TAKES, combine_options
from ..session.rate_limits import Cost
from ..session.turn import MAX_LINES, ContinueRequest, ScriptPosition
from ..ui.components import (
    Handler,
    Interaction,
    get_selected,
    make_custom_id,
    parse_position,
    position_pattern,
)
from ..ui.delivery import FirstResponse
from ..ui.installations import check_is_member
from ..ui.panel_view import ACTION, ANYBODY, CHARACTER
from ..ui.responses import answer_error
from .feature import FeatureCog, allow_everywhere, answer_errors, suggest, suggest_moods
from .option_checks import InvalidOption, check_lengths, parse_choice, parse_chosen_id
from .requester import format_requester, get_requester

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

VOTE_TAKES, VOTE_SECONDS = 3, 60
"""Takes and seconds of a vote that the menu opens."""


class Writing(FeatureCog, name="OnBook.writing"):
    """Write a script, and take lines back."""

    SCRIPT_COMMANDS = frozenset({"redo", "retry"})

    def listeners(self) -> dict[str, Handler]:
        """Listen to the panel, and to what its menu asks the voice for."""
        return {
            position_pattern(
                "continue", "take", "undo", "redo", "write"
            ): lambda interaction, match: self.press(
                interaction, match["action"], parse_position(match)
            ),
            position_pattern("speaker"): lambda interaction, match: self.choose_speaker(
                interaction, parse_position(match)
            ),
            position_pattern("menu-lines", "menu-vote"): lambda interaction, match: self.ask_for(
                interaction, match["action"], parse_position(match)
            ),
        }

    @app_commands.command(name="continue")
    @app_commands.describe(
        character="Who speaks first; by default the voice decides",
        mood="How the voice feels",
        temperature="How daring the voice is, from 0.1 to 2.0; overrides the mood",
        kind="What to write; by default the voice decides",
        lines="How many lines to write, from 1 to 10",
        takes="How many takes to choose from, up to 5",
        vote="Let everyone vote for a take, for 10 to 600 seconds",
    )
    @app_commands.choices(kind=KIND_CHOICES)
    @allow_everywhere
    @answer_errors
    async def continue_(
        self,
        interaction: Interaction,
        character: app_commands.Range[str, 1, 60] | None = None,
        mood: app_commands.Range[str, 1, 40] | None = None,
        temperature: app_commands.Range[float, 0.1, 2.0] | None = None,
        kind: str | None = None,
        lines: app_commands.Range[int, 1, MAX_LINES] = 1,
        takes: app_commands.Range[int, 1, MAX_TAKES] | None = None,
        vote: app_commands.Range[int, MIN_VOTE_SECONDS, MAX_VOTE_SECONDS] | None = None,
    ) -> None:
        """Let the voice write the next lines"""
        request = ContinueRequest(
            lines=lines,
            character=parse_name(character) if character else None,
            kind=Kind(kind) if kind else None,
            takes=takes,
            vote=vote,
            options=combine_options(mood, temperature, self.services.settings),
        )
        await self._continue(interaction, request)

    @app_commands.command(name="write")
    @app_commands.describe(
        text="INT. DINER - NIGHT, or MAYA: Hello., or CUT TO:, or an action",
        character="Who says it; all of the text is then speech, even (quietly)",
    )
    @allow_everywhere
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
    @allow_everywhere
    @answer_errors
    async def undo(self, interaction: Interaction) -> None:
        """Undo the last line"""
        await self._undo(interaction)

    @app_commands.command(name="redo")
    @answer_errors
    async def redo(self, interaction: Interaction) -> None:
        """Restore the line that was undone"""
        await self._redo(interaction)

    @app_commands.command(name="retry")
    @answer_errors
    async def retry(self, interaction: Interaction) -> None:
        """Get another take of the voice's last line"""
        await self.turns.charge_lines(interaction, takes=1)
        await self.turns.run_job(
            interaction,
            lambda session, requester, job: session.continuation.retry(requester, None, job),
            checked=True,
        )

    @continue_.autocomplete("character")
    async def _suggest_speaker(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        library = self.services.admit_to_session(interaction).library
        try:
            script = await library.load_script()
            names = script.cast if script.lock and script.cast else await library.list_characters()
        except NoScript:
            names = []
        return suggest(names, current)

    @write.autocomplete("character")
    async def _suggest_character(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        try:
            names = await self.services.admit_to_session(interaction).library.list_characters()
        except NoScript:
            names = []
        return suggest(names, current)

    @continue_.autocomplete("mood")
    async def _suggest_mood(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return suggest_moods(interaction, self.services, current)

    # Buttons and windows

    @answer_errors
    async def press(self, interaction: Interaction, action: str, position: ScriptPosition) -> None:
        """Answer a button under a line."""
        await self.turns.replace_old_panel(interaction, position)
        match action:
            case "continue":
                await self._continue(interaction, ContinueRequest(), position)
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
                session = self.services.admit_to_session(interaction)
                script = await session.library.load_script_at(position)
                await session.turn_orders.check_turn(get_requester(interaction), script)
                modal = WriteModal(position, self.submit_lines)
                await FirstResponse(interaction).send_modal(self.services.in_flight.register(modal))

    @answer_errors
    async def choose_speaker(self, interaction: Interaction, position: ScriptPosition) -> None:
        """Let the voice continue with the speaker chosen from the panel."""
        await self.turns.replace_old_panel(interaction, position)
        value = parse_choice(get_selected(interaction))
        request = ContinueRequest()
        if value == ACTION:
            request = ContinueRequest(kind=Kind.ACTION)
        elif value != ANYBODY:
            name = value.removeprefix(CHARACTER)
            check_lengths(character=(name, MAX_NAME_LENGTH))
            request = ContinueRequest(character=parse_name(name))
        await self._continue(interaction, request, position)

    @answer_errors
    async def ask_for(
        self, interaction: Interaction, action: str, position: ScriptPosition
    ) -> None:
        """Ask the voice for several lines, or for takes with a vote, from the menu."""
        if action == "menu-vote":
            request = ContinueRequest(takes=VOTE_TAKES, vote=VOTE_SECONDS)
        else:
            request = ContinueRequest(lines=parse_chosen_id(get_selected(interaction)))
            if request.lines > MAX_LINES:
                raise InvalidOption
        await self._continue(interaction, request, position)

    async def _continue(
        self,
        interaction: Interaction,
        request: ContinueRequest,
        expected: ScriptPosition | None = None,
    ) -> None:
        """Let the voice write what was asked for."""
        if request.vote or (request.takes or 1) > 1:
            check_is_member(interaction)
        await self.turns.charge_lines(interaction, expected, request.lines, request.takes)
        await self.turns.run_job(
            interaction,
            lambda session, requester, job: session.continuation.generate(
                requester, request, expected, job
            ),
            expected,
            checked=True,
        )

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
