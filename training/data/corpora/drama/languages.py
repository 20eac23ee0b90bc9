"""Leave out the language of the original where a book prints it beside the English."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from .cues import WORDS
from .paragraphs import Paragraph

FOREIGN_SHARE = 0.15
"""The share of longer paragraphs that must be foreign for a book to have a foreign column."""
LONG = 5
"""The fewest words of a paragraph whose language is judged."""

ENGLISH = frozenset(WORDS["english"].split())
LATIN = frozenset(WORDS["latin"].split())
WORD = re.compile(r"[A-Za-z']+")


def leave_out_foreign(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Return the English paragraphs of a book that prints another language beside them.

    A short paragraph is foreign where it stands in the column of the foreign paragraphs.
    """
    long = [one for one in paragraphs if len(WORD.findall(one.text)) >= LONG]
    foreign = [one for one in long if is_foreign(one.text)]
    if not foreign or len(foreign) < FOREIGN_SHARE * len(long):
        return list(paragraphs)
    column = Counter(one.indent for one in foreign).most_common(1)[0][0]
    return [
        one
        for one in paragraphs
        if not is_foreign(one.text) and not (one.indent == column and _is_bare(one))
    ]


def is_foreign(text: str) -> bool:
    """Return whether Latin function words outnumber English ones."""
    words = [word.lower() for word in WORD.findall(text)]
    return sum(word in LATIN for word in words) > 2 * sum(word in ENGLISH for word in words)


def _is_bare(paragraph: Paragraph) -> bool:
    """Return whether a paragraph is neither a name, nor a direction, nor certainly English."""
    words = [word.lower() for word in WORD.findall(paragraph.text)]
    marked = re.match(r"[_\[({]", paragraph.first) or paragraph.first.isupper()
    return not marked and not any(word in ENGLISH for word in words)
