"""Cards: a message's lines, those in the script and those no longer in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

from ..i18n.catalogue import say
from ..i18n.markdown import fenced, inline, size
from ..screenplay.page_layout import lay_out_page
from ..storage.schema import ERASED_NAME, ERASED_PERSON, Line
from .script_messages import dimmed, messages

FULL = 1500
"""The size up to which lines are put on a card. Discord allows 2,000, and lines that are dimmed
later can need more room than before."""

NAME = 60
"""The size of a person's name."""


def dealt(lines: Iterable[Line]) -> list[list[Line]]:
    """Deal lines onto as few cards as hold them, at least one line on each."""
    cards: list[list[Line]] = []
    for line in lines:
        if cards and size(_whole([*cards[-1], line])) <= FULL:
            cards[-1].append(line)
        else:
            cards.append([line])
    return cards


def shown_by(content: str, lines: Sequence[Line]) -> list[Line]:
    """Return the lines that a message shows, which ends with the last of these.

    Args:
        content: The message's content, as it was sent.
        lines: Successive lines of a script.

    Returns:
        The lines that the content has, or the last line alone where that is uncertain.
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
    """Return lines as a message of at most 2,000 characters, with their authors.

    Lines in the script are a page, and others are dimmed. A single line without room is cut, with a
    note.
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
    """Return one version of each rewritten or copied line: that in the script, or the last one.

    The first version need not be among the lines.
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
    more = say("and more: see all of it with {/script show}")
    return f"{first}\n-# {more}" if rest else first


def _whole(lines: Sequence[Line]) -> str:
    return fenced(lay_out_page(line.element for line in lines))


def mention(person: int) -> str:
    """Mention a person, in a message that pings nobody; a forgotten person is “somebody”."""
    return say(ERASED_NAME) if person == ERASED_PERSON else f"<@{person}>"


def credited(lines: Sequence[Line]) -> str:
    """Return the lines' authors, and the seeds by which a voice would write its lines again."""
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
