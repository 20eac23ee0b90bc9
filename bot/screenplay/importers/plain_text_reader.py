"""Read text: a typed page by the columns of its lines, any other text as people type it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...cleaning import clean
from ..elements import Element, Kind
from ..fountain import has_scene_prefix
from ..free_text import DAY, PLACE, TIME_STAMP, parse_person_text
from ..page_layout import PAPER_COLUMNS, unwrap
from .flat_page import is_flat, restore_page
from .fountain_reader import read_title_page, split_blocks
from .manuscript import Block, Manuscript, decode_text
from .page_furniture import remove_page_furniture
from .play_reader import rewrite_play

_INDENTED = 5
"""The columns from which an indent counts as intended."""

_BOOK_START, _BOOK_END = (
    re.compile(rf"\*\*\* ?{edge} OF TH(?:E|IS) PROJECT GUTENBERG[^\n]*")
    for edge in ("START", "END")
)
_CREDIT = re.compile(r"^(?:Title|Author): .+", re.MULTILINE)
_CHAT_STAMP = rf"^\u200e?(?=\[?{DAY})(?:{TIME_STAMP.pattern})"
_CHAT_MESSAGE = re.compile(_CHAT_STAMP + r"[^\n:]{1,60}: ", re.IGNORECASE | re.MULTILINE)
_CHAT_NOTICE = re.compile(
    _CHAT_STAMP + r"(?:(?:[^\n:]{1,60}: )?\u200e?(?:<media omitted>|<medien ausgeschlossen>"
    r"|(?:image|video|audio|sticker|gif|document|contact card) omitted"
    r"|(?:bild|video|audio|sticker|gif|dokument|kontaktkarte) weggelassen"
    r"|(?:this message was|you) deleted(?: this message)?\.?"
    r"|(?:diese nachricht wurde|du hast diese nachricht) gel\u00f6scht\.?"
    r"|messages (?:and calls|to this|you send).* end-to-end encrypt(?:ed|ion)\. .*"
    r"|nachrichten (?:und anrufe|in diesem).* ende-zu-ende-verschl\u00fcsselt\. .*)"
    r"|[^\n:]{1,60} (?:left|(?:joined|created|changed|added|removed)\b.*"
    r"|hat .*(?:verlassen|hinzugef\u00fcgt|entfernt|erstellt)|ist .*beigetreten)\.?"
    r"|(?:[^\n:]{1,60}: )?\u200e?(?:missed (?:voice|video) call|verpasster \w+anruf)[^\n]*)$\n?"
    r"| ?\u200e?<(?:this message was edited|diese nachricht wurde bearbeitet\.?)>$",
    re.IGNORECASE | re.MULTILINE,
)
"""Matches what a messenger adds to a chat that it exports, such as `Jo: <Media omitted>`."""

_SCENE_NUMBER = re.compile(r" *(\d{1,4}[A-Z]?)(\.?)( +)(?=\S)")


def read_plain_text(data: bytes, names: Sequence[str] = ()) -> Manuscript:
    text = _skip_licence(decode_text(data).expandtabs(8).replace("\f", "\n\n"))
    # In a diary with dates and times, `We left` is no notice.
    text, notices = _CHAT_NOTICE.subn("", text) if _CHAT_MESSAGE.search(text) else (text, 0)
    manuscript, body = read_title_page(text, any_key=False)
    manuscript.left_out = notices
    blocks = [*split_blocks(body)]
    play = rewrite_play(blocks)
    if not play and _is_typed_page(body):
        page, manuscript.page_breaks = remove_page_furniture(body)
        _read_typed_page(manuscript, page, names)
        return manuscript
    rows = "\n\n".join(map("\n".join, play or blocks)).split("\n")
    bare = [_remove_scene_number(row) for row in rows]
    manuscript.numbered = bare != rows
    if not play and is_flat(blocks) and (restored := restore_page("\n".join(bare))):
        page, manuscript.page_breaks = restored
        _read_typed_page(manuscript, page, names)
    else:
        manuscript.add(*_parse("\n".join(bare), names))
    return manuscript


def _skip_licence(text: str) -> str:
    """Return a book of Project Gutenberg between its licences, below a title page."""
    book = _BOOK_END.split(text, 1)[0]
    header, *below = _BOOK_START.split(book, 1)
    return "\n".join([*_CREDIT.findall(header), "", *below]) if below else book


def _parse(text: str, names: Sequence[str]) -> list[Element]:
    # A text may consist only of characters that nobody sees.
    return parse_person_text(text, names=names) if clean(text).strip() else []


def _is_typed_page(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    indented = sum(_indent(line) >= _INDENTED for line in lines)
    # A script without dialogue has few indents, except on its title page.
    return indented > 0.1 * len(lines) or _split_typed_title(text)[0] is not None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _read_typed_page(manuscript: Manuscript, text: str, names: Sequence[str]) -> None:
    page, body = _split_typed_title(text)
    if page:
        title, _, credits_below = page.partition("\n\n")
        manuscript.title = " ".join(title.split())
        manuscript.read_credits(credits_below.split("\n"))
    numbered = body.split("\n")
    lines = [_remove_scene_number(line, is_typed=True) for line in numbered]
    manuscript.numbered |= lines != numbered
    margin = min((_indent(line) for line in lines if line.strip()), default=0)
    blank_above = 2  # the first line counts as far below something
    block: Block = []
    blocks: list[tuple[Block, bool]] = []
    for line in (*lines, ""):
        if line.strip():
            block.append(line[margin:].rstrip())
            continue
        if block:
            blocks.append((block, blank_above >= 2))
            block, blank_above = [], 0
        blank_above += 1
    centers_cues = any(_has_centered_cue(block) for block, _ in blocks)
    for block, is_far_below in blocks:
        _add_typed_block(manuscript, block, names, is_far_below, centers_cues=centers_cues)


def _has_centered_cue(block: Block) -> bool:
    first, rest = block[0], block[1:]
    lead = _indent(first) - min(map(_indent, rest), default=0)
    return bool(rest) and lead >= 4 and (lead >= 8 or first.isupper())


def _split_typed_title(text: str) -> tuple[str | None, str]:
    """Return a centred title page, and the text after the three blank lines below it."""
    page, gap, body = text.lstrip("\n").partition("\n\n\n\n")
    lines = [line for line in page.split("\n") if line.strip()]
    if not gap or not lines or any(_indent(line) < _INDENTED for line in lines):
        return None, text
    return page, body


def _remove_scene_number(line: str, *, is_typed: bool = False) -> str:
    """Return a heading without the scene numbers around it, in its column if it ``is_typed``.

    On a typed page, a number with some room behind it makes a heading of any line.
    """
    match = _SCENE_NUMBER.match(line)
    text = line[match.end() :].rstrip() if match else ""
    is_plain = has_scene_prefix(text) or bool(PLACE.match(text))
    if not match or not (is_plain or (is_typed and len(match[3]) > 1)):
        return line
    place, _, last = text.rpartition(" ")
    # A single space may also stand in a name: `1. INT. CELL 1`.
    is_apart = place.endswith(" ") or (is_plain and not match[2])
    text = place.rstrip() if is_apart and last.rstrip(".") == match[1] else text
    return f"{'':{match.end() * is_typed}}{text}"


def _add_typed_block(
    manuscript: Manuscript,
    block: Block,
    names: Sequence[str],
    is_far_below: bool,
    *,
    centers_cues: bool,
) -> None:
    """Add a block of a typed page.

    If the page centres no cue, what people type as speech is speech. Capitals are a scene heading
    only far below the previous block, where pages leave more room.
    """
    first, rest = block[0], block[1:]
    if _has_centered_cue(block):
        manuscript.add_as(Kind.DIALOGUE, [first.strip(), *_speech_lines(rest)])
        return
    lines = unwrap(block, PAPER_COLUMNS.width)
    typed = _parse("\n".join(block), names)
    kinds = {element.kind for element in typed}
    trusted = {Kind.TRANSITION} if centers_cues else {Kind.DIALOGUE, Kind.TRANSITION}
    if len(lines) == 1 and has_scene_prefix(first):
        manuscript.add_as(Kind.HEADING, lines)
    elif kinds == {Kind.HEADING} or kinds & trusted:
        manuscript.add(*typed)
    elif len(lines) == 1 and is_far_below and lines[0].isupper():
        manuscript.add_as(Kind.HEADING, lines)
    elif not rest and _indent(first) >= PAPER_COLUMNS.cue[0]:
        manuscript.add_as(Kind.TRANSITION, lines)
    else:
        manuscript.add_as(Kind.ACTION, lines)


def _speech_lines(lines: Block) -> Iterator[str]:
    """Yield the parentheticals and the speech, with each line as long as its writer made it."""
    said: Block = []
    parenthetical: Block = []
    for line in lines:
        if parenthetical or line.lstrip().startswith("("):
            yield from unwrap(said, PAPER_COLUMNS.speech[1])
            said = []
            parenthetical.append(line)
            if line.endswith(")"):
                yield " ".join(part.strip() for part in parenthetical)
                parenthetical = []
        else:
            said.append(line)
    yield from unwrap([*parenthetical, *said], PAPER_COLUMNS.speech[1])
