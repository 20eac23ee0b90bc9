"""Scripts: all those of a channel, with what can be done with each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Self

import discord
from discord import app_commands, ui

from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import inline, plain
from ..screenplay.free_text import TITLE_LIMIT, titled
from ..session.channel_session import ChannelSession
from ..session.turn import SessionError
from ..storage.schema import Script
from ..ui.cards import mention
from ..ui.components import (
    CUSTOM_ID_PREFIX,
    ID_PATTERN,
    Handler,
    Interaction,
    get_selected,
    make_custom_id,
    make_page_buttons,
    make_view,
    page_pattern,
)
from ..ui.delivery import FirstResponse, edit_response
from ..ui.responses import check_permissions
from .bounds import check_texts, chosen
from .feature import UNTITLED, FeatureCog, answered, for_scripts
from .requester import who, writer_of

ON_A_PAGE = 20
"""Scripts on a page, for whose titles a message has room."""

BUTTONS = {
    "run": (phrase("Go on with it"), discord.ButtonStyle.primary),
    "rename": (phrase("Rename"), discord.ButtonStyle.secondary),
    "archive": (phrase("Archive"), discord.ButtonStyle.secondary),
    "return": (phrase("Put it back"), discord.ButtonStyle.secondary),
    "ask": (phrase("Delete"), discord.ButtonStyle.danger),
    "delete": (phrase("Delete it for good"), discord.ButtonStyle.danger),
    "see": (phrase("Keep it"), discord.ButtonStyle.secondary),
    "all": (phrase("All scripts"), discord.ButtonStyle.secondary),
}
"""The labels and styles of the buttons of a script, by their actions."""

MENU_ID = f"{CUSTOM_ID_PREFIX}scripts"
BUTTON_ID = rf"{CUSTOM_ID_PREFIX}script:(?P<action>{'|'.join(BUTTONS)}):(?P<script>{ID_PATTERN})"


class Scripts(FeatureCog, name="OnBook.scripts"):
    """See the scripts of a channel, go on with another, rename, archive and delete."""

    def listeners(self) -> dict[str, Handler]:
        """Listen to the menu of scripts, to its pages, and to the buttons of a script."""
        return {
            MENU_ID: lambda interaction, _: self.choose_script(interaction),
            page_pattern("shelf"): lambda interaction, found: self.turn_shelf(
                interaction, int(found["number"])
            ),
            BUTTON_ID: lambda interaction, found: self.press_script(
                interaction, found["action"], int(found["script"])
            ),
        }

    @app_commands.command(name="scripts")
    @for_scripts
    @answered
    async def scripts(self, interaction: Interaction) -> None:
        """See all scripts of this channel: switch, rename, archive, delete"""
        content, view = await self._shelf(self.services.open_session(interaction))
        await FirstResponse(interaction).send_message(content, view=view, ephemeral=True)

    @answered
    async def press_script(self, interaction: Interaction, action: str, script: int) -> None:
        """Answer a button of a script."""
        session = self.services.open_session(interaction)
        if action == "all":
            content, view = await self._shelf(session)
            await FirstResponse(interaction).edit_message(content=content, view=view)
            return
        one = await session.library.find(script)
        match action:
            case "run":
                await self._switch(interaction, script)
            case "rename":
                window = RenameModal(one, self.submit_title)
                await FirstResponse(interaction).send_modal(self.services.in_flight.open(window))
            case "archive" | "return":
                archived = action == "archive"
                await FirstResponse(interaction).defer()
                one = await session.library.archive(writer_of(interaction), script, archived)
                await self._show_script(interaction, one)
                await self.services.messages.redraw_end(interaction, session, one)
            case "ask":
                await FirstResponse(interaction).edit_message(
                    content=await self._question(one), view=_buttons(["delete", "see"], one.id)
                )
            case "delete":
                await self._delete(interaction, session, script)
            case _:
                await self._show_script(interaction, one)

    @answered
    async def choose_script(self, interaction: Interaction) -> None:
        """Show the script that was selected from the menu."""
        session = self.services.open_session(interaction)
        one = await session.library.find(chosen(get_selected(interaction)))
        await self._show_script(interaction, one)

    @answered
    async def turn_shelf(self, interaction: Interaction, number: int) -> None:
        """Turn to another page of the scripts."""
        content, view = await self._shelf(self.services.open_session(interaction), number)
        await FirstResponse(interaction).edit_message(content=content, view=view)

    @answered
    async def submit_title(self, interaction: Interaction, script: int, title: str) -> None:
        """Rename a script, from the window."""
        check_texts(title=(title, TITLE_LIMIT))
        title = titled(title) or say(UNTITLED)
        session = self.services.open_session(interaction)
        await FirstResponse(interaction).defer()
        one = await session.library.rename(writer_of(interaction), script, title)
        await self._show_script(interaction, one)

    async def _shelf(self, session: ChannelSession, number: int = 0) -> tuple[str, discord.ui.View]:
        """Return a page of a channel's scripts, from 0; a number past the end is the last page."""
        shelf = await session.library.list_scripts()
        if not shelf:
            raise SessionError(
                say("There is no script in this channel yet: begin one with {/start}.")
            )
        pages = -(-len(shelf) // ON_A_PAGE)
        number = min(number, pages - 1)
        there = shelf[number * ON_A_PAGE : (number + 1) * ON_A_PAGE]
        menu: ui.Select[ui.View] = ui.Select(
            custom_id=MENU_ID,
            placeholder=say("Choose a script…"),
            options=[script_option(one) for one in there],
        )
        view = make_view(menu, *make_page_buttons("shelf", 0, number, pages))
        return list_scripts(there, number, pages), view

    async def _show_script(self, interaction: Interaction, one: Script) -> None:
        """Show a script and its buttons in the place of the menu."""
        lines = await self.store.lines.load_path_ids(one.head)
        content = say(
            "**{title}**: {standing}, begun by {owner}, {lines}",
            title=inline(one.title, 100),
            standing=standing(one),
            owner=mention(one.owner),
            lines=many(len(lines), "line"),
        )
        put = "return" if one.archived else "archive"
        actions = ["rename", put, "ask", "all"]
        view = _buttons(actions if one.running else ["run", *actions], one.id)
        if interaction.response.is_done():
            await edit_response(interaction, content=content, view=view)
        else:
            await FirstResponse(interaction).edit_message(content=content, view=view)

    async def _question(self, one: Script) -> str:
        """Return the question whether to delete a script, with what would be deleted."""
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
        """Go on with a script, in front of everybody."""
        check_permissions(interaction)
        session = self.services.open_session(interaction)
        await FirstResponse(interaction).defer(thinking=True)
        result = await session.library.switch(writer_of(interaction), script)
        note = say(
            "{who} took “{title}” from the shelf.",
            who=who(interaction),
            title=inline(result.script.title, 100),
        )
        await self.turns.show_end(interaction, session, result, f"-# {note}")

    async def _delete(self, interaction: Interaction, session: ChannelSession, script: int) -> None:
        one = await session.library.find(script)
        messages = await self.services.messages.list_messages(one)
        await FirstResponse(interaction).defer()
        seen = await session.library.delete(writer_of(interaction), script)
        deleted = say("“{title}” is deleted.", title=inline(one.title, 100))
        await edit_response(interaction, content=deleted, view=None)
        await self.services.messages.remove_buttons(interaction, session, messages)
        for result in seen:
            await self.services.messages.redraw_after_turn(interaction, session, result, set())


def _buttons(actions: Sequence[str], script: int) -> ui.View:
    return make_view(
        *(
            ui.Button(
                label=say(BUTTONS[action][0]),
                style=BUTTONS[action][1],
                custom_id=f"{CUSTOM_ID_PREFIX}script:{action}:{script}",
            )
            for action in actions
        )
    )


def script_option(one: Script) -> discord.SelectOption:
    """Return a script as an option of the menu."""
    title = plain(one.title, 100)
    return discord.SelectOption(label=title, value=str(one.id), description=standing(one))


def standing(one: Script) -> str:
    """Return where a script is: running, on the shelf, or archived."""
    if one.running:
        return say("runs here")
    return say("archived") if one.archived else say("on the shelf")


def list_scripts(shelf: Sequence[Script], page: int, pages: int) -> str:
    """Return the scripts on a page, from 0, as a list of at most 2,000 characters."""
    shown = [f"- {inline(one.title, 60)}: {standing(one)}" for one in shelf]
    where = say("Page {number:,} of {pages:,}", number=page + 1, pages=pages)
    return "\n".join([*shown, *([f"-# {where}"] if pages > 1 else [])])


class RenameModal(ui.Modal):
    """A window for a script's title."""

    def __init__(
        self, one: Script, submit: Callable[[Interaction, int, str], Awaitable[None]]
    ) -> None:
        super().__init__(title=say("Rename this script"), custom_id=make_custom_id("rename"))
        self._script = one.id
        self._submit = submit
        self.name: ui.TextInput[Self] = ui.TextInput(
            label=say("Title"), default=plain(one.title, 100), max_length=100
        )
        self.add_item(self.name)

    async def on_submit(self, interaction: Interaction) -> None:
        """Pass the title on."""
        await self._submit(interaction, self._script, self.name.value)
