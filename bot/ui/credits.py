"""Name the people and the models who wrote lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ..i18n.catalogue import say
from ..storage.schema import ERASED_NAME, ERASED_PERSON, Line
from .markdown import inline

NAME_SIZE = 60
"""The size of a person's name."""


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
