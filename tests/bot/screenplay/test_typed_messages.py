"""Test how many messages become what their writers meant."""

from __future__ import annotations

from bot.screenplay.elements import Element
from bot.screenplay.free_text import parse_person_text

from .typed_messages import CAST, TYPED_MESSAGES, Meaning

WANTED = 57
"""Of the sixty messages, how many must become what was meant."""


def describe(element: Element) -> Meaning:
    """Return an element as the table has it."""
    first = () if element.kind.spec.has_cue else (element.kind.value,)
    return (*first, *element.shown)


def test_messages_become_what_their_writers_meant():
    assert len(TYPED_MESSAGES) == len(dict(TYPED_MESSAGES)) == 60
    misread = {}
    for text, meant in TYPED_MESSAGES:
        elements = parse_person_text(text, names=CAST)
        if list(map(describe, elements)) != meant:
            misread[text] = elements
    assert len(TYPED_MESSAGES) - len(misread) >= WANTED, misread
