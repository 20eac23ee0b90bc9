"""Cards: how a message of the bot shows lines, those in the script and those no longer in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

from ..i18n.catalogue import say
from ..i18n.markdown import fenced, inline, size
from ..screenplay.page_layout import page
from ..storage.schema import FORGOTTEN, SOMEBODY, Line
from .script_messages import dimmed, messages

FULL = 1500
"""The size of a card that has no room for another line. Discord allows 2,000, and lines that are
dimmed later can take more room than they did."""

NAME = 60
"""The size to which a person's name is cut."""


def dealt(lines: Iterable[Line]) -> list[list[Line]]:
    """The lines on as few cards as hold them, at least one line on each."""
    cards: list[list[Line]] = []
    for line in lines:
        if cards and size(_whole([*cards[-1], line])) <= FULL:
            cards[-1].append(line)
        else:
            cards.append([line])
    return cards


def shown_by(content: str, lines: Sequence[Line]) -> list[Line]:
    """Those lines that a message shows which ends with the last of them.

    They follow one another in a script, and ``content`` is that of the message as it was sent.
    Where it cannot be told, it is the last line alone.
    """
    found = list(lines[-1:])
    for first in range(len(lines) - 2, -1, -1):
        some = lines[first:]
        if size(_whole(some)) > FULL:
            break
        if _whole(some) in content or "\n".join(dimmed(one.element) for one in some) in content:
            found = list(some)
    return found


def card(lines: Sequence[Line], in_script: Collection[int]) -> str:
    """The content of a message: lines in the script as a page, others dimmed; and who wrote them.

    At most 2,000 characters: a line that has no room alone is cut, and says so.
    """
    lines = _standing(lines, in_script)
    parts: list[str] = []
    for live, run in groupby(lines, lambda line: line.id in in_script):
        if live:
            parts.append(_block(list(run)))
        else:
            parts += [dimmed(line.element) for line in run]
    kept = [line for line in lines if line.id in in_script]
    return "\n".join([*parts, f"-# {credited(kept or lines)}"])


def _standing(lines: Sequence[Line], in_script: Collection[int]) -> list[Line]:
    """Of a line that was rewritten or copied, the version in the script, or else the last one.

    What two are versions of need not be among the lines itself.
    """
    first_of: dict[int, int] = {}
    versions: dict[int, list[Line]] = {}
    for line in lines:
        was = line.copy_of or line.rewrite_of or line.id
        first_of[line.id] = first_of.get(was, was)
        versions.setdefault(first_of[line.id], []).append(line)
    return [one for of in versions.values() for one in _version(of, in_script)]


def _version(versions: Sequence[Line], in_script: Collection[int]) -> list[Line]:
    live = [line for line in versions if line.id in in_script]
    last = versions[-1].delivery
    return live or [line for line in versions if line.delivery == last]


def _block(lines: Sequence[Line]) -> str:
    whole = _whole(lines)
    if size(whole) <= FULL:
        return whole
    first, *rest = messages((line.element for line in lines), FULL)
    more = say("and more: {/script show} has it whole")
    return f"{first}\n-# {more}" if rest else first


def _whole(lines: Sequence[Line]) -> str:
    return fenced(page(line.element for line in lines))


def mention(person: int) -> str:
    """A person in a message that pings nobody; one who wished to be forgotten is somebody."""
    return say(SOMEBODY) if person == FORGOTTEN else f"<@{person}>"


def credited(lines: Sequence[Line]) -> str:
    """Who wrote the lines, and from which seeds: enough to write a voice's lines again."""
    names: list[str] = []
    for name, run in groupby(lines, lambda line: line.credit):
        seeds = [line.origin["seed"] for line in run if line.origin]
        names.append(_with_seeds(inline(name, NAME), seeds))
    return "; ".join(names)


def _with_seeds(name: str, seeds: Sequence[int]) -> str:
    if not seeds:
        return name
    if len(seeds) == 1:
        return say("{name}, seed {seed}", name=name, seed=seeds[0])
    return say("{name}, seed {first} to {last}", name=name, first=seeds[0], last=seeds[-1])
