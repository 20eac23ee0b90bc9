"""Remove what a page adds to a typed script: its number, CONTINUED, (MORE), revision stars."""

from __future__ import annotations

import re

from ..fountain import find_cue

_CONTINUED = re.compile(r"\(CONTINUED\)|(?:\d+[A-Z]? +)?CONTINUED:(?: \(\d+\))?(?: +\d+[A-Z]?)?")
_PAGE_NUMBER = re.compile(r"\d{1,3}[A-Z]?\.")
_REVISION_STARS = re.compile(r"(?<=\S) {2,}\*+$")
_MORE = re.compile(r"\n *\(MORE\)(?:\s*\n[^\n]+\(CONT['\u2019]?D\))?(?= *\n)")
"""Matches the end of a page in a speech, and the cue with which the next page goes on."""

_INDENTED = 20
"""The columns from which a number is a page's."""


def remove_page_furniture(text: str, *, is_flat: bool = False) -> tuple[str, int]:
    """Return text without page furniture, and the number of page numbers that were in it.

    A page number stands at the right, except in a text that ``is_flat``, that is, has no indents.
    """
    kept: list[str] = []
    count, is_top = 0, False
    for raw in text.split("\n"):
        line = _REVISION_STARS.sub("", raw.rstrip())
        is_number = _is_page_number(line, 0 if is_flat else _INDENTED)
        # Below a cue, a number is speech.
        is_number = is_number and not (kept and _may_be_cue(kept[-1].strip()))
        count += is_number
        if is_number or _CONTINUED.fullmatch(line.strip()):
            # The lines around furniture are not one block.
            kept += [""] if kept and kept[-1] else []
            is_top = True
        elif line or not is_top:
            kept.append(line)
            is_top = False
    return _MORE.sub("", "\n".join([*kept, ""])), count


def _is_page_number(line: str, indent: int) -> bool:
    header, _, number = line.rpartition("     ")
    bare = number.strip()
    # A scene's number also stands at the left.
    is_apart = len(line) - len(bare) >= indent and not header.lstrip()[:1].isdigit()
    return is_apart and bool(_PAGE_NUMBER.fullmatch(bare))


def _may_be_cue(row: str) -> bool:
    # A page may also end with BLACK. in capitals.
    return bool(find_cue(row)) and row[-1] != "." and row != "THE END"
