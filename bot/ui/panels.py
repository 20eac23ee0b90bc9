"""Menus for one person, of a script's lines and of a channel's scripts. They outlive a restart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import discord
from discord import ui

from ..i18n.catalogue import phrase, say
from ..i18n.markdown import inline, plain
from ..session.turn import Place
from ..storage.schema import Line, Script
from .components import Interaction, desk, new_id, with_pages

MOST_OPTIONS = 25
"""What a menu can have, as Discord allows."""

ON_A_SHELF = 20
"""Scripts on a page, so that a message has room for their titles."""

PROMPTS = {"here": phrase("Continue from a line…"), "rewrite": phrase("Rewrite a line…")}
"""What can be done with a line that is chosen."""


class LineMenu(
    ui.DynamicItem[ui.Select[ui.View]],
    template=r"onbook:line:(?P<action>here|rewrite):(?P<script>\d{1,18})",
):
    """A menu of lines of a script."""

    def __init__(
        self, action: str, script: int, options: Sequence[discord.SelectOption] = ()
    ) -> None:
        super().__init__(
            ui.Select(
                custom_id=f"onbook:line:{action}:{script}",
                placeholder=say(PROMPTS[action]),
                options=list(options),
            )
        )
        self.action = action
        self.script = script

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Makes the menu again from its id."""
        return cls(match["action"], int(match["script"]))

    async def callback(self, interaction: Interaction) -> None:
        """Passes the choice on."""
        await desk(interaction).choose_line(interaction, self.action, self.script, self.item.values)


class ScriptMenu(ui.DynamicItem[ui.Select[ui.View]], template=r"onbook:scripts"):
    """A menu of a channel's scripts."""

    def __init__(self, scripts: Sequence[Script] = ()) -> None:
        options = [_script_option(one) for one in scripts]
        super().__init__(
            ui.Select(
                custom_id="onbook:scripts", placeholder=say("Choose a script…"), options=options
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Makes the menu again from its id."""
        return cls()

    async def callback(self, interaction: Interaction) -> None:
        """Passes the choice on."""
        await desk(interaction).choose_script(interaction, self.item.values)


SCRIPT_BUTTONS = {
    "run": (phrase("Go on with it"), discord.ButtonStyle.primary),
    "rename": (phrase("Rename"), discord.ButtonStyle.secondary),
    "archive": (phrase("Archive"), discord.ButtonStyle.secondary),
    "return": (phrase("Put it back"), discord.ButtonStyle.secondary),
    "ask": (phrase("Delete"), discord.ButtonStyle.danger),
    "delete": (phrase("Delete it for good"), discord.ButtonStyle.danger),
    "see": (phrase("Keep it"), discord.ButtonStyle.secondary),
    "all": (phrase("All scripts"), discord.ButtonStyle.secondary),
}


class ScriptButton(
    ui.DynamicItem[ui.Button[ui.View]],
    template=rf"onbook:script:(?P<action>{'|'.join(SCRIPT_BUTTONS)}):(?P<script>\d{{1,18}})",
):
    """A button that does something with a script."""

    def __init__(self, action: str, script: int) -> None:
        text, style = SCRIPT_BUTTONS[action]
        super().__init__(
            ui.Button(label=say(text), style=style, custom_id=f"onbook:script:{action}:{script}")
        )
        self.action = action
        self.script = script

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Makes the button again from its id."""
        return cls(match["action"], int(match["script"]))

    async def callback(self, interaction: Interaction) -> None:
        """Passes the press on."""
        await desk(interaction).press_script(interaction, self.action, self.script)


DYNAMIC = (LineMenu, ScriptMenu, ScriptButton)
"""What must be known to a client, so that what was shown before a restart works."""


def lines(
    action: str, script: int, options: Sequence[discord.SelectOption], page: int = 0, pages: int = 1
) -> ui.View:
    """A menu of lines, and buttons where they are on several pages."""
    view = ui.View(timeout=None)
    view.add_item(LineMenu(action, script, options))
    return with_pages(view, "history", script, page, pages)


def scripts(shelf: Sequence[Script], page: int, pages: int) -> ui.View:
    """A menu of the scripts on a page of a channel's, and buttons where there are several."""
    view = ui.View(timeout=None)
    view.add_item(ScriptMenu(shelf))
    return with_pages(view, "shelf", 0, page, pages)


def script(one: Script) -> ui.View:
    """What can be done with a script."""
    put = "return" if one.archived else "archive"
    actions = ["rename", put, "ask", "all"]
    return _row(actions if one.running else ["run", *actions], one.id)


def sure(one: Script) -> ui.View:
    """Whether a script is to be deleted."""
    return _row(["delete", "see"], one.id)


def _row(actions: Sequence[str], script: int) -> ui.View:
    view = ui.View(timeout=None)
    for action in actions:
        view.add_item(ScriptButton(action, script))
    return view


def _script_option(one: Script) -> discord.SelectOption:
    title = plain(one.title, 100)
    return discord.SelectOption(label=title, value=str(one.id), description=standing(one))


def standing(one: Script) -> str:
    """Where a script is: running, on the shelf, or put away."""
    if one.running:
        return say("runs here")
    return say("archived") if one.archived else say("on the shelf")


def listed(shelf: Sequence[Script], page: int, pages: int) -> str:
    """The scripts on a page, from 0, of a channel's, as a list; at most 2,000 characters."""
    shown = [f"- {inline(one.title, 60)}: {standing(one)}" for one in shelf]
    where = say("Page {number:,} of {pages:,}", number=page + 1, pages=pages)
    return "\n".join([*shown, *([f"-# {where}"] if pages > 1 else [])])


class RewriteModal(ui.Modal):
    """Where a line is written anew; a blank line makes two of it."""

    def __init__(self, line: Line, place: Place) -> None:
        super().__init__(title=say("Rewrite this line"), custom_id=new_id("rewrite"))
        self.place = place
        self.text: ui.TextInput[Self] = ui.TextInput(
            label=say("Text"),
            style=discord.TextStyle.paragraph,
            default=line.text,
            max_length=4000,
        )
        self.add_item(self.text)

    async def on_submit(self, interaction: Interaction) -> None:
        """Passes the text on."""
        await desk(interaction).submit_rewriting(interaction, self.place, self.text.value)


class RenameModal(ui.Modal):
    """Where a script gets another title."""

    def __init__(self, one: Script) -> None:
        super().__init__(title=say("Rename this script"), custom_id=new_id("rename"))
        self.script = one.id
        self.name: ui.TextInput[Self] = ui.TextInput(
            label=say("Title"), default=plain(one.title, 100), max_length=100
        )
        self.add_item(self.name)

    async def on_submit(self, interaction: Interaction) -> None:
        """Passes the title on."""
        await desk(interaction).submit_title(interaction, self.script, self.name.value)
