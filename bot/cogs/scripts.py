"""List the scripts of a channel; switch, rename, archive and delete them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from re import Match
from typing import Any

import discord
from discord import ui

from ..errors import RequestError
from ..i18n.catalogue import many, phrase, say
from ..interactions.option_checks import parse_chosen_id
from ..interactions.requester import format_requester, get_message_channel, get_requester
from ..interactions.turns import Turn, format_paused
from ..screenplay.free_text import clean_title
from ..session.channel_session import ChannelSession
from ..session.permissions import is_manager
from ..session.turn import current_position
from ..storage.schema import Script
from ..ui.components import (
    CUSTOM_ID_PREFIX,
    POSITION_BUTTONS,
    SCRIPT_BUTTON_ID,
    Interaction,
    make_page_buttons,
    make_position_button,
    make_row_view,
    make_script_button,
    make_view,
    page_pattern,
    position_pattern,
)
from ..ui.delivery.installations import find_installer
from ..ui.delivery.sending import FirstResponse, edit_response, post_message, try_once
from ..ui.lines.looks import format_earlier_lines, format_recap
from ..ui.markdown import inline, mention, plain
from ..ui.panels.poll_messages import remove_buttons
from .feature import BELOW_SCRIPT, UNTITLED, FeatureCog, command, listens_to

SCRIPTS_PER_PAGE = 10
"""The number of scripts on a page; a message has room for this many titles."""

SCRIPT_MENU_ID = f"{CUSTOM_ID_PREFIX}scripts"

ARCHIVED = phrase("{who} archived “{title}”. Reopen it with {/script list}.")
DELETED = phrase(
    "{who} deleted “{title}”. Choose another script with {/script list}, or use {/start}."
)
"""What everybody is told about a script that was running."""


class Scripts(FeatureCog, name="OnBook.scripts"):
    """See the scripts of a channel, go on with another, rename, archive and delete."""

    @command("list", extras=BELOW_SCRIPT)
    @listens_to(position_pattern("menu-scripts"))
    async def list_scripts(self, interaction: Interaction) -> None:
        """See this channel's scripts: switch, rename, archive or delete them"""
        session = await self.open_session(interaction, thinking=True, ephemeral=True)
        await self._show_shelf_page(interaction, session)

    @listens_to(SCRIPT_BUTTON_ID)
    async def press_script(self, interaction: Interaction, match: Match[str]) -> None:
        """Answer a button of a script."""
        action, script_id = match["action"], int(match["script"])
        session = self.services.admit_to_session(interaction)
        if action in ("run", "reopen"):
            await self._switch(await self.turns.admit(interaction), script_id)
            return
        if action == "rename":
            await self._open_title_window(interaction, script_id)
            return
        await FirstResponse(interaction).defer()
        if action == "all":
            await self._show_shelf_page(interaction, session)
            return
        script = await session.library.find(script_id)
        match action:
            case "archive":
                archived = await session.library.archive(get_requester(interaction), script_id)
                await self._show_script(interaction, archived)
                await self._show_without(interaction, session, script, ARCHIVED)
            case "ask":
                question = await self._format_deletion(session, script)
                buttons = [make_script_button(name, script.id) for name in ("delete", "see")]
                await edit_response(interaction, content=question, view=make_view(*buttons))
            case "delete":
                await self._delete_script(interaction, session, script)
            case _:
                await self._show_script(interaction, script)

    @listens_to(SCRIPT_MENU_ID)
    async def choose_script(self, interaction: Interaction, _match: Match[str]) -> None:
        """Show the script that was selected from the menu."""
        script_id = parse_chosen_id(interaction)
        session = await self.open_session(interaction)
        await self._show_script(interaction, await session.library.find(script_id))

    @listens_to(page_pattern("shelf"))
    async def turn_shelf(self, interaction: Interaction, match: Match[str]) -> None:
        """Turn to another page of the scripts."""
        session = await self.open_session(interaction)
        await self._show_shelf_page(interaction, session, int(match["number"]))

    async def _open_title_window(self, interaction: Interaction, script_id: int) -> None:
        title = make_title_input(self.services.recent_scripts.get(script_id))

        async def submit(answer: Interaction) -> None:
            async with self.answering(answer, keep=title.value):
                session = await self.open_session(answer)
                requester, name = get_requester(answer), clean_title(title.value) or say(UNTITLED)
                script = await session.library.rename(requester, script_id, name)
                await self._show_script(answer, script)
                await self.turns.sync(answer, session)

        await self.open_modal(interaction, say("Rename this script"), [title], submit)

    async def _show_shelf_page(
        self, interaction: Interaction, session: ChannelSession, number: int = 0
    ) -> None:
        """Show a page of a channel's scripts, from 0; a number past the end is the last page."""
        scripts = await session.library.list_scripts()
        if not scripts:
            raise RequestError("This channel has no script yet. Start one with {/start}.")
        pages = -(-len(scripts) // SCRIPTS_PER_PAGE)
        number = min(number, pages - 1)
        page_scripts = scripts[number * SCRIPTS_PER_PAGE : (number + 1) * SCRIPTS_PER_PAGE]
        menu: ui.Select[ui.View] = ui.Select(
            custom_id=SCRIPT_MENU_ID,
            placeholder=say("Choose a script…"),
            options=[
                make_script_option(script, place)
                for place, script in enumerate(page_scripts, number * SCRIPTS_PER_PAGE + 1)
            ],
        )
        view = make_view(menu, *make_page_buttons("shelf", 0, number, pages))
        lengths = [await session.library.count_lines(script.head) for script in page_scripts]
        content = format_scripts(page_scripts, lengths, number, pages)
        await edit_response(interaction, content=content, view=view)

    async def _show_script(self, interaction: Interaction, script: Script) -> None:
        """Show a script, and what a person may do with it, in place of the menu."""
        manages = is_manager(script, get_requester(interaction))
        self.services.recent_scripts[script.id] = script
        count = await self.services.sessions.get(script.channel).library.count_lines(script.head)
        content = say(
            "**{title}**: {standing}, started by {owner}, {lines}",
            title=inline(script.title, 100),
            standing=format_status(script),
            owner=mention(script.owner),
            lines=many(count, "line"),
        )
        shown = {
            "run": not (script.running or script.archived),
            "reopen": script.archived,
            "menu-show": script.head is not None,
            "menu-export": script.head is not None,
            "rename": manages,
            "archive": manages and not script.archived,
            "ask": manages,
            "all": True,
        }
        position = current_position(script)
        buttons = [
            make_position_button(action, position)
            if action in POSITION_BUTTONS
            else make_script_button(action, script.id)
            for action in shown
            if shown[action]
        ]
        await edit_response(interaction, content=content, view=make_row_view(buttons))

    async def _format_deletion(self, session: ChannelSession, script: Script) -> str:
        """Return the question whether to delete a script, which says what would be deleted."""
        lines = await session.library.count_lines(script.head)
        question = say(
            "Delete “{title}” with its {lines} and everything that was discarded? This cannot be "
            "undone. Its messages stay.",
            title=inline(script.title, 100),
            lines=many(lines, "line"),
        )
        if not (forked := await session.library.count_forked_lines(script)):
            return question
        kept = say("Its forks keep their copies of {lines}.", lines=many(forked, "line"))
        return f"{question} {kept}"

    async def _switch(self, turn: Turn, script_id: int) -> None:
        """Go on with a script, in front of everybody."""
        library, message = turn.session.library, turn.interaction.message
        await library.find(script_id)
        is_closing_card = message and not message.flags.ephemeral
        running = await library.find_running()
        if is_closing_card and running and running.id != script_id:
            raise RequestError(
                "“{title}” is running here now. To reopen this script instead, use {/script list}.",
                title=running.title,
            )
        result = await library.switch(turn.requester, script_id)
        who, title = format_requester(turn.interaction), inline(result.script.title, 100)
        rows = [say("{who} resumed “{title}”.", who=who, title=title) + format_paused(result)]
        # Recap the script, because its messages stand above another script's, unless the channel
        # has none. Where the bot only answers, the answer itself shows the last lines.
        recap = ""
        if turn.bot_is_member:
            elements = await library.load_elements(result.script)
            names = await library.list_characters(result.script)
            if not await self.sessions.posts.has_messages(result.script):
                rows += format_earlier_lines(len(elements))
                elements = []
            recap = "\n".join(format_recap(elements, names))
        await self.turns.show(turn, result, announcement="\n".join(rows), recap=recap)
        running = await library.find_running()
        if recap and running and running.erased != result.script.erased:
            await self.turns.sync(turn.interaction, turn.session)  # the recap shows erased text

    async def _delete_script(
        self, interaction: Interaction, session: ChannelSession, script: Script
    ) -> None:
        polls = await session.library.delete(get_requester(interaction), script.id)
        deleted = say("“{title}” was deleted.", title=inline(script.title, 100))
        await edit_response(interaction, content=deleted, view=None)
        await remove_buttons(get_message_channel(interaction), session, polls)
        await self._show_without(interaction, session, script, DELETED)

    async def _show_without(
        self, interaction: Interaction, session: ChannelSession, script: Script, sentence: str
    ) -> None:
        """Show the channel without a script, and tell everybody what happened if it was running."""
        await self.turns.sync(interaction, session)
        if script.running and find_installer(interaction) is None:
            who, title = format_requester(interaction), inline(script.title, 100)
            notice = f"-# {say(sentence, who=who, title=title)}"
            await try_once(partial(post_message, get_message_channel(interaction), notice))


def make_script_option(script: Script, place: int) -> discord.SelectOption:
    """Return a script as an option of the menu, with its place in the list."""
    title, status = plain(f"{place}. {script.title}", 100), format_status(script)
    return discord.SelectOption(label=title, value=str(script.id), description=status)


def format_status(script: Script) -> str:
    """Return a script's status: running, on the shelf, or archived."""
    if script.running:
        return say("running here")
    return say("archived") if script.archived else say("paused")


def format_scripts(scripts: Sequence[Script], lengths: Sequence[int], page: int, pages: int) -> str:
    """Return the scripts on a page, from 0, as a list of at most 2,000 characters.

    ``lengths`` has the number of lines of each.
    """
    entries = [
        say(
            "{place}. **{title}**: {status}, {lines}, started <t:{begun}:f> by {owner}",
            place=place,
            title=inline(script.title, 60),
            status=format_status(script),
            lines=many(length, "line"),
            begun=int(script.begun.timestamp()),
            owner=mention(script.owner),
        )
        for place, (script, length) in enumerate(
            zip(scripts, lengths, strict=True), page * SCRIPTS_PER_PAGE + 1
        )
    ]
    if pages > 1:
        entries.append(f"-# {say('Page {number:,} of {pages:,}', number=page + 1, pages=pages)}")
    return "\n".join(entries)


def make_title_input(script: Script | None) -> ui.TextInput[Any]:
    """Return the input in which a script is renamed, empty if the script is not at hand."""
    title = plain(script.title, 100) if script else None
    return ui.TextInput(label=say("Title"), default=title, max_length=100)
