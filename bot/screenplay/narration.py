"""Tell what somebody does from what somebody says, in a row below a speech."""

from __future__ import annotations

import re
from collections.abc import Container

from .speakers import MAX_CAPITALISED, fold_name

_PRONOUNS = ("he", "she")
_ARTICLES = ("the", "a", "an")

_STATES = (
    "is|was|has|does|belongs|costs|deserves|hates|knows|likes|lives|loves|means|needs|owes|says|"
    "seems|sounds|thinks|wants"
)
"""Verbs of speech rather than of narration."""

_DOES = re.compile(rf"(?:\w+ly )?(?!(?:{_STATES})\b)\w+[^\W\d_s]s\b", re.IGNORECASE)
TALK = re.compile(
    r"[?\"\u201c\u201d]|\b(?:i|me|my|we|us|our|you|your|yours)\b|['\u2019](?:d|ll|m|re|ve)\b",
    re.IGNORECASE,
)
"""Matches what speech often has and narration never: a question, a quote, `I` or `you`."""


def is_narration(row: str, names: Container[str]) -> bool:
    """Return whether a row says what somebody does now, such as `She runs.` or `The door opens.`.

    The ``names``, as `fold_name` spells them, are those of the characters who may do something. In
    the shipped films, 0.9% of the sentences in speeches look like this, and 68% of the action below
    speeches.
    """
    words = row.split()
    subject_ends = range(1, min(MAX_CAPITALISED, len(words) - 1) + 1)
    return not TALK.search(row) and any(
        _is_subject(words[:end], names) and _DOES.match(" ".join(words[end:]))
        for end in subject_ends
    )


def _is_subject(words: list[str], names: Container[str]) -> bool:
    first, *rest = words
    if first.casefold() in _ARTICLES:
        return len(rest) == 1
    return (not rest and first.casefold() in _PRONOUNS) or fold_name("".join(words)) in names
