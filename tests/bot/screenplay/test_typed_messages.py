"""Test how many messages become what their writers meant."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.screenplay.elements import Element
from bot.screenplay.free_text import parse_person_text

from .typed_messages import CAST, OTHER_CAST, OTHER_MESSAGES, TYPED_MESSAGES, Meaning

WANTED = 57
"""Of sixty messages, how many must become what was meant."""


def describe(element: Element) -> Meaning:
    """Return an element as the table has it."""
    first = () if element.kind.spec.has_cue else (element.kind.value,)
    return (*first, *element.shown)


@pytest.mark.parametrize(
    ("messages", "cast"), [(TYPED_MESSAGES, CAST), (OTHER_MESSAGES, OTHER_CAST)]
)
def test_messages_become_what_their_writers_meant(
    messages: Sequence[tuple[str, list[Meaning]]], cast: Sequence[str]
):
    assert len(messages) == len(dict(messages)) == 60
    misread = {}
    for text, meant in messages:
        elements = parse_person_text(text, names=cast)
        if list(map(describe, elements)) != meant:
            misread[text] = elements
    assert len(messages) - len(misread) >= WANTED, misread
