"""Buttons and modals. The buttons under a line survive a restart: all they need is in their ids."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, Self, cast

import discord
from discord import ui

from .language import phrase, say
from .store import BEFORE_THE_FIRST, Script
from .turn import Place

COG = "OnBook"
"""The cog's name, by which a button finds it."""

OFFER_SECONDS = 600.0
"""How long the choice between two scripts can be made."""

Interaction = discord.Interaction[discord.Client]


class Desk(Protocol):
    """What the buttons and modals ask for: the cog."""

    async def press(self, interaction: Interaction, action: str, place: Place) -> None:
        """A button under a line was pressed."""

    async def turn_page(self, interaction: Interaction, script: int, number: int) -> None:
        """A button under a page was pressed."""

    async def turn_history(self, interaction: Interaction, script: int, number: int) -> None:
        """A button under a page of the history was pressed."""

    async def open_rewriting(self, interaction: Interaction, place: Place) -> None:
        """A line was chosen that is to be rewritten."""

    async def submit_rewriting(self, interaction: Interaction, place: Place, text: str) -> None:
        """The Rewrite modal was filled in."""

    async def press_script(self, interaction: Interaction, action: str, script: int) -> None:
        """A script was chosen, or a button for one was pressed."""

    async def submit_title(self, interaction: Interaction, script: int, title: str) -> None:
        """The Rename modal was filled in."""

    async def choose(self, interaction: Interaction, ballot: int, take: int) -> None:
        """The button for a take was pressed, of which there are several."""

    async def read_take(self, interaction: Interaction, ballot: int, take: int) -> None:
        """A take was chosen that is to be read whole."""

    async def stop(self, interaction: Interaction, turn: int) -> None:
        """The button that stops a turn was pressed."""

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
    template=r"onbook:(?P<action>[a-z]+):(?P<script>\d{1,18}):(?P<line>\d{1,18})",
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


class PageButton(
    ui.DynamicItem[ui.Button[ui.View]],
    template=(
        r"onbook:(?P<book>page|history):(?P<script>\d{1,18}):(?P<number>\d{1,9}):(?P<way>back|on)"
    ),
):
    """A button that turns to a page of a script, or of its history."""

    def __init__(
        self, script: int, number: int, way: str, book: str = "page", *, disabled: bool = False
    ) -> None:
        super().__init__(
            ui.Button(
                label=say("Page back") if way == "back" else say("Page on"),
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
        return cls(int(match["script"]), int(match["number"]), match["way"], match["book"])

    async def callback(self, interaction: Interaction) -> None:
        """Passes the press on."""
        turn = desk(interaction).turn_page
        if self.book == "history":
            turn = desk(interaction).turn_history
        await turn(interaction, self.script, self.number)


class StopButton(ui.DynamicItem[ui.Button[ui.View]], template=r"onbook:stop:(?P<turn>\d{1,20})"):
    """A button that ends a turn while it is being written; ``turn`` is its interaction."""

    def __init__(self, turn: int) -> None:
        super().__init__(ui.Button(label=say("Stop"), custom_id=f"onbook:stop:{turn}"))
        self.turn = turn

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Makes the button again from its id."""
        return cls(int(match["turn"]))

    async def callback(self, interaction: Interaction) -> None:
        """Passes the press on."""
        await desk(interaction).stop(interaction, self.turn)


def stop(turn: int) -> ui.View:
    """The button under what is being written."""
    view = ui.View(timeout=None)
    view.add_item(StopButton(turn))
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


def pages(script: Script, number: int, count: int) -> ui.View:
    """The buttons under page ``number``, from 0, of ``count``."""
    view = ui.View(timeout=None)
    if count > 1:
        view.add_item(PageButton(script.id, max(number - 1, 0), "back", disabled=number == 0))
        view.add_item(PageButton(script.id, number + 1, "on", disabled=number == count - 1))
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
        super().__init__(title=say("Write the next lines"))
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
        super().__init__(title=say("Start a script"))
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
