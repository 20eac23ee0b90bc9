"""Show a script's history, fork the script, and rewrite lines."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from re import Match
from typing import Any

import discord
from discord import app_commands, ui

from ..errors import RequestError
from ..i18n.catalogue import phrase, say
from ..interactions.option_checks import parse_chosen_id
from ..interactions.requester import format_requester, get_requester
from ..interactions.turns import Turn, format_paused
from ..screenplay.free_text import clean_title
from ..session.channel_session import ChannelSession
from ..session.history import find_lines
from ..session.permissions import check_may_rewrite, check_may_write
from ..session.preferences import resolve_values
from ..session.rate_limits import Cost
from ..session.turn import ScriptPosition, TurnResult, current_position
from ..storage.schema import Line, Script
from ..ui.components import (
    LAST_PAGE,
    LINES,
    MAX_OPTIONS,
    Interaction,
    page_pattern,
    parse_position,
    position_pattern,
)
from ..ui.delivery.installations import check_bot_is_member
from ..ui.delivery.responses import answer_privately, check_bot_permissions, check_person
from ..ui.delivery.sending import CONNECTION_ERRORS, FirstResponse, complete_response, edit_response
from ..ui.markdown import LIMIT, inline, plain, size
from ..ui.pages.history_page import (
    LINE_ID,
    format_label,
    format_lines,
    format_rewrite_hint,
    make_line_menu,
    make_option,
    make_rewrite_input,
)
from ..ui.pages.script_messages import format_page_title
from .feature import (
    BELOW_SCRIPT,
    DO_ANYWAY,
    READING_SECONDS,
    UNTITLED,
    Choice,
    Choices,
    FeatureCog,
    answer_suggestions,
    asks_during_vote,
    command,
    listens_to,
    message_command,
)

CONTINUE, REWRITE = phrase("Continue from here"), phrase("Rewrite this line")
"""The names of the commands on messages."""

LineOption = app_commands.Range[str, 1, 100]
"""The text that a person types to mean a line: its number, or words from it."""

QUOTED_SIZE, TITLE_SIZE = 200, 30
"""The size of a line that is offered for rewriting, and of the line in a window's title."""


class Branches(FeatureCog, name="OnBook.branches"):
    """See how a script came to be, go back in it, and take it another way."""

    @command("history", extras=BELOW_SCRIPT)
    @app_commands.describe(line="Words from the line to go to, or its number; the last by default")
    @listens_to(position_pattern("menu-history"))
    async def history(self, interaction: Interaction, line: LineOption | None = None) -> None:
        """See who wrote what, and continue from any line"""
        session = await self.open_session(interaction, thinking=True, ephemeral=True)
        script = await session.library.load_latest()
        number, requested = LAST_PAGE, None
        if line is not None:
            requested = (await session.history.find_position(script, line)).line
            number = await session.history.find_page(script, requested)
        content, view = await self._make_history_page(session, script, number, requested)
        await complete_response(interaction, content=content, view=view)

    @command("fork", extras=BELOW_SCRIPT)
    @app_commands.describe(
        title="The new script's title", thread="Continue in a new thread instead of here"
    )
    async def fork(
        self, interaction: Interaction, title: app_commands.Range[str, 1, 100], thread: bool = False
    ) -> None:
        """Start a second script from this one"""
        check_bot_permissions(interaction)
        title = clean_title(title) or say(UNTITLED)
        if thread:
            check_bot_is_member(interaction)
            await self._fork_into_thread(interaction, title)
            return
        turn = await self.turns.admit(interaction)
        result = await turn.session.history.fork(turn.requester, title)
        announcement = say(
            "{who} forked the script. This is “{title}”.",
            who=format_requester(interaction),
            title=inline(result.script.title, 100),
        )
        announcement += format_paused(result) + await _format_turns(turn.session, result)
        await self.turns.show(turn, result, announcement=announcement)

    @command("edit", extras=BELOW_SCRIPT)
    @app_commands.describe(line="Words from the line, or its number; the last by default")
    async def edit(self, interaction: Interaction, line: LineOption | None = None) -> None:
        """Rewrite or cut a line and keep the lines after it"""
        check_bot_permissions(interaction)
        session = self.services.admit_to_session(interaction)
        shown = self.services.messages.shown.get(session.channel)
        if line is None and shown and shown.last_line:
            await self._rewrite_shown(interaction, shown.script, shown.last_line)
            return
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        script = await session.library.load_nonempty_script()
        position = current_position(script)
        if line is not None:
            position = await session.history.find_position(script, line)
        await self._offer_to_rewrite(interaction, session, position)

    @history.autocomplete("line")
    @edit.autocomplete("line")
    @answer_suggestions
    async def _suggest_line(self, interaction: Interaction, current: str) -> Choices:
        session = self.services.admit_to_session(interaction)
        elements = await session.library.load_elements(await session.library.find_latest())
        found = await asyncio.to_thread(find_lines, elements, str(current))
        return [
            app_commands.Choice(name=format_label(elements[number - 1], number), value=str(number))
            for number in found[:MAX_OPTIONS]
        ]

    # On a message

    @message_command(CONTINUE)
    async def continue_from(self, interaction: Interaction, message: discord.Message) -> None:
        """Continue from the last line of the script that a message shows."""
        turn = await self.turns.admit(interaction)
        if poll := await turn.session.polls.find_by_message(message.id):
            takes = await turn.session.polls.load_takes(poll)
            options = [make_option(lines[-1], None) for lines in takes.values()]
            question = say("Which take do you want to continue from?")
            view = make_line_menu(poll.script, options)
            await answer_privately(interaction, question, view=view)
            return
        await self._jump_to(turn, await self._find_shown_position(turn.session, message))

    @message_command(REWRITE)
    async def rewrite_in(self, interaction: Interaction, message: discord.Message) -> None:
        """Open the window for the line that a message shows."""
        check_bot_permissions(interaction)
        session = self.services.admit_to_session(interaction)
        shown = self.services.messages.shown.get(session.channel)
        if shown and shown.last_line and shown.message == message.id:
            await self._rewrite_shown(interaction, shown.script, shown.last_line)
            return
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        if await session.polls.find_by_message(message.id):
            raise RequestError(
                "These lines are takes. Rewrite the chosen one in its own message, or go to one "
                "with **Continue from here** first."
            )
        position = await self._find_shown_position(session, message)
        await self._offer_to_rewrite(interaction, session, position)

    @listens_to(position_pattern("here"))
    async def press_here(self, interaction: Interaction, match: Match[str]) -> None:
        """Continue from the line that a button carries."""
        await self._jump_to(await self.turns.admit(interaction), parse_position(match))

    @listens_to(LINE_ID)
    async def choose_line(self, interaction: Interaction, match: Match[str]) -> None:
        """Continue from the line that was selected from a menu."""
        position = ScriptPosition(int(match["script"]), parse_chosen_id(interaction))
        await self._jump_to(await self.turns.admit(interaction), position)

    @listens_to(page_pattern("history"))
    async def turn_history(self, interaction: Interaction, match: Match[str]) -> None:
        """Turn to another page of the history."""
        session = await self.open_session(interaction)
        script = await session.library.find(int(match["script"]))
        content, view = await self._make_history_page(session, script, int(match["number"]))
        await edit_response(interaction, content=content, view=view)

    # The history

    async def _make_history_page(
        self, session: ChannelSession, script: Script, number: int, requested: int | None = None
    ) -> tuple[str, discord.ui.View]:
        """Return a page of a script's history, from 0; a number past the end is the last page.

        The line with the id ``requested`` is marked.
        """
        page = await session.history.load_page(script, number)
        title = format_page_title(script, page.number, page.pages)
        options = [make_option(line, page.numbers.get(line.id)) for line in page.lines]
        view = make_line_menu(script.id, options, page.number, page.pages)
        settings, size_left = self.services.settings, LIMIT - size(title) - 1
        values = resolve_values(script.preferences, settings)
        list_text = format_lines(page.lines, page.numbers, values, settings, requested, size_left)
        return f"{title}\n{list_text}", view

    async def _find_shown_position(
        self, session: ChannelSession, message: discord.Message
    ) -> ScriptPosition:
        """Return the line that a message shows, in the running script if it has the line."""
        line = await self.sessions.posts.load_line(message.id)
        script = await session.history.find_script(line)
        return ScriptPosition(script.id, line.id)

    # Going elsewhere

    @asks_during_vote(DO_ANYWAY)
    async def _jump_to(self, turn: Turn, position: ScriptPosition) -> None:
        """Continue from an earlier line, in front of everybody."""
        result = await turn.session.history.jump_to(turn.requester, position)
        who = format_requester(turn.interaction)
        await self.turns.show(turn, result, say("{who} moved the script to this line.", who=who))

    async def _rewrite_shown(self, interaction: Interaction, script: Script, line: Line) -> None:
        """Open the window for the last line of a channel, without reading anything."""
        check_may_rewrite(script, line, get_requester(interaction))
        await self._open_rewrite_modal(ScriptPosition(script.id, line.id), line, interaction)

    async def _offer_to_rewrite(
        self, interaction: Interaction, session: ChannelSession, position: ScriptPosition
    ) -> None:
        line = await session.history.line_to_rewrite(get_requester(interaction), position)

        async def open_window(pressed: Interaction) -> None:
            # Another line may be there by now. Do not wait for a slow database.
            with suppress(TimeoutError):
                async with asyncio.timeout(READING_SECONDS):
                    await session.history.line_to_rewrite(get_requester(pressed), position)
            await self._open_rewrite_modal(position, line, pressed)

        async def cut(pressed: Interaction) -> None:
            await self._rewrite_line(await self.turns.admit(pressed), position, text="")

        rewrite = Choice(say(REWRITE), open_window, discord.ButtonStyle.primary, opens_window=True)
        quoted = inline(line.element.one_line, QUOTED_SIZE)
        await self.offer(interaction, quoted, rewrite, Choice(say("Cut it"), cut))

    async def _open_rewrite_modal(
        self, position: ScriptPosition, line: Line, interaction: Interaction
    ) -> None:
        text = make_rewrite_input(line)
        hint = format_rewrite_hint(line)
        label = ui.Label[Any](text=say("Text"), description=hint, component=text)

        async def submit(answer: Interaction) -> None:
            async with self.answering(answer, keep=text.value.strip()):
                turn = await self.turns.admit(answer)
                self.services.charge(answer, Cost(characters=len(text.value)))
                await self._rewrite_line(turn, position, text=text.value)

        title = say("Rewrite “{text}”", text=plain(line.element.one_line, TITLE_SIZE))
        await self.open_modal(interaction, title, [label], submit)

    @asks_during_vote(DO_ANYWAY, keep="text")
    async def _rewrite_line(self, turn: Turn, position: ScriptPosition, *, text: str) -> None:
        history = turn.session.history
        line = await history.line_to_rewrite(turn.requester, position)
        number = await turn.session.library.count_lines(line.id)
        async with self.turns.show_progress(turn.interaction, LINES) as job:
            result = await history.rewrite(turn.requester, position, text, job)
        who = format_requester(turn.interaction)
        sentence = phrase("{who} cut line {number:,}. It stays in {/script history}.")
        if result.lines:
            sentence = phrase("{who} rewrote line {number:,}.")
        elif result.before and line.id == result.before.head:
            sentence = phrase("{who} cut the last line. To restore it, press **Redo**.")
        note = say(sentence, who=who, number=number)
        await self.turns.show(turn, result, note)

    async def _fork_into_thread(self, interaction: Interaction, title: str) -> None:
        session = self.services.admit_to_session(interaction)
        channel, permissions = interaction.channel, interaction.app_permissions
        if not isinstance(channel, discord.TextChannel):
            raise RequestError("I cannot open a thread here. Leave out {*thread}.")
        if not (permissions.create_public_threads and permissions.send_messages_in_threads):
            raise RequestError(
                "I need **Create Public Threads** and **Send Messages In Threads** here. Ask "
                "for them, or leave out {*thread}."
            )
        check_person(interaction, "create_public_threads")
        check_person(interaction, "send_messages_in_threads")
        await FirstResponse(interaction).defer(thinking=True)
        requester = get_requester(interaction)
        check_may_write(await session.library.load_script(), requester)
        public = discord.ChannelType.public_thread
        thread = await channel.create_thread(name=plain(title, 100), type=public)
        try:
            result = await session.history.fork(requester, title, thread.id)
        except Exception:
            # Delete a thread without a script, or archive it, which its creator may always do.
            with suppress(discord.HTTPException, *CONNECTION_ERRORS):
                try:
                    await thread.delete()
                except discord.Forbidden:
                    await thread.edit(archived=True)
            raise
        await self.services.messages.sync(thread, self.sessions.get(thread.id))
        note = say(
            "{who} forked the script. It continues here, and as “{title}” in {thread}.",
            who=format_requester(interaction),
            title=inline(title, 100),
            thread=thread.mention,
        )
        note += await _format_turns(session, result)
        await complete_response(interaction, content=f"-# {note}")


async def _format_turns(session: ChannelSession, forked: TurnResult) -> str:
    """Return a space and the sentence that a fork begins without the turns, or "" without any."""
    if forked.before is None or not await session.rotations.find(forked.before.id):
        return ""
    return f" {say('In the fork, everybody may write. To take turns, use {/script turns} there.')}"
