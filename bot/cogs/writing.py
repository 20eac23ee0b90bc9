"""Add lines and take lines back, with commands and buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from re import Match
from typing import Any

import discord
from discord import app_commands, ui

from ..errors import NoScript, NotRunning, NotTheirs, RequestError, StaleLine, VoteOpen
from ..i18n.catalogue import phrase, say
from ..interactions.option_checks import InvalidOption, parse_choice
from ..interactions.requester import (
    format_requester,
    get_channel,
    get_guild,
    get_message_channel,
    get_requester,
)
from ..interactions.turns import Turn
from ..screenplay.elements import Kind
from ..screenplay.free_text import parse_name
from ..session.permissions import check_turn
from ..session.preferences import LOCK, MAX_TAKES, combine_options
from ..session.rate_limits import Cost
from ..session.turn import (
    MAX_LINES,
    NO_SCRIPT,
    OPENING_WRITER,
    ContinueRequest,
    ScriptPosition,
    current_position,
)
from ..ui.components import (
    LINES,
    RENAME_ID,
    Interaction,
    make_position_button,
    make_view,
    parse_position,
    position_pattern,
)
from ..ui.delivery.installations import check_bot_is_member
from ..ui.delivery.responses import check_bot_permissions, check_may_post, format_error
from ..ui.delivery.sending import FirstResponse, post_message
from ..ui.markdown import inline, mention, plain
from ..ui.panels.panel import delete_message
from ..ui.panels.panel_view import ACTION, ANYBODY, CHARACTER, list_offered_speakers
from .beginnings import Beginning, BeginningCog, make_new_script
from .feature import (
    ADD_ANYWAY,
    DO_ANYWAY,
    Choice,
    Choices,
    Temperature,
    answer_suggestions,
    asks_during_vote,
    command,
    listens_to,
    suggest,
    takes_mood,
)

FEW_TAKES = 3
"""The number of takes that the buttons ask for."""

SPEAKERS_SIZE = 45
"""The size of the names in a placeholder, for which Discord accepts 100 characters."""

REINTERPRETED = {
    "action": phrase("{who} turned the last line into action."),
    "speech": phrase("{who} turned the last line into speech."),
}
"""The sentences on what happened to a line, by the buttons that do it."""

ANYWAY = phrase("Continue anyway")
"""The button by which the voice goes on although people vote."""


class Writing(BeginningCog, name="OnBook.writing"):
    """Write a script, and take lines back."""

    @command("continue", everywhere=True)
    @app_commands.describe(
        character="Who speaks first; by default, the voice decides",
        kind="What to write; by default, the voice decides",
        lines="How many lines to write, from 1 to 10",
        takes="How many takes to choose from, up to 5",
        vote="Let everyone vote on the takes, for 10 to 600 seconds",
    )
    @app_commands.choices(
        kind=[
            app_commands.Choice(name="speech", value=Kind.DIALOGUE.value),
            app_commands.Choice(name="action", value=Kind.ACTION.value),
            app_commands.Choice(name=phrase("scene heading"), value=Kind.HEADING.value),
        ]
    )
    @takes_mood
    async def continue_(
        self,
        interaction: Interaction,
        character: app_commands.Range[str, 1, 60] | None = None,
        mood: app_commands.Range[str, 1, 40] | None = None,
        temperature: Temperature | None = None,
        kind: str | None = None,
        lines: app_commands.Range[int, 1, MAX_LINES] = 1,
        takes: app_commands.Range[int, 1, MAX_TAKES] | None = None,
        vote: app_commands.Range[int, 10, 600] | None = None,
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
        if vote or (takes or 1) > 1:
            check_bot_is_member(interaction)
        await self._continue(await self.turns.admit(interaction), request)

    @continue_.autocomplete("character")
    @answer_suggestions
    async def _suggest_speaker(self, interaction: Interaction, current: str) -> Choices:
        library = self.services.admit_to_session(interaction).library
        script = await library.load_script()
        is_locked = LOCK.of(script) and script.cast
        names = script.cast if is_locked else await library.list_characters()
        return suggest(names, current)

    @command("write", everywhere=True)
    @app_commands.describe(
        text="INT. DINER - NIGHT, or Maya: Hello., or CUT TO:, or an action",
        character="Who says it; the first line is then speech, even one such as (quietly)",
    )
    async def write(
        self,
        interaction: Interaction,
        text: app_commands.Range[str, 1, 6000],
        character: app_commands.Range[str, 1, 60] | None = None,
    ) -> None:
        """Write the next lines yourself"""
        await self._add_lines(interaction, text, character or "")

    @command("undo", everywhere=True)
    async def undo(self, interaction: Interaction) -> None:
        """Undo the last line or edit"""
        await self._undo(await self.turns.admit(interaction))

    @write.autocomplete("character")
    @answer_suggestions
    async def _suggest_character(self, interaction: Interaction, current: str) -> Choices:
        names = await self.services.admit_to_session(interaction).library.list_characters()
        return suggest(names, current)

    # Buttons and windows

    @listens_to(
        position_pattern("continue", "takes", "take", "undo", "redo", "write", "action", "speech")
    )
    async def press(self, interaction: Interaction, match: Match[str]) -> None:
        """Answer a button under a line."""
        position = parse_position(match)
        if match["action"] == "write":
            try:
                await self._open_window(interaction, position)
            finally:
                await self.turns.replace_old_panel(interaction)
            return
        turn = await self.turns.admit_press(interaction, position)
        match match["action"]:
            case "continue":
                await self._continue(turn, ContinueRequest(), position)
            case "takes":
                await self._continue(turn, ContinueRequest(takes=FEW_TAKES), position)
            case "take":
                await self._retry(turn, position)
            case "undo":
                await self._undo(turn, position)
            case "action" | "speech" as kind:
                note = say(REINTERPRETED[kind], who=format_requester(interaction))
                await self._reinterpret(turn, position, note)
            case _:
                await self._redo(turn, position)

    @listens_to(position_pattern("speaker"))
    async def choose_speaker(self, interaction: Interaction, match: Match[str]) -> None:
        """Let the voice continue with the speaker chosen from the panel."""
        position = parse_position(match)
        turn = await self.turns.admit_press(interaction, position)
        value = parse_choice(interaction)
        request = ContinueRequest()
        if value == ACTION:
            request = ContinueRequest(kind=Kind.ACTION)
        elif value.startswith(CHARACTER):
            request = ContinueRequest(character=parse_name(value.removeprefix(CHARACTER)))
        elif value != ANYBODY:
            raise InvalidOption
        await self._continue(turn, request, position)

    @listens_to(position_pattern("menu-lines", "menu-vote"))
    async def ask_for(self, interaction: Interaction, match: Match[str]) -> None:
        """Ask the voice for several lines, or for takes with a vote, from the menu.

        The menu stays open while others write, so it acts on the script as it is now.
        """
        if match["action"] == "menu-vote":
            check_bot_is_member(interaction)
            request = ContinueRequest(takes=FEW_TAKES, vote=60)  # a vote of a minute
        else:
            lines = parse_choice(interaction, map(str, range(1, MAX_LINES + 1)))
            request = ContinueRequest(lines=int(lines))
        turn = await self.turns.admit(interaction)
        await turn.session.library.load_running(parse_position(match).script)
        await self._continue(turn, request)

    @asks_during_vote(ANYWAY)
    async def _continue(
        self, turn: Turn, request: ContinueRequest, expected: ScriptPosition | None = None
    ) -> None:
        continuation = turn.session.continuation
        try:
            async with self.turns.show_writing(turn) as job:
                result = await continuation.generate(turn.requester, request, expected, job)
        except NoScript as refusal:
            if expected or isinstance(refusal, NotRunning):
                raise
            await self._begin_for_newcomer(turn, request)
            return
        await self.turns.show(turn, result)

    async def _begin_for_newcomer(self, turn: Turn, request: ContinueRequest) -> None:
        """Draw the first script of a channel, and go on with it."""
        guild = get_guild(turn.interaction)
        drawn = await self.draw_beginning(turn.session, guild, Beginning())
        new = replace(make_new_script(drawn, guild), replaced=NO_SCRIPT)
        begin = turn.session.library.begin
        result = await begin(turn.requester, new, *drawn.opening, author=OPENING_WRITER)
        announcement = phrase("There was no script here, so a new one starts: “{title}”.")
        await self.show_beginning(turn, result, announcement, request)

    @asks_during_vote(ANYWAY)
    async def _retry(self, turn: Turn, expected: ScriptPosition) -> None:
        async with self.turns.show_writing(turn) as job:
            result = await turn.session.continuation.retry(turn.requester, expected, job)
        await self.turns.show(turn, result)

    async def _open_window(self, interaction: Interaction, position: ScriptPosition) -> None:
        """Open a window to write in; a blank line begins the next line of the script.

        Raises RequestError if what the channel is known to show means that the lines would be
        refused.
        """
        self.services.admit(interaction)
        check_may_post(interaction)
        shown = self.services.messages.shown.get(get_channel(interaction))
        if shown:
            if shown.script.id != position.script:
                raise RequestError(
                    "Another script is running here now: “{title}”.", title=shown.script.title
                )
            if current_position(shown.script) != position:
                raise StaleLine(script=position.script, line=position.line)
            check_turn(shown.rotation, shown.script, get_requester(interaction))
        character = ui.TextInput[Any](
            label=say("Who speaks"),
            placeholder=_format_speakers(list_offered_speakers(interaction.message)),
            required=False,
            max_length=60,
        )
        text = ui.TextInput[Any](
            label=say("Text"),
            style=discord.TextStyle.paragraph,
            placeholder=say(
                "What is said, or what happens. Separate lines with a blank line; {most} lines at "
                "most.",
                most=MAX_LINES,
            ),
            max_length=4000,
        )

        async def submit(answer: Interaction) -> None:
            await self._add_lines(answer, text.value, character.value, position)

        title = say("Write the next lines")
        await self.open_modal(interaction, title, [character, text], submit)

    async def _add_lines(
        self,
        interaction: Interaction,
        text: str,
        character: str,
        expected: ScriptPosition | None = None,
    ) -> None:
        """Admit a person's lines, from the command or the window, and add them."""
        async with self.answering(interaction, keep=text.strip()):
            turn = await self.turns.admit(interaction)
            self.services.charge(interaction, Cost(characters=len(text)))
            await self._write(turn, character.strip() or None, expected, text=text)

    @asks_during_vote(ADD_ANYWAY, keep="text")
    async def _write(
        self, turn: Turn, character: str | None, expected: ScriptPosition | None, *, text: str
    ) -> None:
        write = turn.session.continuation.write
        async with self.turns.show_progress(turn.interaction, LINES) as job:
            result = await write(turn.requester, text, character, expected, job)
        await self.turns.show(turn, result)

    @listens_to(RENAME_ID)
    async def change_speaker(self, interaction: Interaction, match: Match[str]) -> None:
        """Let the character whom a button names say the last line."""
        position, name = parse_position(match), parse_name(match["name"])
        turn = await self.turns.admit_press(interaction, position)
        who, shown = format_requester(interaction), inline(name, 60)
        note = say("{who} changed the name above the last line to {name}.", who=who, name=shown)
        await self._reinterpret(turn, position, note, name)

    @asks_during_vote(DO_ANYWAY)
    async def _reinterpret(
        self, turn: Turn, expected: ScriptPosition, note: str, name: str = ""
    ) -> None:
        """Make speech by ``name`` of the last line or, without a name, action or speech."""
        async with self.turns.show_progress(turn.interaction, LINES) as job:
            result = await turn.session.history.reinterpret(turn.requester, expected, job, name)
        await self.turns.show(turn, result, note)

    @listens_to(position_pattern("agree"))
    async def agree_to_undo(self, interaction: Interaction, match: Match[str]) -> None:
        """Undo the line that somebody asks to undo, and delete the message that asks."""
        turn = await self.turns.admit(interaction)
        await self._undo_asked(turn, parse_position(match), interaction)

    @asks_during_vote(DO_ANYWAY)
    async def _undo_asked(self, turn: Turn, position: ScriptPosition, pressed: Interaction) -> None:
        try:
            await self._take_line_back(turn, position)
        except StaleLine as stale:
            await _delete_pressed(pressed)
            raise StaleLine(
                "The script has moved on. The line that somebody asked to undo is no longer the "
                "last line.",
                script=stale.script,
                line=stale.line,
            ) from stale
        await _delete_pressed(pressed)

    async def _undo(self, turn: Turn, expected: ScriptPosition | None = None) -> None:
        """Undo the last line; offer people who may not do so to ask those who may."""
        try:
            await self._take_line_back(turn, expected)
        except VoteOpen as vote:
            # Without the position, a press after the vote would undo the take that has won.
            undo_anyway = partial(self._undo, expected=ScriptPosition(vote.script, vote.line))
            await self.ask_during_vote(turn.interaction, vote, DO_ANYWAY, undo_anyway)
        except NotTheirs as refused:
            if not turn.bot_is_member:
                raise
            ask = Choice(say("Ask to undo it"), partial(self._ask_to_undo, refused))
            await self.offer(turn.interaction, format_error(refused), ask)

    async def _ask_to_undo(self, refused: NotTheirs, interaction: Interaction) -> None:
        """Ask, in front of everybody, to undo somebody's line."""
        check_bot_permissions(interaction)
        check_may_post(interaction)
        self.services.admit(interaction)
        await FirstResponse(interaction).defer()
        question = say(
            "{who} asks to undo {writer}'s line.",
            who=format_requester(interaction),
            writer=mention(refused.author),
        )
        button = make_position_button("agree", ScriptPosition(refused.script, refused.head))
        channel = get_message_channel(interaction)
        # A link, because nobody redraws the question if the writer has the line's text removed.
        if shown := await self.sessions.posts.find_message(channel.id, refused.line):
            place = interaction.guild_id or "@me"
            question += f" https://discord.com/channels/{place}/{channel.id}/{shown}"
        await post_message(channel, f"-# {question}", view=make_view(button))

    async def _take_line_back(self, turn: Turn, expected: ScriptPosition | None) -> None:
        result = await turn.session.history.undo(turn.requester, expected)
        who = format_requester(turn.interaction)
        sentence = phrase("{who} undid the last line.")
        if result.is_edit:
            sentence = phrase("{who} undid the last edit.")
        await self.turns.show(turn, result, say(sentence, who=who))

    @asks_during_vote(DO_ANYWAY)
    async def _redo(self, turn: Turn, expected: ScriptPosition) -> None:
        result = await turn.session.history.redo(turn.requester, expected)
        who = format_requester(turn.interaction)
        sentence = phrase("{who} restored the undone line.")
        if result.is_edit:
            sentence = phrase("{who} restored the undone edit.")
        await self.turns.show(turn, result, say(sentence, who=who))


async def _delete_pressed(interaction: Interaction) -> None:
    if interaction.message:
        await delete_message(get_message_channel(interaction), interaction.message.id)


def _format_speakers(names: Sequence[str]) -> str:
    """Return what can be written when a window asks who speaks."""
    if not names:
        return say("A name, such as MAYA; leave empty for action")
    known = plain(", ".join(names), SPEAKERS_SIZE)
    return say("{names} or a new name; leave empty for action", names=known)
