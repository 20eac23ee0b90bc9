"""Format the lines of a message, those in the script and those no longer in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

from ..i18n.catalogue import say
from ..screenplay.page_layout import lay_out_page
from ..storage.schema import ERASED_NAME, ERASED_PERSON, Line
from .markdown import fenced, inline, size
from .script_messages import format_struck, split_into_messages

CARD_SIZE = 1500
"""The size up to which lines are put on a card. Discord allows 2,000, and lines that are dimmed
later can need more room than before."""

NAME_SIZE = 60
"""The size of a person's name."""


def split_into_cards(lines: Iterable[Line]) -> list[list[Line]]:
    """Deal lines onto as few cards as hold them, at least one line on each."""
    cards: list[list[Line]] = []
    for line in lines:
        if cards and size(_format_page([*cards[-1], line])) <= CARD_SIZE:
            cards[-1].append(line)
        else:
            cards.append([line])
    return cards


def find_shown_lines(content: str, lines: Sequence[Line]) -> list[Line]:
    """Return the lines that a message shows, which ends with the last of these.

    Args:
        content: The message's content, as it was sent.
        lines: Successive lines of a script.

    Returns:
        The lines that the content has, or the last line alone where that is uncertain.
    """
    shown = list(lines[-1:])
    for first in range(len(lines) - 2, -1, -1):
        candidates = lines[first:]
        if size(_format_page(candidates)) > CARD_SIZE:
            break
        if (
            _format_page(candidates) in content
            or "\n".join(format_struck(one.element) for one in candidates) in content
        ):
            shown = list(candidates)
    return shown


def format_card(lines: Sequence[Line], in_script: Collection[int]) -> str:
    """Return lines as a message of at most 2,000 characters, with their authors.

    Lines in the script are a page, and others are dimmed. A single line without room is cut, with a
    note.
    """
    lines = _current_versions(lines, in_script)
    parts: list[str] = []
    for in_place, group in groupby(lines, lambda line: line.id in in_script):
        if in_place:
            parts.append(_format_block(list(group)))
        else:
            parts += [format_struck(line.element) for line in group]
    current = [line for line in lines if line.id in in_script]
    return "\n".join([*parts, f"-# {format_credit(current or lines)}"])


def _current_versions(lines: Sequence[Line], in_script: Collection[int]) -> list[Line]:
    """Return one version of each rewritten or copied line: that in the script, or the last one.

    The first version need not be among the lines.
    """
    first_of: dict[int, int] = {}
    versions: dict[int, list[Line]] = {}
    for line in lines:
        origin = line.copy_of or line.rewrite_of or line.id
        first_of[line.id] = first_of.get(origin, origin)
        versions.setdefault(first_of[line.id], []).append(line)
    return [version for same in versions.values() for version in _choose_version(same, in_script)]


def _choose_version(versions: Sequence[Line], in_script: Collection[int]) -> list[Line]:
    current = [line for line in versions if line.id in in_script]
    latest = versions[-1].delivery
    return current or [line for line in versions if line.delivery == latest]


def _format_block(lines: Sequence[Line]) -> str:
    whole = _format_page(lines)
    if size(whole) <= CARD_SIZE:
        return whole
    first, *rest = split_into_messages((line.element for line in lines), CARD_SIZE)
    more = say("and more: see all of it with {/script show}")
    return f"{first}\n-# {more}" if rest else first


def _format_page(lines: Sequence[Line]) -> str:
    return fenced(lay_out_page(line.element for line in lines))


def mention(person: int) -> str:
    """Mention a person, in a message that pings nobody; a forgotten person is “somebody”."""
    return say(ERASED_NAME) if person == ERASED_PERSON else f"<@{person}>"


def format_credit(lines: Sequence[Line]) -> str:
    """Return the lines' authors, and the seeds by which a model would write its lines again."""
    names: list[str] = []
    for name, group in groupby(lines, lambda line: line.credit):
        seeds = [line.origin["seed"] for line in group if line.origin]
        names.append(_format_seeds(inline(name, NAME_SIZE), seeds))
    return "; ".join(names)


def _format_seeds(name: str, seeds: Sequence[int]) -> str:
    if not seeds:
        return name
    if len(seeds) == 1:
        return say("{name}, seed {seed}", name=name, seed=seeds[0])
    return say("{name}, seed {first} to {last}", name=name, first=seeds[0], last=seeds[-1])
