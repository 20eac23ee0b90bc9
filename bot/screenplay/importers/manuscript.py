"""Collect the elements of a script in a file, whatever the file's format is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile, groupby, takewhile
from textwrap import shorten

from ...errors import RequestError
from ...i18n.catalogue import phrase
from ..elements import Element, Kind
from ..fountain import (
    NAME_LIMIT,
    classify,
    is_cue,
    parse_cue,
    split_lines,
    write_action,
    write_dialogue,
    write_heading,
    write_transition,
)
from ..free_text import parse_name

LONGEST_ELEMENT = 1500
"""The most characters of an element; a longer one becomes several, each of which a message can
show."""

MOST_ELEMENTS = 20_000
"""The most elements of a script in a file: several times the longest film."""

_MOST_ROWS = 3 * MOST_ELEMENTS
"""The most rows of a file, so that one of very short rows takes seconds, not half a minute."""

_ANY_LINE_BREAK = re.compile(r"\r\n?|[\v\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")

_OTHER_FORMATS = {b"{\\rtf": "RTF", b"<html": "HTML", b"<!doctype html": "HTML", b"%pdf-": "PDF"}
"""The formats that people save as text, by the beginning of a file in lower case."""

_LONGEST_LINE = LONGEST_ELEMENT - 100
"""The most characters of a line, which leave room for a speaker's name."""

BYLINE = re.compile(
    r"(?:(?:written|screenplay|geschrieben|drehbuch) )?(?:by|von)(?: (.+))?", re.IGNORECASE
)

_NO_AUTHOR = re.compile(
    r"(?:based|adapted|story by|nach|basierend)\b.*|.*\S@\S.*|(?:\w+\.?:)? *\+?[\d ()/.-]{6,}",
    re.IGNORECASE,
)
"""Matches a source, an e-mail address or a telephone number below the authors."""

_ARTICLE = re.compile(r"(?:the|an?|de[mnr]|die|das)\b")
_MONTH = r"(?:jan|feb|m[a\u00e4]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-z]*"
_ON_TITLE_PAGE = re.compile(
    rf"{_NO_AUTHOR.pattern}|(?:\w+ )?draft(?: date\b.*|:.*|\W*\d.*)?|https?:.*|www\..*|wga\b.*"
    r"|(?:contact|kontakt|tel|phone|e-?mail|date|datum|revis(?:ed|ion))(?:\W*\d.*|:.*)?"
    r"|(?:copyright|\(c\)|\u00a9|all rights|alle rechte).*"
    rf"|(?:\d\d?\.? {_MONTH}|{_MONTH}\.? \d\d?),? \d{{4}}",
    re.IGNORECASE,
)
"""Matches a row that only a title page has: a source, a draft, a contact, a date, a copyright."""

_SENTENCE_END = re.compile(r"[.!?\u2026][\"'\u201d\u2019)]*\s")

DUAL_DIALOGUE, CENTRED_TEXT, LYRICS = FLATTENED = (
    phrase("dual dialogue"),
    phrase("centred text"),
    phrase("lyrics"),
)
"""The things that a script has no kind for, so they become plain speech or action."""

Block = list[str]
"""The lines between two blank lines."""


@dataclass
class Manuscript:
    """Collect the content of a file, and count what was changed on the way."""

    title: str | None = None
    elements: list[Element] = field(default_factory=list)
    left_out: int = 0
    """What writers address to each other: notes, comments, sections, synopses and OMITTED. In an
    exported chat, what the messenger adds."""
    page_breaks: int = 0
    """Page breaks, which are left out."""
    flattened: set[str] = field(default_factory=set)
    """The items of `FLATTENED` that the file had."""
    cut: int = 0
    """Elements that were too long and became several."""
    numbered: bool = False
    """Whether scenes had numbers. They are left out, because a model would read and write them."""
    authors: str = ""
    """The writers of the script, as its title page names them."""
    page_cut: bool = False
    """Whether the title page had more than the title and the authors."""

    @property
    def has_speech(self) -> bool:
        """Return whether somebody speaks."""
        return any(element.kind is Kind.DIALOGUE for element in self.elements)

    def read_credits(self, rows: Sequence[str]) -> None:
        """Find the authors in the rows below a title: what follows “by”, up to a blank row."""
        lines = [" ".join(row.split()) for row in rows]
        bylines = (n for n, line in enumerate(lines) if BYLINE.fullmatch(line))
        at = next(bylines, len(lines))
        match = BYLINE.fullmatch(lines[at]) if at < len(lines) else None
        named = [match[1]] if match and match[1] else []
        below = list(dropwhile(lambda line: not line, lines[at + 1 :]))
        authors = named or list(
            takewhile(lambda line: line and not _NO_AUTHOR.fullmatch(line), below)
        )
        self.authors = ", ".join(authors)
        self.page_cut = any(lines[:at]) or any(below if named else below[len(authors) :])

    def add(self, *elements: Element | None) -> None:
        """Add elements; those that are too long are added in several pieces of their kind."""
        for element in filter(None, elements):
            if element.one_line == "OMITTED":
                self.left_out += 1
            elif len(element.text) <= LONGEST_ELEMENT:
                self.elements.append(element)
            else:
                self.cut += 1
                pieces = _split_block(element.marked, has_cue=element.kind.spec.has_cue)
                self.elements += filter(
                    None, (make_shown_element(element.kind, piece) for piece in pieces)
                )

    def add_as(self, kind: Kind, lines: Sequence[str]) -> None:
        self.add(make_shown_element(kind, lines))


def count_credits(title: str, rows: Sequence[str]) -> int:
    """Return how many rows below a title are a title page's; 0 if the first is no byline.

    These are the authors, and each block below them with a contact, a date or the like.
    """
    first, *below = rows or [""]
    byline = BYLINE.fullmatch(first)
    author = (byline and byline[1]) or next(filter(None, below), "")
    # `by the river` is text.
    is_text = author[:1].islower() and (not title.isupper() or _ARTICLE.match(author))
    if not byline or not author or is_text or author.endswith((".", "?", "!")):
        return 0
    count, has_author = 1, bool(byline[1])
    for is_block, group in groupby(below, bool):
        block = [*group]
        if is_block and has_author and not any(map(_ON_TITLE_PAGE.fullmatch, block)):
            break
        has_author |= is_block
        count += len(block)
    return count


def _split_block(block: Sequence[str], *, has_cue: bool) -> Iterator[Block]:
    """Yield the block in as few pieces as are short enough, each with the cue of a speech."""
    cue = list(block[:has_cue])
    piece, size = list(cue), _measure_block(cue)
    for line in block[len(cue) :]:
        for part in _split_line(line):
            if len(piece) > len(cue) and size + _measure_block([part]) > LONGEST_ELEMENT:
                yield piece
                piece, size = list(cue), _measure_block(cue)
            piece.append(part)
            size += _measure_block([part])
    yield piece


def _measure_block(block: Block) -> int:
    # A line break, and the backslash or forcing mark that a line may get.
    return sum(len(line) + 2 for line in block)


def _split_line(line: str) -> Iterator[str]:
    """Yield a line, cut after sentences, or else after words, if it is too long."""
    while len(line) > _LONGEST_LINE:
        ends = [
            match.end() for match in _SENTENCE_END.finditer(line, _LONGEST_LINE // 2, _LONGEST_LINE)
        ]
        at = ends[-1] if ends else line.rfind(" ", 1, _LONGEST_LINE) + 1 or _LONGEST_LINE
        at -= line[at - 1] == "\\"  # because a backslash escapes the next character
        yield line[:at]
        line = line[at:]
    yield line


def make_shown_element(kind: Kind, lines: Sequence[str]) -> Element | None:
    """Return the element of a kind that has these lines as `Element.marked`; None if all are blank.

    Return action if the lines cannot be of that kind, such as speech by nobody with a name.
    """
    whole = [line for text in lines for line in split_lines(text)]
    if not whole:
        return None
    element = _write_as(kind, whole)
    if element and classify(element.text) is kind:
        return element
    force = Kind.ACTION.spec.force
    action = write_action(force(line) if line.startswith("!") else line for line in whole)
    is_action = classify(action.text) is Kind.ACTION
    return action if is_action else Element(Kind.ACTION, force(action.text))


def _write_as(kind: Kind, lines: Sequence[str]) -> Element | None:
    """Return an element that should be of the kind, or None for action."""
    match kind:
        case Kind.HEADING:
            return write_heading(" ".join(lines))
        case Kind.TRANSITION:
            return write_transition(" ".join(lines))
        case Kind.DIALOGUE if cue := parse_cue(lines[0]) or _find_name(lines[0]):
            return write_dialogue(cue if is_cue(cue) else kind.spec.force(cue), lines[1:])
        case _:
            return None


def _find_name(line: str) -> str | None:
    """Return the name in a cue with other signs, such as JONAS in "JONAS?", or None.

    A name that is too long is cut after a word.
    """
    try:
        return parse_name(shorten(line.partition("(")[0], NAME_LIMIT, placeholder=""))
    except RequestError:
        return None


def check_length(lines: int, most: int) -> None:
    """Raise RequestError for a file with more than ``most`` lines."""
    if lines > most:
        raise RequestError(
            "That file has {lines:,} lines, but at most {most:,} can be imported. Import part of "
            "it.",
            lines=lines,
            most=most,
        )


def decode_text(data: bytes) -> str:
    """Return text in UTF-8, in UTF-16, or else in Windows-1252.

    Raises RequestError for data that is not plain text, and for too many rows.
    """
    head = data[:100].lstrip(b"\xef\xbb\xbf \r\n").lower()
    if form := next((form for mark, form in _OTHER_FORMATS.items() if head.startswith(mark)), None):
        raise RequestError(
            "That file is {form}, not plain text. Save the script as Fountain, Final Draft or "
            "plain text, and import that.",
            form=form,
        )
    encodings = ["utf-8-sig", "cp1252"]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    elif 3 * data.count(0) > len(data):  # Latin letters have one zero each
        encodings = ["utf-16-be" if data[0] == 0 else "utf-16-le"]
    for encoding in encodings:
        try:
            text = _ANY_LINE_BREAK.sub("\n", data.decode(encoding))
        except UnicodeDecodeError:
            continue
        # Some programs leave a stray control character where they cut or joined a text.
        if len(_CONTROLS.findall(text)) <= 0.01 * len(text):
            check_length(sum(1 for row in text.splitlines() if row.strip()), _MOST_ROWS)
            return text
    raise RequestError("That file is not text. Save the script as UTF-8 text, then try again.")
