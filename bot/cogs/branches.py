"""Branches: a script's history, its forks, and lines that are rewritten."""

from __future__ import annotations

from contextlib import suppress

import discord
from discord import app_commands

from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import LIMIT, inline, plain, size
from ..screenplay.free_text import clean_title
from ..session.channel_session import Room
from ..session.permissions import check_may_write
from ..session.preferences import present
from ..session.rate_limits import Cost
from ..session.turn import Place, RoomError, place_of
from ..storage.schema import Line, Script
from ..ui.components import Handler, Interaction, page_id, place_id, place_in, selected
from ..ui.delivery import LOST, delivered, edited, reply_to
from ..ui.pages import page_title
from ..ui.responses import answer, check_permissions
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
            page_id("history"): lambda interaction, found: self.turn_history(
                interaction, int(found["script"]), int(found["number"])
            ),
            place_id("here"): lambda interaction, found: self.press_here(
                interaction, place_in(found)
            ),
        }

    @app_commands.command(name="history")
    @app_commands.describe(line="The line to go to in the list, by number; by default the last")
    @for_scripts
    @answered
    async def history(
        self, interaction: Interaction, line: app_commands.Range[int, 1] | None = None
    ) -> None:
        """See who wrote what, and continue from any line"""
        script = await self.services.room(interaction).script()
        last = await self._pages(script) - 1
        number, asked_for = last, None
        if line is not None:
            asked_for = (await self._place(script, line)).line
            number = await self._page_of(script, asked_for)
        await reply_to(interaction).defer(thinking=True, ephemeral=True)
        content, view = await self._history(script, number, asked_for)
        await delivered(interaction, content=content, view=view)

    @app_commands.command(name="fork")
    @app_commands.describe(
        title="The new script's title",
        thread="Continue in a new thread instead of here",
    )
    @for_scripts
    @answered
    async def fork(
        self,
        interaction: Interaction,
        title: app_commands.Range[str, 1, 100],
        thread: bool = False,
    ) -> None:
        """Start a second script from this one"""
        check_permissions(interaction)
        title = clean_title(title) or say(UNTITLED)
        room = self.services.room(interaction)
        check_may_write(await room.script(), writer_of(interaction))
        if thread:
            await self._fork_into_thread(interaction, room, title)
            return
        await reply_to(interaction).defer(thinking=True)
        turn = await room.cursor.fork(writer_of(interaction), title)
        note = say(
            "{who} forked the script. This is “{title}”.",
            who=who(interaction),
            title=inline(title, 100),
        )
        await self.turns.show_end(interaction, room, turn, f"-# {note}")

    @app_commands.command(name="edit")
    @app_commands.describe(line="The line's number in the history; by default the last")
    @for_scripts
    @answered
    async def edit(
        self, interaction: Interaction, line: app_commands.Range[int, 1] | None = None
    ) -> None:
        """Rewrite a line and keep the lines after it"""
        check_permissions(interaction)
        room = self.services.room(interaction)
        script = await room.begun()
        place = place_of(script) if line is None else await self._place(script, line)
        await self._open(interaction, place)

    @history.autocomplete("line")
    @edit.autocomplete("line")
    async def _suggest_line(
        self, interaction: Interaction, current: str | int
    ) -> list[app_commands.Choice[int]]:
        room = self.services.room(interaction)
        running = await self.store.scripts.find_running_script(room.channel)
        path = await self.store.lines.load_path_ids(running.head if running else None)
        numbers = {line: number for number, line in enumerate(path, 1)}
        wanted = [line for line in reversed(path) if str(current) in str(numbers[line])]
        lines = await self.store.lines.load_lines(wanted[:CHOICES])
        known = [(numbers[line.id], line) for line in reversed(lines)]
        return [app_commands.Choice(name=label(line, n), value=n) for n, line in known]

    # On a message

    @answered
    async def continue_from(self, interaction: Interaction, message: discord.Message) -> None:
        """Continue from the last line of the script that a message shows."""
        if ballot := await self.store.polls.find_poll_by_message(message.id):
            takes = await self.store.polls.load_takes(ballot)
            options = [option(lines[-1], None) for lines in takes.values()]
            await reply_to(interaction).send_message(
                say("Which take do you want to continue from?"),
                view=line_menu("here", ballot.script, options),
                ephemeral=True,
            )
            return
        script, lines = await self._shown_in(message)
        await self._go_to(interaction, Place(script, lines[-1].id))

    @answered
    async def rewrite_in(self, interaction: Interaction, message: discord.Message) -> None:
        """Open the window for the line that a message shows, or ask which of several."""
        check_permissions(interaction)
        if await self.store.polls.find_poll_by_message(message.id):
            raise RoomError(
                say(
                    "These takes are still to choose from. Choose one, or go to one with "
                    "**Continue from here**, then rewrite it."
                )
            )
        script, lines = await self._shown_in(message)
        if len(lines) == 1:
            await self._open(interaction, Place(script, lines[0].id))
            return
        running = await self.services.room(interaction).script()
        numbers = await self._numbers(running)
        options = [option(line, numbers.get(line.id)) for line in lines][-MOST_OPTIONS:]
        await reply_to(interaction).send_message(
            say("Which line of that message?"),
            view=line_menu("rewrite", script, options),
            ephemeral=True,
        )

    @answered
    async def press_here(self, interaction: Interaction, place: Place) -> None:
        """Continue from the line that a button carries."""
        await self.turns.meet(interaction, place)
        await self._go_to(interaction, place)

    @answered
    async def choose_line(self, interaction: Interaction, action: str, script: int) -> None:
        """Rewrite the line that was selected from a menu, or continue from it."""
        place = Place(script, chosen(selected(interaction)))
        if action == "rewrite":
            await self._open(interaction, place)
        else:
            await self._go_to(interaction, place)

    async def submit_rewriting(self, interaction: Interaction, place: Place, text: str) -> None:
        """Rewrite a line, from the window."""
        with self.speaking_to(interaction):
            try:
                check_texts(text=(text, LONGEST_WINDOW))
                self.services.charge(interaction, Cost(characters=len(text)))
                await self._rewrite(interaction, place, text)
            except Exception as error:  # noqa: BLE001 - the last place where it can be answered
                await answer(interaction, error, keep=text.strip())

    @answered
    async def turn_history(self, interaction: Interaction, script: int, number: int) -> None:
        """Turn to another page of the history."""
        running = await self.services.room(interaction).script()
        if running.id != script:
            raise RoomError(
                say("Another script is running here now. See its lines with {/history}.")
            )
        await reply_to(interaction).defer()
        content, view = await self._history(running, number)
        await edited(interaction, content=content, view=view)

    # The history

    async def _history(
        self, script: Script, number: int, asked_for: int | None = None
    ) -> tuple[str, discord.ui.View]:
        """Return a page of a script's history, from 0; a number past the end is the last page.

        The line with the id ``asked_for`` is marked.
        """
        pages = await self._pages(script)
        number = min(number, pages - 1)
        lines = await self.store.lines.load_tree_lines(
            script, number * ON_A_PAGE, (number + 1) * ON_A_PAGE
        )
        numbers = await self._numbers(script)
        title = page_title(script, number, pages)
        options = [option(line, numbers.get(line.id)) for line in lines]
        view = line_menu("here", script.id, options, number, pages)
        room = LIMIT - size(title) - 1
        now = present(script, self.services.settings)
        listed = list_lines(lines, numbers, now, asked_for, room)
        return f"{title}\n{listed}", view

    async def _pages(self, script: Script) -> int:
        """Return the number of pages of a history; raise RoomError for a script without a line."""
        lines = await self.store.lines.count_tree_lines(script)
        if not lines:
            raise RoomError(say("The script is empty. Write a line, or use {/continue}."))
        return -(-lines // ON_A_PAGE)

    async def _page_of(self, script: Script, line: int) -> int:
        """Return the page of a history, from 0, that has a line."""
        return await self.store.lines.count_tree_lines(script, line) // ON_A_PAGE

    async def _place(self, script: Script, number: int) -> Place:
        """Return the place of a line by its number, from 1; raise RoomError where there is none."""
        path = await self.store.lines.load_path_ids(script.head)
        if number > len(path):
            there = many(len(path), "line")
            raise RoomError(say("The script has only {lines}. Choose one of them.", lines=there))
        return Place(script.id, path[number - 1])

    async def _numbers(self, script: Script) -> dict[int, int]:
        """Return the numbers, from 1, of the lines that stand in a script, by their ids."""
        return {
            line: n for n, line in enumerate(await self.store.lines.load_path_ids(script.head), 1)
        }

    async def _shown_in(self, message: discord.Message) -> tuple[int, list[Line]]:
        """Return the script in a message, and those of its lines that stand; all if none does."""
        found = await self.services.messages.perspectives.at(message.id)
        if found is None:
            raise RoomError(say("That message shows no line of a script. Choose one that does."))
        script, lines = found
        return script.id, lines

    # Going elsewhere

    async def _go_to(self, interaction: Interaction, place: Place) -> None:
        """Continue from an earlier line, in front of everybody."""
        check_permissions(interaction)
        room = self.services.room(interaction)
        await reply_to(interaction).defer(thinking=True)
        turn = await room.cursor.jump_to(writer_of(interaction), place)
        note = say("{who} moved the script to this line.", who=who(interaction))
        await self.turns.show_end(interaction, room, turn, f"-# {note}")

    async def _open(self, interaction: Interaction, place: Place) -> None:
        room = self.services.room(interaction)
        line = await room.cursor.line_to_rewrite(writer_of(interaction), place)
        window = RewriteModal(line, place, self.submit_rewriting)
        await reply_to(interaction).send_modal(self.services.in_flight.open(window))

    async def _rewrite(self, interaction: Interaction, place: Place, text: str) -> None:
        check_permissions(interaction)
        room = self.services.room(interaction)
        await room.cursor.line_to_rewrite(writer_of(interaction), place)
        await reply_to(interaction).defer(thinking=True)
        writer = writer_of(interaction)
        turn = await self.turns.patiently(
            interaction,
            lambda patience: room.cursor.rewrite(writer, place, text, patience=patience),
        )
        new = inline(" ".join(line.element.one_line for line in turn.lines), 200)
        note = say("{who} rewrote a line: {line}", who=who(interaction), line=new)
        note = "\n".join(filter(None, (news(turn), f"-# {note}")))
        await self.turns.show_end(interaction, room, turn, note)

    async def _fork_into_thread(self, interaction: Interaction, room: Room, title: str) -> None:
        channel, may = interaction.channel, interaction.app_permissions
        if not isinstance(channel, discord.TextChannel):
            raise RoomError(say("I cannot open a thread here. Leave out {*thread}."))
        if not (may.create_public_threads and may.send_messages_in_threads):
            raise RoomError(
                say(
                    "I need **Create Public Threads** and **Send Messages In Threads** here. Ask "
                    "for them, or leave out {*thread}."
                )
            )
        await reply_to(interaction).defer(thinking=True)
        thread = await channel.create_thread(
            name=plain(title, 100), type=discord.ChannelType.public_thread
        )
        try:
            await room.cursor.fork(writer_of(interaction), title, thread.id)
        except Exception:
            await _remove(thread)
            raise
        await self.services.poster.open_at(thread)
        note = say(
            "{who} forked the script. It continues here, and as “{title}” in {thread}.",
            who=who(interaction),
            title=inline(title, 100),
            thread=thread.mention,
        )
        await delivered(interaction, content=f"-# {note}")


async def _remove(thread: discord.Thread) -> None:
    """Delete a thread without a script, or archive it, which its creator always may."""
    with suppress(discord.HTTPException, *LOST):
        try:
            await thread.delete()
        except discord.Forbidden:
            await thread.edit(archived=True)
