"""Compose the panel under the newest line, and the menu that its *More…* opens.

The panel asks who speaks next, and has the buttons that people need most. All custom ids carry the
position in the script, so that a press never acts on a script that has moved on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from ...i18n.catalogue import phrase, say
from ...screenplay.elements import Element, Kind
from ...screenplay.fountain import NAME_LIMIT
from ...screenplay.free_text import reinterpret
from ...screenplay.speakers import find_meant
from ...session.posts import Posts
from ...session.preferences import LOCK, PLAIN_MESSAGES, SKIP_PLAYED
from ...session.turn import MAX_LINES, current_position
from ...storage.records import PanelState
from ...storage.schema import ROOT_LINE, Rotation, Script
from ..components import (
    MAX_LABEL,
    MAX_OPTIONS,
    make_cast_button,
    make_layout,
    make_position_button,
    make_position_id,
    make_position_select,
    make_rename_button,
    make_rows,
)
from ..markdown import inline
from .rotation_messages import format_sprint, format_turn

ANYBODY, ACTION, CHARACTER = "anybody", "action", "name:"
"""The values of *Who speaks next?*: two of them, and the prefix of a character's name."""

FIRST, READ, TOGETHER = "first", "read", "together"

MENU_LEVELS = {
    FIRST: (READ, TOGETHER, "settings", "scripts", "end"),
    READ: ("show", "history", "stats", "guesses", "listen", "export", FIRST),
    TOGETHER: ("vote", "turns", "sprint", "cast", FIRST),
}
"""The buttons on each level of the menu, by what they do or the level that they open."""

MENU_BUTTONS = {
    READ: phrase("Read…"),
    TOGETHER: phrase("Together…"),
    "settings": phrase("Settings"),
    "scripts": phrase("All scripts"),
    "end": phrase("The end"),
    "show": phrase("Script"),
    "history": phrase("History"),
    "stats": phrase("Statistics"),
    "guesses": phrase("Voice's guesses"),
    "listen": phrase("Listen"),
    "export": phrase("Export"),
    "vote": phrase("Three takes with a vote"),
    "turns": phrase("Turns"),
    "sprint": phrase("Sprint"),
    "cast": phrase("Cast"),
    FIRST: phrase("Back"),
}
"""The labels of the buttons of the menu, by what they do."""


@dataclass(frozen=True)
class PanelContent:
    """The panel under the last line of a running script."""

    text: str
    items: Sequence[ui.Item[Any]]
    """The components: none while people vote on how the script goes on, with those of the takes."""
    rotation: Rotation | None
    """The order in which people write, or None if everybody may."""


async def load_panel(posts: Posts, script: Script, *, hears: bool) -> PanelContent:
    """Load the panel of a running script, in a place where the bot ``hears`` messages, or not."""
    has_lines = script.head is not None
    state, sprint_lines = await posts.load_panel_state(script)
    is_sprinting = state.sprint is not None and state.sprint.ends > discord.utils.utcnow()
    rotation = None if is_sprinting else state.rotation
    writers = format_turn(rotation) if rotation else ""
    if state.sprint and is_sprinting:
        writers = format_sprint(state.sprint, sprint_lines)
    head = _format_head(script, hears=hears, is_voting=state.is_voting)
    text = "\n".join(filter(None, (head, writers)))
    if state.has_passed_takes:  # they are put away after the panel is shown
        left = say(
            "Takes that nobody chose were removed from the channel. They stay in {/script history}."
        )
        text = f"-# {left}\n{text}"
    if state.is_voting:
        return PanelContent(text, [], rotation)
    position = current_position(script)
    speeches = _count_speeches(state.cues)
    other = _find_other_reading(script, state, speeches)
    shown = {
        "continue": True,
        # If the bot only answers, it cannot post them.
        "takes": script.channel > 0,
        "take": has_lines and state.author is None,
        "undo": position.line != ROOT_LINE,
        "redo": state.redo is not None,
        "write": True,
        "surprise": not has_lines,
        "action": other is Kind.ACTION,
        "speech": other is Kind.DIALOGUE,
        "join": rotation is not None,
        "more": True,
    }
    buttons = [make_position_button(action, position) for action in shown if shown[action]]
    if other is Kind.ACTION and (meant := _find_meant(script, state, speeches)):
        buttons.insert(-1, make_rename_button(position, meant))
    elif outsider := _find_outsider(script, state):
        buttons.insert(-1, make_cast_button(script.id, outsider))
    speakers = _list_speakers(script, speeches)[: MAX_OPTIONS - 2]
    labels = {f"{CHARACTER}{name}": name for name in speakers}
    labels |= {ACTION: say("Action"), ANYBODY: say("Anybody")}
    select = make_position_select("speaker", position, labels, say("Who speaks next?"))
    return PanelContent(text, [select, *buttons], rotation)


def _format_head(script: Script, *, hears: bool, is_voting: bool) -> str:
    """Return the first row of a panel, which says how to write, except during a vote."""
    title = inline(script.title, MAX_LABEL)
    head = f"-# **{title}** · {inline(script.model, 40)}"
    if is_voting:
        return head
    is_direct, is_plain = script.guild is None, PLAIN_MESSAGES.of(script)
    ways = format_ways(hears=hears, is_direct=is_direct, is_plain=is_plain)
    if script.head is None:
        return f"{head}\n{say('{ways} Or let the voice start.', ways=ways)}"
    return f"{head} · {ways}"


def format_ways(*, hears: bool, is_direct: bool, is_plain: bool = False) -> str:
    """Return how people can write, as one sentence.

    Args:
        hears: Whether the bot reads messages in this place.
        is_direct: Whether it reads all of them there, because they are direct messages.
        is_plain: Whether a script makes the bot read messages that do not mention it.
    """
    if not hears:
        return say("To write, press **Write** or use {/write}.")
    if is_direct:
        return say("To write, press **Write**, use {/write}, or send a message.")
    if is_plain:
        return say("To write, press **Write**, use {/write}, or send a message like `NAME: text`.")
    return say("To write, press **Write**, use {/write}, or mention me.")


def _count_speeches(cues: Mapping[str, int]) -> Counter[str]:
    """Return the number of speeches by each character, in the order of the cues."""
    counted = Counter[str]()
    for cue, number in cues.items():
        if speaker := Element(Kind.DIALOGUE, cue).cue:
            counted[speaker] += number
    return counted


def _find_other_reading(
    script: Script, state: PanelState, speeches: Mapping[str, int]
) -> Kind | None:
    """Return what else a person may have meant by the last line, or None.

    The first speech of a new name may be action: `Plot Twist: rain.` Action may be speech by
    somebody new: `kevin: Hi.`
    """
    element = state.element
    if element is None or state.author is None:
        return None
    if element.cue and (element.cue in script.cast or speeches[element.cue] > 1):
        return None
    other = reinterpret(element)
    return None if other is None else other.kind


def _find_meant(script: Script, state: PanelState, speeches: Mapping[str, int]) -> str:
    """Return whom a person may have meant by the new name above the last line, or ""."""
    known = [*script.cast, *(name for name in speeches if speeches[name] > 1)]
    return find_meant((state.element and state.element.cue) or "", known)


def _find_outsider(script: Script, state: PanelState) -> str:
    """Return the character outside a locked cast for whom a person wrote the last line, or ""."""
    cue = state.author and state.element and state.element.cue
    is_outside = cue and len(cue) <= NAME_LIMIT and script.cast and cue not in script.cast
    return cue if cue and is_outside and LOCK.of(script) else ""


def _list_speakers(script: Script, spoken: Iterable[str]) -> list[str]:
    """Return for whom the voice may write: the cast, and whoever else has spoken."""
    names = dict.fromkeys([*script.cast, *spoken])
    played = script.players if SKIP_PLAYED.of(script) else ()
    return [name for name in names if name not in played and len(CHARACTER + name) <= MAX_LABEL]


def list_offered_speakers(message: discord.Message | None) -> list[str]:
    """Return the names that the *Who speaks next?* of a message offers."""
    return [
        option.value.removeprefix(CHARACTER)
        for row in (message.components if message else ())
        for select in getattr(row, "children", ())
        if isinstance(select, discord.SelectMenu)
        for option in select.options
        if option.value.startswith(CHARACTER)
    ]


def make_menu(
    script: Script, level: str, *, manages: bool, has_audio: bool, has_sprint: bool = False
) -> ui.LayoutView:
    """Return a level of the menu of a script, one of the `MENU_LEVELS`.

    To a person who ``manages`` the script, it offers the end of a script with lines; with
    ``has_audio``, it offers a table read; with ``has_sprint``, the sprint that is under way instead
    of a new one.
    """
    position = current_position(script)
    items: list[ui.Item[Any]] = []
    if level == FIRST:
        lines = {str(number): str(number) for number in range(1, MAX_LINES + 1)}
        label = say("Let the voice write several lines…")
        items.append(make_position_select("menu-lines", position, lines, label))
    for name in MENU_LEVELS[level]:
        if name == "listen" and not has_audio:
            continue
        if name == "end" and not (manages and script.head):
            continue
        action = "menu-see-sprint" if name == "sprint" and has_sprint else f"menu-{name}"
        custom_id = make_position_id(action, position)
        items.append(ui.Button(label=say(MENU_BUTTONS[name]), custom_id=custom_id))
    title = say("What next for “{title}”?", title=inline(script.title, 100))
    return make_layout(ui.TextDisplay(title), *make_rows(items))
