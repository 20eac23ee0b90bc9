"""Make components that outlive a restart, because their custom ids carry all that a press needs.

Showing and listening are separate. A view here has plain buttons, and discord.py forgets the view
once it is sent. A cog has a listener for each kind of custom id, which hears the buttons that the
cog shows and those of earlier processes.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Self

import discord
from discord import ui

from ..generation.prefill import Progress
from ..i18n.catalogue import phrase, say
from ..session.turn import ScriptPosition
from ..storage.schema import ROOT_LINE
from .markdown import plain

CUSTOM_ID_PREFIX = "onbook:"
"""The beginning of every custom id, because a host has components of its own."""

ID_PATTERN = r"\d{1,18}"
"""Matches the id of a script, a line or a poll."""

BUTTONS_PER_ROW = 5

MAX_OPTIONS, MAX_LABEL = 25, 100
"""Discord's limits: the options of a menu, or suggestions, and the characters of one."""

Interaction = discord.Interaction[discord.Client]

Handler = Callable[[Interaction, re.Match[str]], Coroutine[Any, Any, None]]
"""Answers a press of a component whose custom id has matched."""


def has_component(message: discord.Message, *kinds: str) -> bool:
    """Return whether a message has a component whose custom id begins with one of these words."""
    prefixes = tuple(f"{CUSTOM_ID_PREFIX}{kind}:" for kind in kinds)
    return any(
        str(getattr(child, "custom_id", "")).startswith(prefixes)
        for row in message.components
        for child in getattr(row, "children", ())
    )


def make_listener(template: str, handler: Handler) -> type[ui.DynamicItem[ui.Item[Any]]]:
    """Make the class that passes presses to a handler; the template matches the whole custom id."""

    class Listener(ui.DynamicItem[ui.Item[Any]], template=template):
        def __init__(self, item: ui.Item[Any], match: re.Match[str]) -> None:
            super().__init__(item)
            self.match = match

        @classmethod
        async def from_custom_id(
            cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
        ) -> Self:
            return cls(item, match)

        async def callback(self, interaction: Interaction) -> None:
            await handler(interaction, self.match)

        def _refresh_state(self, interaction: Interaction, data: Any) -> None:  # noqa: ANN401 - discord.py's
            """Read no values: discord.py fails on malformed ones before a handler can answer."""

    return Listener


def make_view(*items: ui.Item[Any]) -> ui.View:
    """Return a view of items to which a `make_listener` listens."""
    view = ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    # A view that has stopped can be sent, and discord.py keeps no record of it then.
    view.stop()
    return view


def make_layout(*items: ui.Item[Any]) -> ui.LayoutView:
    """Return a view as `make_view` does, of items that stand one below the other."""
    view = ui.LayoutView(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def make_row_view(items: Sequence[ui.Item[Any]]) -> ui.View:
    """Return a view as `make_view` does, of items in the rows of `split_rows`."""
    for number, row in enumerate(split_rows(items)):
        for item in row:
            item.row = number
    return make_view(*items)


def make_rows(items: Sequence[ui.Item[Any]]) -> list[ui.ActionRow[Any]]:
    """Return the rows of `split_rows` for a layout."""
    return [ui.ActionRow(*row) for row in split_rows(items)]


def split_rows(items: Sequence[ui.Item[Any]]) -> list[list[ui.Item[Any]]]:
    """Return one row for each menu, and below them as few and as even rows of buttons as possible.

    A phone wraps a row of five, so a sixth button would stand in a third row.
    """
    menus: list[list[ui.Item[Any]]] = [[item] for item in items if isinstance(item, ui.Select)]
    buttons = [item for item in items if not isinstance(item, ui.Select)]
    rows = -(-len(buttons) // BUTTONS_PER_ROW) or 1
    length = -(-len(buttons) // rows) or 1
    return [*menus, *discord.utils.as_chunks(buttons, length)]


def make_custom_id(name: str) -> str:
    """Return a random custom id, for a component that need not outlive a restart."""
    return f"{CUSTOM_ID_PREFIX}{name}:{secrets.token_hex(8)}"


# Under lines

POSITION_BUTTONS = {
    "continue": (phrase("Continue"), discord.ButtonStyle.primary),
    "takes": (phrase("Three takes"), discord.ButtonStyle.secondary),
    "take": (phrase("Another take"), discord.ButtonStyle.secondary),
    "undo": (phrase("Undo"), discord.ButtonStyle.secondary),
    "agree": (phrase("Agree and undo"), discord.ButtonStyle.secondary),
    "redo": (phrase("Redo"), discord.ButtonStyle.secondary),
    "write": (phrase("Write"), discord.ButtonStyle.secondary),
    "join": (phrase("Join"), discord.ButtonStyle.secondary),
    "action": (phrase("Make it action"), discord.ButtonStyle.secondary),
    "speech": (phrase("Make it speech"), discord.ButtonStyle.secondary),
    "more": (phrase("More…"), discord.ButtonStyle.secondary),
    "here": (phrase("Continue from here"), discord.ButtonStyle.primary),
    "start": (phrase("Start a script"), discord.ButtonStyle.primary),
    "surprise": (phrase("Surprise me"), discord.ButtonStyle.secondary),
    "end": (phrase("End it"), discord.ButtonStyle.danger),
    "menu-show": (phrase("Read"), discord.ButtonStyle.secondary),
    "menu-export": (phrase("Export"), discord.ButtonStyle.secondary),
    "menu-scripts": (phrase("All scripts"), discord.ButtonStyle.secondary),
    "menu-all-settings": (phrase("All settings"), discord.ButtonStyle.secondary),
    "menu-advanced": (phrase("Advanced"), discord.ButtonStyle.secondary),
}
"""The labels and styles of the buttons that carry a position in a script, by their actions."""


def position_pattern(*actions: str) -> str:
    """Return the pattern of the custom ids of components that carry a position in a script."""
    action = rf"(?P<action>{'|'.join(actions)})"
    return rf"{CUSTOM_ID_PREFIX}{action}:(?P<script>{ID_PATTERN}):(?P<line>{ID_PATTERN})"


def make_position_id(action: str, position: ScriptPosition) -> str:
    """Return the custom id of a component that carries a position in a script."""
    return f"{CUSTOM_ID_PREFIX}{action}:{position.script}:{position.line}"


def parse_position(match: re.Match[str]) -> ScriptPosition:
    """Return the position that such a custom id carries."""
    return ScriptPosition(int(match["script"]), int(match["line"]))


def make_start_buttons(*, has_scripts: bool = False) -> list[ui.Button[Any]]:
    """Return the offers to start a script, to be surprised by one, and to see the existing ones."""
    nowhere = ScriptPosition(0, ROOT_LINE)
    actions = ["start", "surprise", *(["menu-scripts"] if has_scripts else [])]
    return [make_position_button(action, nowhere) for action in actions]


def make_next_script_buttons(script: int, action: str = "reopen") -> list[ui.Button[Any]]:
    """Return the offers to start another script, or to go on with one that no longer runs."""
    start, surprise = make_start_buttons()
    start.label = say("Start another")
    return [start, surprise, make_script_button(action, script)]


def make_position_button(action: str, position: ScriptPosition) -> ui.Button[Any]:
    """Return the button of one of the `POSITION_BUTTONS` for a position."""
    label, style = POSITION_BUTTONS[action]
    return ui.Button(label=say(label), style=style, custom_id=make_position_id(action, position))


def make_position_select(
    action: str,
    position: ScriptPosition,
    labels: Mapping[str, str],
    placeholder: str,
    chosen: str | None = None,
) -> ui.Select[Any]:
    """Return a menu of values with their labels, for a position."""
    return ui.Select(
        custom_id=make_position_id(action, position),
        placeholder=placeholder,
        options=make_options(labels, chosen),
    )


def make_options(labels: Mapping[str, str], chosen: str | None) -> list[discord.SelectOption]:
    """Return the options of a menu, of values with their labels; ``chosen`` is a value."""
    options = [
        discord.SelectOption(label=plain(label, MAX_LABEL), value=value, default=value == chosen)
        for value, label in labels.items()
    ]
    return options[:MAX_OPTIONS]


RENAME_ID = rf"{position_pattern('rename')}:(?P<name>.+)"


def make_rename_button(position: ScriptPosition, name: str) -> ui.Button[Any]:
    """Return the offer to let another character say the last line, whose name was mistyped."""
    custom_id = f"{make_position_id('rename', position)}:{name}"
    return ui.Button(label=say("Change the name to {name}", name=name), custom_id=custom_id)


CAST_BUTTON_ID = rf"{CUSTOM_ID_PREFIX}cast:(?P<script>{ID_PATTERN}):(?P<name>.+)"


def make_cast_button(script: int, name: str) -> ui.Button[Any]:
    """Return the offer to add a character to the cast of a script."""
    return ui.Button(
        label=say("Add {name} to the cast", name=name),
        custom_id=f"{CUSTOM_ID_PREFIX}cast:{script}:{name}",
    )


# Under scripts

SCRIPT_BUTTONS = {
    "run": (phrase("Continue it"), discord.ButtonStyle.primary),
    "reopen": (phrase("Reopen"), discord.ButtonStyle.secondary),
    "rename": (phrase("Rename"), discord.ButtonStyle.secondary),
    "archive": (phrase("Archive"), discord.ButtonStyle.secondary),
    "ask": (phrase("Delete"), discord.ButtonStyle.danger),
    "delete": (phrase("Delete for good"), discord.ButtonStyle.danger),
    "see": (phrase("Keep it"), discord.ButtonStyle.secondary),
    "all": (phrase("All scripts"), discord.ButtonStyle.secondary),
}
"""The labels and styles of the buttons of a script, by their actions."""

SCRIPT_BUTTON_ID = (
    rf"{CUSTOM_ID_PREFIX}script:(?P<action>{'|'.join(SCRIPT_BUTTONS)}):(?P<script>{ID_PATTERN})"
)


def make_script_button(action: str, script: int) -> ui.Button[Any]:
    """Return one of the `SCRIPT_BUTTONS` of a script."""
    label, style = SCRIPT_BUTTONS[action]
    custom_id = f"{CUSTOM_ID_PREFIX}script:{action}:{script}"
    return ui.Button(label=say(label), style=style, custom_id=custom_id)


# Under pages

PAGE_BUTTONS = {
    "first": phrase("First"),
    "back": phrase("Previous"),
    "on": phrase("Next"),
    "last": phrase("Last"),
}
"""The labels of the buttons that turn pages, so short that a phone shows them in one row."""

LAST_PAGE = 999_999_999
"""Stands for the last page, because pages may be added before a button is pressed."""


def page_pattern(book: str) -> str:
    """Return the pattern of the custom ids of the buttons under the pages of a book."""
    page = rf"(?P<script>{ID_PATTERN}):(?P<number>\d{{1,9}}):(?:{'|'.join(PAGE_BUTTONS)})"
    return rf"{CUSTOM_ID_PREFIX}{book}:{page}"


def make_page_buttons(book: str, script: int, number: int, count: int) -> list[ui.Button[ui.View]]:
    """Return the buttons that turn from a page, by its number from 0, to others of ``count``.

    One page has no buttons. Two pages have two, because each page is the first or the last. The
    books are ``page`` and ``history``, of a script by its id, and ``shelf``, with 0.
    """
    pages = {"first": 0, "back": max(number - 1, 0), "on": number + 1, "last": LAST_PAGE}
    ends = {"first": 0, "back": 0, "on": count - 1, "last": count - 1}
    shown = {1: (), 2: ("back", "on")}.get(count, tuple(PAGE_BUTTONS))
    return [
        ui.Button(
            label=say(PAGE_BUTTONS[action]),
            custom_id=f"{CUSTOM_ID_PREFIX}{book}:{script}:{pages[action]}:{action}",
            disabled=number == ends[action],
        )
        for action in shown
    ]


# Under work in progress

JOB_KINDS = LINES, SCRIPT, REPLAY, LISTEN = "lines", "script", "replay", "listen"
"""The jobs that can be stopped: writing lines, starting a script, replaying one, and reading it
aloud."""

READING_JOBS = {REPLAY, LISTEN}
"""The jobs that leave the script as it is, so that their progress stands in the answer."""

STOP_ID = rf"{CUSTOM_ID_PREFIX}stop:(?P<request>\d{{1,20}}):(?P<work>{'|'.join(JOB_KINDS)})"


def make_stop_button(request: int, kind: str) -> ui.View:
    """Return the button that stops a job of one of the `JOB_KINDS`.

    ``request`` is the id of the interaction or message that asks for the job.
    """
    custom_id = f"{CUSTOM_ID_PREFIX}stop:{request}:{kind}"
    return make_view(ui.Button(label=say("Stop"), custom_id=custom_id))


def format_progress(progress: Progress) -> str:
    if progress.share_read is not None:
        return say("The voice is reading the script: {share:.0%}.", share=progress.share_read)
    if progress.share_spoken is not None:
        return say("The table read is being recorded: {share:.0%}.", share=progress.share_spoken)
    if progress.to_replay:
        return say(
            "Replayed {written:,} of {all:,} lines.",
            written=progress.written,
            all=progress.to_replay,
        )
    sentences = [say("The voice is writing.")]
    if progress.candidates > 1:
        number = progress.candidates
        sentences = [say("The voice is choosing among {number:,} lines.", number=number)]
    if progress.written:
        sentences.append(say("Finished lines: {written:,}.", written=progress.written))
    return " ".join(sentences)
