"""Buttons and modals. The buttons under a line survive a restart: all they need is in their ids."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, Self, cast

import discord
from discord import ui

from ..i18n.catalogue import phrase, say
from ..session.turn import Place
from ..storage.schema import BEFORE_THE_FIRST

COG = "OnBook"
"""The cog's name, by which a button finds it."""

OFFER_SECONDS = 600.0
"""How long the choice between two scripts can be made."""

OWN = "onbook:"
"""How the ids of all that can be pressed or filled in begin: a host has others of its own."""

Interaction = discord.Interaction[discord.Client]


def new_id(what: str) -> str:
    """An id for what does not outlive a restart."""
    return f"{OWN}{what}:{secrets.token_hex(8)}"


class Desk(Protocol):
    """What the buttons and modals ask for: the cog."""

    async def press(self, interaction: Interaction, action: str, place: Place) -> None:
        """A button under a line was pressed."""

    async def turn_page(self, interaction: Interaction, script: int, number: int) -> None:
        """A button under a page was pressed."""

    async def turn_history(self, interaction: Interaction, script: int, number: int) -> None:
        """A button under a page of the history was pressed."""

    async def turn_shelf(self, interaction: Interaction, number: int) -> None:
        """A button under a page of a channel's scripts was pressed."""

    async def choose_line(
        self, interaction: Interaction, action: str, script: int, values: Sequence[object]
    ) -> None:
        """A line was chosen from a menu, to be rewritten or to go on from."""

    async def submit_rewriting(self, interaction: Interaction, place: Place, text: str) -> None:
        """The Rewrite modal was filled in."""

    async def press_script(self, interaction: Interaction, action: str, script: int) -> None:
        """A script was chosen, or a button for one was pressed."""

    async def choose_script(self, interaction: Interaction, values: Sequence[object]) -> None:
        """A script was chosen from a menu."""

    async def submit_title(self, interaction: Interaction, script: int, title: str) -> None:
        """The Rename modal was filled in."""

    async def choose(self, interaction: Interaction, ballot: int, take: int) -> None:
        """The button for a take was pressed, of which there are several."""

    async def read_take(self, interaction: Interaction, ballot: int, take: int) -> None:
        """A take was chosen that is to be read whole."""

    async def stop(self, interaction: Interaction, turn: int, work: str) -> None:
        """The button that stops a turn was pressed; ``work`` is one of `WORKS`."""

    async def forget_me(self, interaction: Interaction, text: bool) -> None:
        """Somebody is sure that they wish to be forgotten."""

    async def submit_lines(
        self, interaction: Interaction, text: str, character: str, under: Place | None = None
    ) -> None:
        """The Write modal was filled in."""

    async def submit_start(
        self, interaction: Interaction, title: str, heading: str, cast: str
    ) -> None:
        """The Start modal was filled in."""


def desk(interaction: Interaction) -> Desk:
    """The cog that answers for this bot."""
    bot: Any = interaction.client  # a commands.Bot, or it could not have loaded the cog
    return cast("Desk", bot.get_cog(COG))


BUTTONS = {
    "continue": (phrase("Continue"), discord.ButtonStyle.primary),
    "take": (phrase("Another take"), discord.ButtonStyle.secondary),
    "undo": (phrase("Undo"), discord.ButtonStyle.secondary),
    "redo": (phrase("Redo"), discord.ButtonStyle.secondary),
    "write": (phrase("Write"), discord.ButtonStyle.secondary),
    "here": (phrase("Continue from here"), discord.ButtonStyle.primary),
    "start": (phrase("Start a script"), discord.ButtonStyle.primary),
}


class LineButton(
    ui.DynamicItem[ui.Button[ui.View]],
    template=rf"onbook:(?P<action>{'|'.join(BUTTONS)}):(?P<script>\d{{1,18}}):(?P<line>\d{{1,18}})",
):
    """A button that carries the line that it stands under."""

    def __init__(self, action: str, place: Place) -> None:
        label, style = BUTTONS[action]
        super().__init__(
            ui.Button(
                label=say(label),
                style=style,
                custom_id=f"onbook:{action}:{place.script}:{place.line}",
            )
        )
        self.action = action
        self.place = place

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Makes the button again from its id."""
        return cls(match["action"], Place(int(match["script"]), int(match["line"])))

    async def callback(self, interaction: Interaction) -> None:
        """Passes the press on."""
        await desk(interaction).press(interaction, self.action, self.place)


WAYS = {
    "first": phrase("First page"),
    "back": phrase("Page back"),
    "on": phrase("Page on"),
    "last": phrase("Last page"),
}
"""How pages are turned."""

LAST_PAGE = 999_999_999
"""Stands for the last page of a book, which may have more by the time."""


class PageButton(
    ui.DynamicItem[ui.Button[ui.View]],
    template=(
        r"onbook:(?P<book>page|history|shelf):(?P<script>\d{1,18}):(?P<number>\d{1,9})"
        rf":(?P<way>{'|'.join(WAYS)})"
    ),
):
    """A button that turns to a page of a script, of its history, or of a channel's scripts."""

    def __init__(
        self, book: str, script: int, number: int, way: str, *, disabled: bool = False
    ) -> None:
        super().__init__(
            ui.Button(
                label=say(WAYS[way]),
                custom_id=f"onbook:{book}:{script}:{number}:{way}",
                disabled=disabled,
            )
        )
        self.script = script
        self.number = number
        self.book = book

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Makes the button again from its id."""
        return cls(match["book"], int(match["script"]), int(match["number"]), match["way"])

    async def callback(self, interaction: Interaction) -> None:
        """Passes the press on."""
        at = desk(interaction)
        match self.book:
            case "page":
                await at.turn_page(interaction, self.script, self.number)
            case "history":
                await at.turn_history(interaction, self.script, self.number)
            case _:
                await at.turn_shelf(interaction, self.number)


WORKS = LINES, SCRIPT, REPLAY = "lines", "script", "replay"
"""What can be stopped: lines that are written, a script that begins, lines that are proved."""


class StopButton(
    ui.DynamicItem[ui.Button[ui.View]],
    # An id without a work is one of a release that knew of none.
    template=rf"onbook:stop:(?P<turn>\d{{1,20}})(?::(?P<work>{'|'.join(WORKS)}))?",
):
    """A button that ends a work while it is done; ``turn`` is the interaction that asked for it."""

    def __init__(self, turn: int, work: str) -> None:
        super().__init__(ui.Button(label=say("Stop"), custom_id=f"onbook:stop:{turn}:{work}"))
        self.turn = turn
        self.work = work

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Makes the button again from its id."""
        return cls(int(match["turn"]), match["work"] or LINES)

    async def callback(self, interaction: Interaction) -> None:
        """Passes the press on."""
        await desk(interaction).stop(interaction, self.turn, self.work)


def stop(turn: int, work: str) -> ui.View:
    """The button under one of the `WORKS` that is being done."""
    view = ui.View(timeout=None)
    view.add_item(StopButton(turn, work))
    return view


def under_line(place: Place, *, by_voice: bool, redo: bool = False) -> ui.View:
    """The buttons under the newest line; ``redo`` where the head has gone on from it before."""
    offered = {
        "continue": True,
        "take": by_voice,
        "undo": place.line != BEFORE_THE_FIRST,
        "redo": redo,
        "write": True,
    }
    return _row(*(action for action, offers in offered.items() if offers), place=place)


def from_here(place: Place) -> ui.View:
    """The offer to go on from a line that is no longer the last."""
    return _row("here", place=place)


def start() -> ui.View:
    """The offer to begin a script."""
    return _row("start", place=Place(0, BEFORE_THE_FIRST))


def with_pages(view: ui.View, book: str, script: int, number: int, count: int) -> ui.View:
    """The view, and the buttons that turn from page ``number``, from 0, of ``count`` of a book.

    One page has none, and of two each is the first or the last.
    """
    pages = {"first": 0, "back": max(number - 1, 0), "on": number + 1, "last": LAST_PAGE}
    ends = {"first": 0, "back": 0, "on": count - 1, "last": count - 1}
    ways = {1: (), 2: ("back", "on")}.get(count, tuple(WAYS))
    for way in ways:
        there = number == ends[way]
        view.add_item(PageButton(book, script, pages[way], way, disabled=there))
    return view


def _row(*actions: str, place: Place) -> ui.View:
    view = ui.View(timeout=None)
    for action in actions:
        view.add_item(LineButton(action, place))
    return view


class ShelveOffer(ui.View):
    """The choice between the script that runs and the one that was asked for."""

    def __init__(
        self,
        go_on: Callable[[Interaction], Awaitable[None]],
        begin: Callable[[Interaction], Awaitable[None]],
    ) -> None:
        super().__init__(timeout=OFFER_SECONDS)
        self.go_on.custom_id, self.begin.custom_id = new_id("go-on"), new_id("begin")
        self._go_on = go_on
        self._begin = begin
        self.go_on.label = say("Go on with it")
        self.begin.label = say("Shelve it and start the new one")

    @ui.button(style=discord.ButtonStyle.primary)
    async def go_on(self, interaction: Interaction, _button: ui.Button[Self]) -> None:
        """Keeps to the script that runs."""
        self.stop()
        await self._go_on(interaction)

    @ui.button()
    async def begin(self, interaction: Interaction, _button: ui.Button[Self]) -> None:
        """Begins the new one."""
        self.stop()
        await self._begin(interaction)


class WriteModal(ui.Modal):
    """Where a person writes; a blank line begins the next line of the script."""

    def __init__(self, place: Place) -> None:
        super().__init__(title=say("Write the next lines"), custom_id=new_id("write"))
        self.place = place
        self.character: ui.TextInput[Self] = ui.TextInput(
            label=say("Who speaks"),
            placeholder=say("MAYA; empty for anything else"),
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
        """Passes the text on, with the line under which it was to stand."""
        await desk(interaction).submit_lines(
            interaction, self.text.value, self.character.value, self.place
        )


class StartModal(ui.Modal):
    """What a script begins with."""

    def __init__(self) -> None:
        super().__init__(title=say("Start a script"), custom_id=new_id("start"))
        self.name: ui.TextInput[Self] = ui.TextInput(
            label=say("Title"), placeholder=say("The Last Diner"), required=False, max_length=100
        )
        self.heading: ui.TextInput[Self] = ui.TextInput(
            label=say("First scene heading"),
            placeholder=say("INT. DINER - NIGHT"),
            required=False,
            max_length=200,
        )
        self.names: ui.TextInput[Self] = ui.TextInput(
            label=say("Cast"), placeholder="MAYA, JONAS", required=False, max_length=1000
        )
        self.add_item(self.name).add_item(self.heading).add_item(self.names)

    async def on_submit(self, interaction: Interaction) -> None:
        """Passes the beginning on."""
        await desk(interaction).submit_start(
            interaction, self.name.value, self.heading.value, self.names.value
        )
