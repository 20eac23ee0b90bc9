"""Read Fountain as its specification says, without what is no part of the script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import dropwhile

from ..elements import Element, Kind
from ..fountain import classify, parse_model_text
from .manuscript import Block, Manuscript, decode_text

_KEY = re.compile(r"([A-Za-z][A-Za-z ]{1,24}):[ \t]*(.*)")
_KEYS = {"title", "credit", "author", "authors", "source", "notes", "draft date", "date", "contact"}
_KEYS |= {"copyright", "revision", "format", "font"}
_SCENE_NUMBER = re.compile(r"[ \t]*#[\w.-]{1,12}#[ \t]*$")
_CENTERED = re.compile(r"[ \t]*>[ \t]*(.*?)[ \t]*<[ \t]*")


def read_fountain(data: bytes, _: Sequence[str] = ()) -> Manuscript:
    title, text = split_title_page(decode_text(data))
    manuscript = Manuscript(title or None)
    text, manuscript.left_out = _remove_passages(text, "/*", "*/")
    for block in split_blocks(text):
        bare, notes = _remove_passages("\n".join(block), "[[", "]]")
        lines = [line for line in bare.split("\n") if line.strip()]
        manuscript.left_out += notes
        if lines := _skip_outline(manuscript, lines):
            _add_block(manuscript, lines)
    return manuscript


def _skip_outline(manuscript: Manuscript, lines: Block) -> Block:
    """Return the lines below sections, synopses and page breaks, which are counted."""
    kept = list(dropwhile(lambda line: line.startswith(("#", "=")), lines))
    manuscript.left_out += len(lines) - len(kept)
    return kept


def _add_block(manuscript: Manuscript, lines: Block) -> None:
    first, rest = lines[0].strip(), lines[1:]
    if classify(first) is Kind.HEADING:
        bare = _SCENE_NUMBER.sub("", first)
        manuscript.numbered |= bare != first
        manuscript.add(parse_model_text(bare))
        # Some writers leave out the blank line below a heading.
        if rest := _skip_outline(manuscript, rest):
            manuscript.add(parse_model_text("\n".join(rest)))
    elif all(_CENTERED.fullmatch(line) for line in lines):
        manuscript.add_as(Kind.ACTION, [_CENTERED.sub(r"\1", line) for line in lines])
    else:
        without_lyric_marks = (line.strip().removeprefix("~") for line in lines)
        manuscript.add(parse_model_text("\n".join(without_lyric_marks)))


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
    """Yield the blocks between blank lines.

    A line of two spaces is not blank inside a speech or a note.
    """
    block: Block = []
    in_note = False
    for line in (*text.split("\n"), ""):
        if line.strip():
            block.append(line)
            opened, closed = line.rfind("[["), line.rfind("]]")
            if opened != closed:  # the line has one of the marks
                in_note = opened > closed
        elif block and (line != "  " or not (in_note or _begins_speech(block))):
            yield block
            block, in_note = [], False


def _begins_speech(block: Block) -> bool:
    return classify(f"{block[0]}\nx") is Kind.DIALOGUE


def split_title_page(text: str, *, any_key: bool = True) -> tuple[str | None, str]:
    """Return the title, and the text after the title page.

    A text without any key of Fountain's at its beginning has no title page, and no title. Unless
    ``any_key`` may stand on it, a title page needs a title, and ends at the first line without a
    key of Fountain's.
    """
    page, _, rest = text.lstrip("\n").partition("\n\n")
    lines = page.split("\n")
    found: dict[str, list[str]] = {}
    entries: list[str] | None = None
    for at, line in enumerate(lines):
        if entries is not None and line[:1] in " \t":
            entries.append(line)
        elif (match := _KEY.fullmatch(line)) and (any_key or match[1].lower() in _KEYS):
            entries = found.setdefault(match[1].lower(), [])
            entries.append(match[2])
        elif any_key:
            return None, text
        else:
            rest = "\n".join([*lines[at:], "", rest])
            break
    if not found.keys() & (_KEYS if any_key else {"title"}):
        return None, text
    return _plain_title(found.get("title", [])), rest


def _plain_title(lines: Iterable[str]) -> str:
    """Return a title on one line, without emphasis around it and without escapes."""
    bare = " ".join(line.strip("*_ \t") for line in lines)
    title = " ".join(bare.split())
    return Element(Kind.ACTION, title).body if title else ""
