"""Read Fountain as its specification says, without what is no part of the script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..elements import Element, Kind
from ..fountain import classify, parse_model_text
from .manuscript import Block, Manuscript, decode_text

_KEY = re.compile(r"([A-Za-z][A-Za-z ]{1,24}):[ \t]*(.*)")
_KEYS = {"title", "credit", "author", "authors", "source", "notes", "draft date", "date", "contact"}
_KEYS |= {"copyright", "revision", "format", "font"}
_SCENE_NUMBER = re.compile(r"[ \t]*#[\w.-]{1,12}#[ \t]*$")
_CENTERED = re.compile(r"[ \t]*>[ \t]*(.*?)[ \t]*<[ \t]*")


def read_fountain(data: bytes) -> Manuscript:
    """Read a `.fountain` file."""
    title, text = split_title_page(decode_text(data))
    manuscript = Manuscript(title or None)
    text, manuscript.left_out = _remove_passages(text, "/*", "*/")
    for block in split_blocks(text):
        bare, notes = _remove_passages("\n".join(block), "[[", "]]")
        lines = [line for line in bare.split("\n") if line.strip()]
        manuscript.left_out += notes
        # Sections, synopses and page breaks.
        while lines and lines[0].startswith(("#", "=")):
            del lines[0]
            manuscript.left_out += 1
        if lines:
            _add_block(manuscript, lines)
    return manuscript


def _add_block(manuscript: Manuscript, lines: Block) -> None:
    first, rest = lines[0].strip(), lines[1:]
    if classify(first) is Kind.HEADING:
        bare = _SCENE_NUMBER.sub("", first)
        manuscript.numbered |= bare != first
        manuscript.add([bare], _make)
        if rest:  # some writers leave out the blank line below a heading
            manuscript.add(rest, _make)
    elif all(_CENTERED.fullmatch(line) for line in lines):
        manuscript.add_as(Kind.ACTION, [_CENTERED.sub(r"\1", line) for line in lines])
    else:
        without_lyric_marks = [line.strip().removeprefix("~") for line in lines]
        manuscript.add(without_lyric_marks, _make)


def _make(lines: Block) -> list[Element | None]:
    return [parse_model_text("\n".join(lines))]


def _remove_passages(text: str, opening: str, closing: str) -> tuple[str, int]:
    """Return text without each passage between two marks, and the number of passages."""
    # No regular expression, because one takes quadratic time where marks are never closed.
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
    """Yield the blocks between blank lines; a line of two spaces inside a speech is not blank."""
    block: Block = []
    for line in (*text.split("\n"), ""):
        if line.strip():
            block.append(line)
        elif block and (line != "  " or classify(f"{block[0]}\nx") is not Kind.DIALOGUE):
            yield block
            block = []


def split_title_page(text: str) -> tuple[str | None, str]:
    """Return the title, and the text after the title page.

    A text without any key of Fountain's at its beginning has no title page, and no title.
    """
    page, _, rest = text.lstrip("\n").partition("\n\n")
    found: dict[str, list[str]] = {}
    entries: list[str] | None = None
    for line in page.split("\n"):
        if entries is not None and line[:1] in " \t":
            entries.append(line)
        elif match := _KEY.fullmatch(line):
            entries = found.setdefault(match[1].lower(), [])
            entries.append(match[2])
        else:
            return None, text
    if not found.keys() & _KEYS:
        return None, text
    return _plain_title(found.get("title", [])), rest


def _plain_title(lines: Iterable[str]) -> str:
    """Return a title on one line, without emphasis around it and without escapes."""
    title = " ".join(" ".join(lines).split()).strip("*_ ")
    return Element(Kind.ACTION, title).body if title else ""
