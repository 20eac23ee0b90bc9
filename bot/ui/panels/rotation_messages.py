"""Say whose turn it is, and how a sprint goes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import discord
from discord import ui

from ...i18n.catalogue import many, phrase, say
from ...screenplay.exporters.edition import list_writers
from ...screenplay.statistics import ScriptStatistics, format_count, format_rewritten
from ...session.deadlines import find_due_time
from ...storage.schema import Rotation, Script, Sprint
from ..components import CUSTOM_ID_PREFIX, ID_PATTERN, make_options, make_view
from ..markdown import NAME_SIZE, inline, mention

ORDER_BUTTONS = {
    "join": (phrase("Join"), discord.ButtonStyle.primary),
    "leave": (phrase("Leave"), discord.ButtonStyle.secondary),
    "pass": (phrase("Pass"), discord.ButtonStyle.secondary),
    "skip": (phrase("Skip"), discord.ButtonStyle.secondary),
    "off": (phrase("Turn off"), discord.ButtonStyle.danger),
}
"""The labels and styles of the buttons under an order, by their actions."""

NO_DEADLINE = 0
"""The choice of no deadline."""

DEADLINES = {
    NO_DEADLINE: (0, "hour"),
    **{hours: (hours, "hour") for hours in (1, 3, 6, 12, 24)},
    **{days * 24: (days, "day") for days in (2, 3, 7)},
}
"""The deadlines in hours, each as it is said."""

ORDER_ID = (
    rf"{CUSTOM_ID_PREFIX}turns:(?P<action>{'|'.join(ORDER_BUTTONS)}|hours):(?P<script>{ID_PATTERN})"
    rf":(?P<turn>{ID_PATTERN})"
)
"""The turn is the one that the order shows, so that an old button passes no later turn."""
END_SPRINT_ID = rf"{CUSTOM_ID_PREFIX}end-sprint:(?P<script>{ID_PATTERN})"

MAX_LISTED = 20
"""The most writers in the summary of a sprint."""


# In the panel and the channel ------------------------------------------------------------------


def format_turn(rotation: Rotation) -> str:
    """Return whose turn it is, until when, and who follows, for the panel."""
    sentences = [say("It is {who}'s turn.", who=mention(rotation.writers[0]))]
    if due := find_due_time(rotation):
        sentences.append(say("Due {when}.", when=discord.utils.format_dt(due, "R")))
    if len(rotation.writers) > 1:
        sentences.append(say("Next: {who}.", who=mention(rotation.writers[1])))
    return f"-# {' '.join(sentences)}"


def format_sprint(sprint: Sprint, lines: int) -> str:
    """Return when a sprint ends and how many lines were written, for the panel."""
    return say(
        "**Sprint**: ends {when}. {lines} so far.",
        when=discord.utils.format_dt(sprint.ends, "R"),
        lines=many(lines, "line"),
    )


def format_ping(rotation: Rotation) -> str:
    """Return the message to the writer to whom the turn has passed."""
    return f"-# {say('{who}, it is your turn.', who=mention(rotation.writers[0]))}"


def format_reminder(script: Script, rotation: Rotation, now: dt.datetime) -> str:
    """Return the reminder for the writer whose turn it is."""
    sentences = [
        say(
            "{who}, it is your turn in “{title}”. Write with {/write}, or pass with "
            "{/script turns}.",
            who=mention(rotation.writers[0]),
            title=inline(script.title, 100),
        )
    ]
    if rotation.hours and len(rotation.writers) > 1:
        # A date and not “in 10 minutes”, because the message stays.
        when = discord.utils.format_dt(now + dt.timedelta(hours=rotation.hours), "f")
        sentences.append(say("You have until {when}; after that, you are skipped.", when=when))
    return " ".join(sentences)


def format_skip(script: Script, rotation: Rotation) -> str:
    """Return the announcement that the writer whose turn it was is skipped."""
    sentences = [
        say(
            "{who} was skipped in “{title}”. It is {next}'s turn.",
            who=mention(rotation.writers[0]),
            title=inline(script.title, 100),
            next=mention(rotation.writers[1]),
        )
    ]
    if rotation.skips + 1 >= len(rotation.writers):
        sentences.append(
            say("Everybody was skipped, so I will send no reminders until somebody writes.")
        )
    return f"-# {' '.join(sentences)}"


def format_sprint_summary(script: Script, statistics: ScriptStatistics) -> str:
    """Return who wrote how much in a sprint."""
    title = inline(script.title, 100)
    if not statistics.lines:
        return say("The sprint in “{title}” is over. Nobody wrote a line.", title=title)
    top = say(
        "**The sprint in “{title}” is over**: {lines}, {words}.",
        title=title,
        lines=many(statistics.lines, "line"),
        words=many(statistics.words, "word"),
    )
    rows = [
        f"- {inline(writer.name, NAME_SIZE)}: {format_count(writer)}{format_rewritten(writer)}"
        for writer in list_writers(statistics)
    ]
    return "\n".join([top, *rows[:MAX_LISTED]])


# For one person --------------------------------------------------------------------------------


def format_rotation(script: Script, rotation: Rotation | None) -> str:
    """Return the order in which people write a script, or how to begin one."""
    title = inline(script.title, 100)
    if rotation is None:
        return say(
            "Everybody writes in “{title}” when they like. To take turns instead, press **Join**: "
            "from then on, only the person whose turn it is, the script's owner and moderators "
            "may write, and the panel has *Join* for the others.",
            title=title,
        )
    rows = [
        say("**Turns in “{title}”**", title=title),
        *(f"{number}. {mention(person)}" for number, person in enumerate(rotation.writers, 1)),
        f"-# {_format_deadline(rotation)}",
    ]
    return "\n".join(rows)


def _format_deadline(rotation: Rotation) -> str:
    # A date and not “in 1 second”, as a clock that is slow would show what has just begun.
    begun = say("This turn began on {when}.", when=discord.utils.format_dt(rotation.since, "f"))
    if rotation.hours is None:
        return f"{begun} {say('There is no deadline.')}"
    number, unit = DEADLINES.get(rotation.hours, (rotation.hours, "hour"))
    rule = say(
        "The writer is reminded after {time} and skipped after {twice}.",
        time=many(number, unit),
        twice=many(2 * number, unit),
    )
    return f"{begun} {rule}"


def make_rotation_view(
    script: Script, rotation: Rotation | None, person: int, manages: bool
) -> ui.View:
    """Return what a person may do with the order of a script, as its manager or not."""
    writers: Sequence[int] = rotation.writers if rotation else ()
    is_next = writers[:1] == [person]
    shown = {
        "join": person not in writers,
        "leave": person in writers,
        "pass": len(writers) > 1 and is_next,
        "skip": len(writers) > 1 and manages and not is_next,
        "off": bool(writers) and manages,
    }
    items: list[ui.Item[ui.View]] = []
    if rotation and manages:
        items.append(_make_deadline_select(script, rotation))
    for action in (action for action in shown if shown[action]):
        label, style = ORDER_BUTTONS[action]
        custom_id = _make_order_id(action, script, rotation)
        items.append(ui.Button(label=say(label), style=style, custom_id=custom_id))
    return make_view(*items)


def _make_deadline_select(script: Script, rotation: Rotation) -> ui.Select[ui.View]:
    labels = {
        str(hours): say("Deadline: {time}", time=many(*said)) if hours else say("No deadline")
        for hours, said in DEADLINES.items()
    }
    options = make_options(labels, str(rotation.hours or NO_DEADLINE))
    return ui.Select(custom_id=_make_order_id("hours", script, rotation), options=options)


def _make_order_id(action: str, script: Script, rotation: Rotation | None) -> str:
    turn = rotation.turn if rotation else 0
    return f"{CUSTOM_ID_PREFIX}turns:{action}:{script.id}:{turn}"


def make_end_button(script: int) -> ui.View:
    """Return the button that ends a sprint."""
    custom_id = f"{CUSTOM_ID_PREFIX}end-sprint:{script}"
    return make_view(ui.Button(label=say("End it now"), custom_id=custom_id))
