"""Branches: a script's history, its forks, and lines that are rewritten."""

from __future__ import annotations

from contextlib import suppress

import discord
from discord import app_commands

from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import LIMIT, inline, plain, size
from ..screenplay.free_text import titled
from ..session.channel_session import ChannelSession
from ..session.permissions import check_may_write
from ..session.preferences import current_values
from ..session.rate_limits import Cost
from ..session.turn import ScriptPosition, SessionError, current_position
from ..storage.schema import Line, Script
from ..ui.components import (
    Handler,
    Interaction,
    get_selected,
    page_pattern,
    parse_position,
    position_pattern,
)
from ..ui.delivery import CONNECTION_ERRORS, FirstResponse, complete_response, edit_response
from ..ui.responses import answer_error, check_permissions
from ..ui.script_messages import format_page_title
from .bounds import check_texts, chosen
from .feature import CHOICES, UNTITLED, FeatureCog, answered, for_scripts
from .history_page import (
    LINE_ID,
    MOST_OPTIONS,
    ON_A_PAGE,
    RewriteModal,
    label,
    line_menu,
    list_lines,
    option,
)
from .requester import who, writer_of
from .services import CogServices
from .turns import news

LONGEST_WINDOW = 4000
"""Characters of a text from a window; a command's may have more."""

MENUS = CONTINUE, REWRITE = phrase("Continue from here"), phrase("Rewrite this line")
"""The names of the commands on messages."""


class Branches(FeatureCog, name="OnBook.branches"):
    """See how a script came to be, go back in it, and take it another way."""

    def __init__(self, services: CogServices) -> None:
        super().__init__(services)
        # discord.py collects no context-menu commands from the body of a cog.
        self.menus = [
            for_scripts(app_commands.ContextMenu(name=CONTINUE, callback=self.continue_from)),
            for_scripts(app_commands.ContextMenu(name=REWRITE, callback=self.rewrite_in)),
        ]

    async def cog_load(self) -> None:
        """Add the commands on messages, and begin to listen."""
        for menu in self.menus:
            self.bot.tree.add_command(menu)
        await super().cog_load()

    async def cog_unload(self) -> None:
        """Remove the commands on messages, and listen no more."""
        for menu in self.menus:
            self.bot.tree.remove_command(menu.name, type=menu.type)
        await super().cog_unload()

    def listeners(self) -> dict[str, Handler]:
        """Listen to the menu of lines, to its pages, and to the offer to continue from a line."""
        return {
            LINE_ID: lambda interaction, found: self.choose_line(
                interaction, found["action"], int(found["script"])
            ),
            page_pattern("history"): lambda interaction, found: self.turn_history(
                interaction, int(found["script"]), int(found["number"])
            ),
            position_pattern("here"): lambda interaction, found: self.press_here(
                interaction, parse_position(found)
            ),
        }

    @app_commands.command(name="history")
    @app_commands.describe(line="At which line, by its number in the list; at the end if left out")
    @for_scripts
    @answered
    async def history(
        self, interaction: Interaction, line: app_commands.Range[int, 1] | None = None
    ) -> None:
        """See who wrote what, and continue from any line"""
        script = await self.services.open_session(interaction).load_script()
        last = await self._pages(script) - 1
        number, asked_for = last, None
        if line is not None:
            asked_for = (await self._place(script, line)).line
            number = await self._page_of(script, asked_for)
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        content, view = await self._history(script, number, asked_for)
        await complete_response(interaction, content=content, view=view)

    @app_commands.command(name="fork")
    @app_commands.describe(
        title="What the new script is called",
        thread="Go on in a new thread rather than here",
    )
    @for_scripts
    @answered
    async def fork(
        self,
        interaction: Interaction,
        title: app_commands.Range[str, 1, 100],
        thread: bool = False,
    ) -> None:
        """Begin another script where this one stands"""
        check_permissions(interaction)
        title = titled(title) or say(UNTITLED)
        session = self.services.open_session(interaction)
        check_may_write(await session.load_script(), writer_of(interaction))
        if thread:
            await self._fork_into_thread(interaction, session, title)
            return
        await FirstResponse(interaction).defer(thinking=True)
        result = await session.history.fork(writer_of(interaction), title)
        note = say(
            "{who} forked the script: this is “{title}”.",
            who=who(interaction),
            title=inline(title, 100),
        )
        await self.turns.show_end(interaction, session, result, f"-# {note}")

    @app_commands.command(name="edit")
    @app_commands.describe(line="Which line, by its number in the history; the last if left out")
    @for_scripts
    @answered
    async def edit(
        self, interaction: Interaction, line: app_commands.Range[int, 1] | None = None
    ) -> None:
        """Rewrite a line, and keep what follows it"""
        check_permissions(interaction)
        session = self.services.open_session(interaction)
        script = await session.load_nonempty_script()
        position = current_position(script) if line is None else await self._place(script, line)
        await self._open(interaction, position)

    @history.autocomplete("line")
    @edit.autocomplete("line")
    async def _suggest_line(
        self, interaction: Interaction, current: str | int
    ) -> list[app_commands.Choice[int]]:
        session = self.services.open_session(interaction)
        running = await self.store.scripts.find_running(session.channel)
        path = await self.store.lines.load_path_ids(running.head if running else None)
        numbers = {line: number for number, line in enumerate(path, 1)}
        wanted = [line for line in reversed(path) if str(current) in str(numbers[line])]
        lines = await self.store.lines.load(wanted[:CHOICES])
        known = [(numbers[line.id], line) for line in reversed(lines)]
        return [app_commands.Choice(name=label(line, n), value=n) for n, line in known]

    # On a message

    @answered
    async def continue_from(self, interaction: Interaction, message: discord.Message) -> None:
        """Continue from the last line of the script that a message shows."""
        if poll := await self.store.polls.find_by_message(message.id):
            takes = await self.store.polls.load_takes(poll)
            options = [option(lines[-1], None) for lines in takes.values()]
            await FirstResponse(interaction).send_message(
                say("After which take of that message?"),
                view=line_menu("here", poll.script, options),
                ephemeral=True,
            )
            return
        script, lines = await self._shown_in(message)
        await self._go_to(interaction, ScriptPosition(script, lines[-1].id))

    @answered
    async def rewrite_in(self, interaction: Interaction, message: discord.Message) -> None:
        """Open the window for the line that a message shows, or ask which of several."""
        check_permissions(interaction)
        if await self.store.polls.find_by_message(message.id):
            raise SessionError(
                say(
                    "These are takes to choose from: pick one, or go to it with **Continue from "
                    "here**, and rewrite it in the message that shows it then."
                )
            )
        script, lines = await self._shown_in(message)
        if len(lines) == 1:
            await self._open(interaction, ScriptPosition(script, lines[0].id))
            return
        running = await self.services.open_session(interaction).load_script()
        numbers = await self._numbers(running)
        options = [option(line, numbers.get(line.id)) for line in lines][-MOST_OPTIONS:]
        await FirstResponse(interaction).send_message(
            say("Which line of that message?"),
            view=line_menu("rewrite", script, options),
            ephemeral=True,
        )

    @answered
    async def press_here(self, interaction: Interaction, position: ScriptPosition) -> None:
        """Continue from the line that a button carries."""
        await self.turns.meet(interaction, position)
        await self._go_to(interaction, position)

    @answered
    async def choose_line(self, interaction: Interaction, action: str, script: int) -> None:
        """Rewrite the line that was selected from a menu, or continue from it."""
        position = ScriptPosition(script, chosen(get_selected(interaction)))
        if action == "rewrite":
            await self._open(interaction, position)
        else:
            await self._go_to(interaction, position)

    async def submit_rewriting(
        self, interaction: Interaction, position: ScriptPosition, text: str
    ) -> None:
        """Rewrite a line, from the window."""
        with self.speaking_to(interaction):
            try:
                check_texts(text=(text, LONGEST_WINDOW))
                self.services.charge(interaction, Cost(characters=len(text)))
                await self._rewrite(interaction, position, text)
            except Exception as error:  # noqa: BLE001 - the last place where it can be answered
                await answer_error(interaction, error, keep=text.strip())

    @answered
    async def turn_history(self, interaction: Interaction, script: int, number: int) -> None:
        """Turn to another page of the history."""
        running = await self.services.open_session(interaction).load_script()
        if running.id != script:
            raise SessionError(say("Another script runs here now: see its lines with {/history}."))
        await FirstResponse(interaction).defer()
        content, view = await self._history(running, number)
        await edit_response(interaction, content=content, view=view)

    # The history

    async def _history(
        self, script: Script, number: int, asked_for: int | None = None
    ) -> tuple[str, discord.ui.View]:
        """Return a page of a script's history, from 0; a number past the end is the last page.

        The line with the id ``asked_for`` is marked.
        """
        pages = await self._pages(script)
        number = min(number, pages - 1)
        lines = await self.store.lines.load_tree(
            script, number * ON_A_PAGE, (number + 1) * ON_A_PAGE
        )
        numbers = await self._numbers(script)
        title = format_page_title(script, number, pages)
        options = [option(line, numbers.get(line.id)) for line in lines]
        view = line_menu("here", script.id, options, number, pages)
        size_left = LIMIT - size(title) - 1
        now = current_values(script, self.services.settings)
        listed = list_lines(lines, numbers, now, asked_for, size_left)
        return f"{title}\n{listed}", view

    async def _pages(self, script: Script) -> int:
        """Count the pages of a history; raise SessionError for a script without a line."""
        lines = await self.store.lines.count_tree(script)
        if not lines:
            raise SessionError(say("The script has no line yet: write one, or use {/continue}."))
        return -(-lines // ON_A_PAGE)

    async def _page_of(self, script: Script, line: int) -> int:
        """Return the page of a history, from 0, that has a line."""
        return await self.store.lines.count_tree(script, line) // ON_A_PAGE

    async def _place(self, script: Script, number: int) -> ScriptPosition:
        """Find a line by its number, from 1; raise SessionError if there is none."""
        path = await self.store.lines.load_path_ids(script.head)
        if number > len(path):
            there = many(len(path), "line")
            raise SessionError(say("The script has {lines}: choose one that it has.", lines=there))
        return ScriptPosition(script.id, path[number - 1])

    async def _numbers(self, script: Script) -> dict[int, int]:
        """Return the numbers, from 1, of the lines that stand in a script, by their ids."""
        return {
            line: n for n, line in enumerate(await self.store.lines.load_path_ids(script.head), 1)
        }

    async def _shown_in(self, message: discord.Message) -> tuple[int, list[Line]]:
        """Return the script in a message, and those of its lines that stand; all if none does."""
        found = await self.services.messages.perspectives.find_shown(message.id)
        if found is None:
            raise SessionError(say("That message shows no line of a script: choose one that does."))
        script, lines = found
        return script.id, lines

    # Going elsewhere

    async def _go_to(self, interaction: Interaction, position: ScriptPosition) -> None:
        """Continue from an earlier line, in front of everybody."""
        check_permissions(interaction)
        session = self.services.open_session(interaction)
        await FirstResponse(interaction).defer(thinking=True)
        result = await session.history.jump_to(writer_of(interaction), position)
        note = say("{who} took the script to this line.", who=who(interaction))
        await self.turns.show_end(interaction, session, result, f"-# {note}")

    async def _open(self, interaction: Interaction, position: ScriptPosition) -> None:
        session = self.services.open_session(interaction)
        line = await session.history.line_to_rewrite(writer_of(interaction), position)
        window = RewriteModal(line, position, self.submit_rewriting)
        await FirstResponse(interaction).send_modal(self.services.in_flight.open(window))

    async def _rewrite(self, interaction: Interaction, position: ScriptPosition, text: str) -> None:
        check_permissions(interaction)
        session = self.services.open_session(interaction)
        await session.history.line_to_rewrite(writer_of(interaction), position)
        await FirstResponse(interaction).defer(thinking=True)
        requester = writer_of(interaction)
        result = await self.turns.patiently(
            interaction,
            lambda job: session.history.rewrite(requester, position, text, job=job),
        )
        new = inline(" ".join(line.element.one_line for line in result.lines), 200)
        note = say("{who} rewrote a line: {line}", who=who(interaction), line=new)
        note = "\n".join(filter(None, (news(result), f"-# {note}")))
        await self.turns.show_end(interaction, session, result, note)

    async def _fork_into_thread(
        self, interaction: Interaction, session: ChannelSession, title: str
    ) -> None:
        channel, may = interaction.channel, interaction.app_permissions
        if not isinstance(channel, discord.TextChannel):
            raise SessionError(say("No thread can be opened here: leave out the option {*thread}."))
        if not (may.create_public_threads and may.send_messages_in_threads):
            raise SessionError(
                say(
                    "I lack the permissions **Create Public Threads** and **Send Messages In "
                    "Threads** in this channel: ask somebody who manages it, or leave out the "
                    "option {*thread}."
                )
            )
        await FirstResponse(interaction).defer(thinking=True)
        thread = await channel.create_thread(
            name=plain(title, 100), type=discord.ChannelType.public_thread
        )
        try:
            await session.history.fork(writer_of(interaction), title, thread.id)
        except Exception:
            await _remove(thread)
            raise
        await self.services.poster.post_end(thread)
        note = say(
            "{who} forked the script: it goes on here, and as “{title}” in {thread}.",
            who=who(interaction),
            title=inline(title, 100),
            thread=thread.mention,
        )
        await complete_response(interaction, content=f"-# {note}")


async def _remove(thread: discord.Thread) -> None:
    """Delete a thread without a script, or archive it, which its creator always may."""
    with suppress(discord.HTTPException, *CONNECTION_ERRORS):
        try:
            await thread.delete()
        except discord.Forbidden:
            await thread.edit(archived=True)
