"""Indent the lines of a typed page that lost its indents and blank lines, as in a copied PDF."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..fountain import find_cue
from ..free_text import stands_alone
from ..narration import is_narration
from ..page_layout import PAPER_COLUMNS
from ..speakers import fold_name, looks_like_name
from .manuscript import Block, count_credits
from .page_furniture import remove_page_furniture

_PAGE_ROWS = 20
"""The rows from which a block is a page without blank lines."""

_TITLE_ROWS = 10
"""The most rows of a title page."""

_WIDEST_SPEECH = PAPER_COLUMNS.speech[1] + 2
_SENTENCE_ENDS = tuple('.!?\u2026"\u201d)-\u2014')


def is_flat(blocks: Sequence[Block]) -> bool:
    """Return whether nearly all rows of a text are in blocks that are whole pages."""
    rows = [*map(len, blocks)]
    return len(rows) == 1 or sum(n for n in rows if n >= _PAGE_ROWS) > 0.8 * sum(rows)


def restore_page(text: str) -> tuple[str, int] | None:
    """Return text with indents and blank lines, and the number of page numbers that were in it.

    Return None if there is neither a scene heading, a transition nor a cue at the top with another
    below, or if nobody speaks twice. A cue is a name in capitals with something narrower below it
    than action can be. Its speech ends at the next cue, scene heading or transition, at narration,
    and at a row that is wider than a speech.
    """
    page, breaks = remove_page_furniture(text, is_flat=True)
    rows = [row.strip() for row in page.split("\n") if row.strip()]
    alone = next((n for n, row in enumerate(rows) if stands_alone(row)), None)
    if alone is None and not _find_name(rows[0]):  # as in a poem with a refrain
        return None
    end = _count_title_rows(rows[:alone]) if alone and alone <= _TITLE_ROWS else 0
    title, body = rows[:end], rows[end:]
    cued = [(name, below) for row, below in pairwise(body) if (name := _find_name(row))]
    names = Counter(name for name, _ in cued)
    spoken = [row for name, row in cued if names[name] > 1]
    if not spoken or (alone is None and len(names) < 2):
        return None
    # Some pages have wider speeches than usual.
    widest = max(_WIDEST_SPEECH, *map(len, spoken))
    lines = [*_indent_title(title), *_indent(body, names, widest)]
    return "\n".join(lines), breaks


def _count_title_rows(rows: Sequence[str]) -> int:
    spaced = [part for row in rows for part in (row, "")]
    counts = ((at, count_credits(spaced[at - 2], spaced[at:])) for at in range(2, len(spaced), 2))
    return next(((at + count) // 2 for at, count in counts if count), 0)


def _indent_title(rows: Sequence[str]) -> Iterator[str]:
    for row in rows:
        yield from (f"{'':{PAPER_COLUMNS.cue[0]}}{row}", "")
    yield from ("", "") if rows else ()


def _indent(rows: Sequence[str], names: Counter[str], widest: int) -> Iterator[str]:
    is_speech, above = False, ""
    for row, below in zip(rows, [*rows[1:], ""], strict=True):
        if stands_alone(row):
            is_speech = False
            yield from ("", row, "")
        elif below and _is_speaker(row, below, names, widest):
            is_speech = True
            yield from ("", f"{'':{PAPER_COLUMNS.cue[0]}}{row}")
        elif is_speech and not (
            len(row) > widest or (above.endswith(_SENTENCE_ENDS) and is_narration(row, names))
        ):
            yield f"{'':{PAPER_COLUMNS.speech[0]}}{row}"
        else:
            yield from ("", row) if is_speech else (row,)
            is_speech = False
        above = row


def _is_speaker(row: str, below: str, names: Counter[str], widest: int) -> bool:
    name = _find_name(row)
    if not name or names[name] > 1:
        return bool(name)
    is_sentence = row[-1] == "." and row[-3:-2] != "."  # unlike VOICE ON P.A.
    return len(below) <= widest and not (below.isupper() or is_sentence)


def _find_name(row: str) -> str | None:
    """Return the folded name in a row that may be a cue, or None."""
    name = (find_cue(row) or "").partition("(")[0].strip()
    return fold_name(name) if name.isupper() and looks_like_name(name) else None
