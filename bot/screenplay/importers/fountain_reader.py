"""Read Fountain as its specification says, without what is not part of the script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from ..elements import Element, Kind, is_act
from ..fountain import classify, parse_model_text
from ..free_text import make_heading, stands_alone
from ..speakers import looks_like_name
from .manuscript import (
    CENTRED_TEXT,
    DUAL_DIALOGUE,
    LYRICS,
    Block,
    Manuscript,
    count_credits,
    decode_text,
)

_KEY = re.compile(r"([A-Za-z][A-Za-z ]{1,24}):[ \t]*(.*)")
_KEYS = {"title", "credit", "author", "authors", "source", "notes", "draft date", "date", "contact"}
_KEYS |= {"copyright", "revision", "format", "font"}
_GERMAN_KEYS = {"titel": "title", "autor": "author", "autorin": "author", "autoren": "authors"}
_SCENE_NUMBER = re.compile(r"(?<![ \t])[ \t]*#[\w.-]{1,12}#[ \t]*$")
_PAGE_BREAK = re.compile(r"={3,}[ \t]*")
_DARK = re.compile(
    r"(?:(?:TOTAL|COMPLETE|PITCH) )?(?:BLACK(?:NESS|OUT)?|DARK(?:NESS)?|SILENCE)"
    r"|SCHWARZ(?:BILD|BLENDE)?|DUNKELHEIT|STILLE"
)
"""Matches what an audience sees or hears above the first scene."""

_TITLE_ROWS = 10
"""The first rows of a text, one of which begins the first scene if a title stands above it."""


def read_fountain(data: bytes, _: Sequence[str] = ()) -> Manuscript:
    manuscript, text = read_title_page(decode_text(data))
    text, manuscript.left_out = _remove_passages(text, "/*", "*/")
    for block in split_blocks(text):
        bare, notes = _remove_passages("\n".join(block), "[[", "]]")
        lines = [line for line in bare.split("\n") if line.strip()]
        manuscript.left_out += notes
        if lines := _skip_outline(manuscript, lines):
            _add_block(manuscript, lines)
    return manuscript


def _skip_outline(manuscript: Manuscript, lines: Block) -> Block:
    """Return the lines below sections, synopses and page breaks, which are counted.

    A section such as `# Act One` becomes a heading instead.
    """
    for at, line in enumerate(lines):
        if not line.startswith(("#", "=")):
            return lines[at:]
        if is_act(title := line.lstrip("# ")):
            manuscript.add(make_heading(title))
        elif _PAGE_BREAK.fullmatch(line):
            manuscript.page_breaks += 1
        else:
            manuscript.left_out += 1
    return []


def _add_block(manuscript: Manuscript, lines: Block) -> None:
    bare_lines, rest = [line.strip() for line in lines], lines[1:]
    first = bare_lines[0]
    if classify(first) is Kind.HEADING:
        bare = _SCENE_NUMBER.sub("", first)
        manuscript.numbered |= bare != first
        manuscript.add(parse_model_text(bare))
        # Some writers leave out the blank line below a heading.
        if rest := _skip_outline(manuscript, rest):
            manuscript.add(parse_model_text("\n".join(rest)))
    elif all(line[0] == ">" and line[1:].endswith("<") for line in bare_lines):
        manuscript.flattened.add(CENTRED_TEXT)
        manuscript.add_as(Kind.ACTION, [line[1:-1] for line in bare_lines])
    else:
        without_lyric_marks = [line.removeprefix("~") for line in bare_lines]
        element = parse_model_text("\n".join(without_lyric_marks))
        manuscript.add(element)
        if without_lyric_marks != bare_lines:
            manuscript.flattened.add(LYRICS)
        if first.endswith("^") and element and element.kind is Kind.DIALOGUE:
            manuscript.flattened.add(DUAL_DIALOGUE)


def _remove_passages(text: str, opening: str, closing: str) -> tuple[str, int]:
    """Return text without each passage between two marks, and the number of passages."""
    # No regular expression, because one takes quadratic time if marks are never closed.
    kept: list[str] = []
    at = 0
    while (start := text.find(opening, at)) >= 0:
        end = text.find(closing, start + len(opening))
        if end < 0:
            break
        kept.append(text[at:start])
        at = end + len(closing)
    return "".join([*kept, text[at:]]), len(kept)


def split_blocks(text: str) -> Iterator[Block]:
    """Yield the blocks between blank lines.

    A line of two spaces is not blank inside a speech or a note.
    """
    block: Block = []
    in_note = is_speech = False
    for line in (*text.split("\n"), ""):
        if line.strip():
            # Asked once, because a block can have very many lines of two spaces.
            is_speech = is_speech if block else classify(f"{line}\nx") is Kind.DIALOGUE
            block.append(line)
            opened, closed = line.rfind("[["), line.rfind("]]")
            if opened != closed:  # the line has one of the marks
                in_note = opened > closed
        elif block and (line != "  " or not (in_note or is_speech)):
            yield block
            block, in_note = [], False


def read_title_page(text: str, *, any_key: bool = True) -> tuple[Manuscript, str]:
    """Return a manuscript with the title and the authors, and the text after the title page.

    A text that does not begin with one of Fountain's keys has no title page. Unless ``any_key`` may
    stand on it, a title page needs a title, and ends at the first line without one of Fountain's
    keys.
    """
    page, _, rest = text.lstrip("\n").partition("\n\n")
    lines = page.split("\n")
    found: dict[str, list[str]] = {}
    entries: list[str] | None = None
    for at, line in enumerate(lines):
        match = _KEY.fullmatch(line)
        typed = match[1].lower() if match else ""
        key = _GERMAN_KEYS.get(typed, typed)
        if entries is not None and line[:1] in " \t":
            entries.append(line)
        elif match and (any_key or key in _KEYS):
            entries = found.setdefault(key, [])
            entries.append(match[2])
        elif any_key:
            return _read_bare_title(text)
        else:
            rest = "\n".join([*lines[at:], "", rest])
            break
    if not found.keys() & (_KEYS if any_key else {"title"}):
        return _read_bare_title(text)
    title = _join_plain(found.pop("title", []), " ") or None
    authors = _join_plain([*found.pop("author", []), *found.pop("authors", [])], ", ")
    found.pop("credit", None)
    others = _join_plain(chain(*found.values()), " ")
    return Manuscript(title, authors=authors, page_cut=bool(others)), rest


def _read_bare_title(text: str) -> tuple[Manuscript, str]:
    """Return a manuscript with the title that a text without a title page has, and the text below.

    Such a title stands above the first scene, alone and in capitals, or above a byline.
    """
    lines = text.lstrip("\n").split("\n")
    unnumbered = (line.strip().lstrip("0123456789. ") for line in lines[:_TITLE_ROWS])
    at = next((n for n, row in enumerate(unnumbered) if stands_alone(row)), 0)
    rows = [line.strip(" \t*_<>") for line in lines[:at]]
    title, *below = list(filter(None, rows)) or [""]
    begin = rows.index(below[0]) if below else at
    end = begin + count_credits(title, rows[begin:])
    is_alone = not below and title.isupper() and looks_like_name(title)
    is_title = end > begin or (is_alone and not _DARK.fullmatch(title))
    if not is_title or rows[-1] or title.endswith("."):
        return Manuscript(), text
    manuscript = Manuscript(title)
    manuscript.read_credits(rows[begin:end])
    return manuscript, "\n".join(lines[end:])


def _join_plain(lines: Iterable[str], separator: str) -> str:
    """Return lines as one, without emphasis around them and without escapes."""
    bare = separator.join(filter(None, (line.strip("*_ \t") for line in lines)))
    joined = " ".join(bare.split())
    return Element(Kind.ACTION, joined).body if joined else ""
