"""The command for all the scripts of a channel."""

from __future__ import annotations

from collections.abc import Sequence

import discord
from discord import app_commands

from ..i18n.catalogue import many, say
from ..i18n.markdown import inline
from ..screenplay.free_text import TITLE_LIMIT, titled
from ..session.channel_session import Room
from ..session.turn import RoomError
from ..storage.schema import Script
from ..ui import panels
from ..ui.cards import mention
from ..ui.components import Interaction
from ..ui.delivery import edited, reply_to
from ..ui.responses import check_permissions
from .bounds import check_texts, chosen
from .commands import answered, for_scripts, who, writer_of
from .turns import UNTITLED, Turns


class Scripts(Turns):
    """See the scripts of a channel, go on with another, rename, archive and delete."""

    @app_commands.command(name="scripts")
    @for_scripts
    @answered
    async def scripts(self, interaction: Interaction) -> None:
        """See all scripts of this channel: switch, rename, archive, delete"""
        content, view = await self._shelf(self._room(interaction))
        await reply_to(interaction).send_message(content, view=view, ephemeral=True)

    @answered
    async def press_script(self, interaction: Interaction, action: str, script: int) -> None:
        """A script was chosen, or a button for one was pressed."""
        room = self._room(interaction)
        if action == "all":
            content, view = await self._shelf(room)
            await reply_to(interaction).edit_message(content=content, view=view)
            return
        one = await room.library.find(script)
        match action:
            case "run":
                await self._switch(interaction, script)
            case "rename":
                await reply_to(interaction).send_modal(self._for_now(panels.RenameModal(one)))
            case "archive" | "return":
                archived = action == "archive"
                await reply_to(interaction).defer()
                one = await room.library.archive(writer_of(interaction), script, archived)
                await self._show_script(interaction, one)
                await self.board.bare(interaction, room, one)
            case "ask":
                await reply_to(interaction).edit_message(
                    content=await self._question(one), view=panels.sure(one)
                )
            case "delete":
                await self._delete(interaction, room, script)
            case _:
                await self._show_script(interaction, one)

    @answered
    async def choose_script(self, interaction: Interaction, values: Sequence[object]) -> None:
        """A script was chosen from a menu."""
        one = await self._room(interaction).library.find(chosen(values))
        await self._show_script(interaction, one)

    @answered
    async def turn_shelf(self, interaction: Interaction, number: int) -> None:
        """A button under a page of the scripts was pressed."""
        content, view = await self._shelf(self._room(interaction), number)
        await reply_to(interaction).edit_message(content=content, view=view)

    @answered
    async def submit_title(self, interaction: Interaction, script: int, title: str) -> None:
        """Renames a script, from the modal."""
        check_texts(title=(title, TITLE_LIMIT))
        title = titled(title) or say(UNTITLED)
        room = self._room(interaction)
        await reply_to(interaction).defer()
        one = await room.library.rename(writer_of(interaction), script, title)
        await self._show_script(interaction, one)

    # How it is done

    async def _shelf(self, room: Room, number: int = 0) -> tuple[str, discord.ui.View]:
        """One page of a channel's scripts, from 0; a number past the end is the last page."""
        shelf = await room.library.scripts()
        if not shelf:
            raise RoomError(say("There is no script in this channel yet: begin one with {/start}."))
        pages = -(-len(shelf) // panels.ON_A_SHELF)
        number = min(number, pages - 1)
        there = shelf[number * panels.ON_A_SHELF : (number + 1) * panels.ON_A_SHELF]
        return panels.listed(there, number, pages), panels.scripts(there, number, pages)

    async def _show_script(self, interaction: Interaction, one: Script) -> None:
        """Shows a script and what can be done with it, where the menu was."""
        lines = await self.store.lines.load_path_ids(one.head)
        content = say(
            "**{title}**: {standing}, begun by {owner}, {lines}",
            title=inline(one.title, 100),
            standing=panels.standing(one),
            owner=mention(one.owner),
            lines=many(len(lines), "line"),
        )
        if interaction.response.is_done():
            await edited(interaction, content=content, view=panels.script(one))
        else:
            await reply_to(interaction).edit_message(content=content, view=panels.script(one))

    async def _question(self, one: Script) -> str:
        """Asks whether a script is to be deleted, and says what of it goes then."""
        lines, forked = await self.store.scripts.count_deletion(one)
        question = say(
            "Delete “{title}” with {lines}? Nobody can bring it back. Its messages stay.",
            title=inline(one.title, 100),
            lines=many(lines, "line"),
        )
        if not forked:
            return question
        stays = say(
            "What forks of it begin with stays in them: {lines}.", lines=many(forked, "line")
        )
        return f"{question} {stays}"

    async def _switch(self, interaction: Interaction, script: int) -> None:
        """Goes on with a script, in front of everybody."""
        check_permissions(interaction)
        room = self._room(interaction)
        await reply_to(interaction).defer(thinking=True)
        turn = await room.library.switch(writer_of(interaction), script)
        note = say(
            "{who} took “{title}” from the shelf.",
            who=who(interaction),
            title=inline(turn.script.title, 100),
        )
        shown = await self.board.show_end(interaction, room, f"-# {note}")
        await self.board.repaint(interaction, room, turn, shown)

    async def _delete(self, interaction: Interaction, room: Room, script: int) -> None:
        one = await room.library.find(script)
        messages = await self.board.messages_of(one)
        await reply_to(interaction).defer()
        seen = await room.library.delete(writer_of(interaction), script)
        deleted = say("“{title}” is deleted.", title=inline(one.title, 100))
        await edited(interaction, content=deleted, view=None)
        await self.board.strip(interaction, room, messages)
        for turn in seen:
            await self.board.repaint(interaction, room, turn, set())
