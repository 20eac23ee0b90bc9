"""A script that somebody brings in as a file: Fountain, Final Draft or plain text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from xml.etree.ElementTree import Element as Node
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ..i18n.catalogue import say
from .elements import Element, Kind, ScriptError
from .emphasis import Run, marked
from .fountain import (
    classify,
    from_voice,
    has_scene_prefix,
    is_cue,
    parse_cue,
    split_lines,
    write_action,
    write_dialogue,
    write_heading,
    write_transition,
)
from .free_text import from_person, name
from .page_layout import PAPER, text_width

SUFFIXES = (".fountain", ".fdx", ".txt")

LARGEST_FILE = 2**20
"""Bytes."""

LONGEST_ELEMENT = 1500
"""Characters of an element; a longer one becomes several, each of which a message can show."""

MOST_ELEMENTS = 20_000
"""Lines of a script that is brought in: several times the longest film."""

Block = list[str]
"""The lines between two blank ones."""


class ManuscriptError(ScriptError):
    """A file that cannot become a script; the message is one sentence for who brought it."""


@dataclass(frozen=True)
class Manuscript:
    """What a file had in it."""

    title: str | None
    elements: tuple[Element, ...]
    left_out: int = 0
    """Notes, comments, sections and synopses: what its writers wrote to each other."""
    cut: int = 0
    """Elements that were too long and became several."""
    numbered: bool = False
    """Whether its scenes had numbers. They are left out: a voice would read and write them."""


def check(file: str, size: int) -> None:
    """Raises ManuscriptError for a file of another kind, or of more than `LARGEST_FILE` bytes."""
    if PurePath(file).suffix.lower() not in SUFFIXES:
        raise ManuscriptError(
            say(
                "A script is brought in as a .fountain, .fdx or .txt file: save it as one of these."
            )
        )
    if size > LARGEST_FILE:
        raise ManuscriptError(
            say(
                "That file has {size:.1f} MB, and a script may have {most}: bring in a part of it.",
                size=size / 2**20,
                most=LARGEST_FILE // 2**20,
            )
        )


def read(file: str, data: bytes) -> Manuscript:
    """The script in a file, by the suffix of its name; raises ManuscriptError.

    May take a second: not for the event loop.
    """
    check(file, len(data))
    match PurePath(file).suffix.lower():
        case ".fdx":
            found = _final_draft(data)
        case ".fountain":
            found = _fountain(_decoded(data))
        case _:
            found = _text(_decoded(data))
    if not found.elements:
        raise ManuscriptError(say("There is no line in that file: bring in one that has some."))
    if len(found.elements) > MOST_ELEMENTS:
        raise ManuscriptError(
            say(
                "That file has {lines:,} lines, and a script may have {most:,}: bring in a part of "
                "it.",
                lines=len(found.elements),
                most=MOST_ELEMENTS,
            )
        )
    return found


# From bytes to text ----------------------------------------------------------------------------

_BREAK = re.compile(r"\r\n?|[\v\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_MOST_CONTROLS = 0.01


def _decoded(data: bytes) -> str:
    """Text in UTF-8, in UTF-16 with a byte order mark, or else in Windows' Western encoding."""
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = _BREAK.sub("\n", data.decode(encoding))
        except UnicodeDecodeError:
            continue
        # A text that was cut or joined by some program may have a stray one.
        if len(_CONTROLS.findall(text)) <= _MOST_CONTROLS * len(text):
            return text
    raise ManuscriptError(
        say("That file is not text: save the script as text in UTF-8 and try again.")
    )


# Elements --------------------------------------------------------------------------------------


def shown_as(kind: Kind, lines: Sequence[str]) -> Element | None:
    """Return the element of a kind that has these lines as `Element.marked`; None if all are blank.

    Return action where the lines cannot be of that kind, such as speech by nobody with a name.
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
    """Return an element that ought to be of the kind, or None for action."""
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
    """Return the name in a cue that is not plain, such as JONAS in "JONAS?", or None."""
    try:
        return name(line)
    except ScriptError:
        return None


@dataclass
class _Desk:
    """Where elements are gathered, and what was done to get them."""

    elements: list[Element]
    left_out: int = 0
    cut: int = 0
    numbered: bool = False

    def add(self, lines: Sequence[str], make: Callable[[Block], Iterable[Element]]) -> None:
        """Adds a block as what ``make`` makes of it, in portions if it is too long."""
        portions = list(_portions(list(lines)))
        self.cut += len(portions) > 1
        for portion in portions:
            self.elements += make(portion)

    def add_as(self, kind: Kind, lines: Sequence[str]) -> None:
        """Adds lines that are known to be of a kind."""

        def make(portion: Block) -> list[Element]:
            element = shown_as(kind, portion)
            return [element] if element else []

        self.add(lines, make)

    def manuscript(self, title: str | None) -> Manuscript:
        """What it has become."""
        elements = tuple(self.elements)
        return Manuscript(title or None, elements, self.left_out, self.cut, self.numbered)


def _portions(block: Block) -> Iterator[Block]:
    """The block in as few pieces as are short enough; a speech names its speaker in each."""
    if _size(block) <= LONGEST_ELEMENT:
        yield block
        return
    cue = block[:1] if len(block) > 1 and _is_speech(block[:2]) else []
    portion, size = list(cue), _size(cue)
    for line in block[len(cue) :]:
        for piece in _pieces(line):
            if len(portion) > len(cue) and size + _size([piece]) > LONGEST_ELEMENT:
                yield portion
                portion, size = list(cue), _size(cue)
            portion.append(piece)
            size += _size([piece])
    yield portion


def _size(block: Block) -> int:
    # Markers that mean themselves get a backslash each.
    return sum(len(line) + 2 for line in block)


def _is_speech(block: Block) -> bool:
    return classify("\n".join(block)) is Kind.DIALOGUE


_PIECE = LONGEST_ELEMENT - 100
"""Characters of a line, which leave room for a speaker's name."""

_END_OF_SENTENCE = re.compile(r"[.!?\u2026][\"'\u201d\u2019)]*\s")


def _pieces(line: str) -> Iterator[str]:
    """A line, cut behind sentences, or words, where it is too long."""
    while len(line) > _PIECE:
        ends = [match.end() for match in _END_OF_SENTENCE.finditer(line, _PIECE // 2, _PIECE)]
        at = ends[-1] if ends else line.rfind(" ", 1, _PIECE) + 1 or _PIECE
        yield line[:at]
        line = line[at:]
    yield line


def _without(text: str, opening: str, closing: str) -> tuple[str, int]:
    """Text without what stands between two marks, and how often that was there."""
    kept: list[str] = []
    at = 0
    while (start := text.find(opening, at)) >= 0:
        end = text.find(closing, start + len(opening))
        if end < 0:
            break
        kept.append(text[at:start])
        at = end + len(closing)
    return "".join([*kept, text[at:]]), len(kept)


# Fountain --------------------------------------------------------------------------------------

_KEY = re.compile(r"([A-Za-z][A-Za-z ]{1,24}):[ \t]*(.*)")
_KEYS = {"title", "credit", "author", "authors", "source", "notes", "draft date", "date", "contact"}
_KEYS |= {"copyright", "revision", "format", "font"}
_SCENE_NUMBER = re.compile(r"[ \t]*#[\w.-]{1,12}#[ \t]*$")
_CENTERED = re.compile(r"[ \t]*>[ \t]*(.*?)[ \t]*<[ \t]*")


def _fountain(text: str) -> Manuscript:
    """Fountain as its specification reads it, without what is no part of the script."""
    title, text = _title_page(text)
    desk = _Desk([])
    text, desk.left_out = _without(text, "/*", "*/")
    for block in _blocks(text):
        bare, notes = _without("\n".join(block), "[[", "]]")
        lines = [line for line in bare.split("\n") if line.strip()]
        desk.left_out += notes
        while lines and _is_remark(lines[0]):
            del lines[0]
            desk.left_out += 1
        if lines:
            _add_fountain(desk, lines)
    return desk.manuscript(title)


def _add_fountain(desk: _Desk, lines: Block) -> None:
    first, rest = lines[0].strip(), lines[1:]
    if classify(first) is Kind.HEADING:
        bare = _SCENE_NUMBER.sub("", first)
        desk.numbered |= bare != first
        desk.add([bare], _as_fountain)
        if rest:  # some leave out the blank line below a heading
            desk.add(rest, _as_fountain)
    elif all(_CENTERED.fullmatch(line) for line in lines):
        desk.add_as(Kind.ACTION, [_CENTERED.sub(r"\1", line) for line in lines])
    else:
        sung = [line.strip().removeprefix("~") for line in lines]
        desk.add(sung, _as_fountain)


def _as_fountain(lines: Block) -> list[Element]:
    element = from_voice("\n".join(lines))
    return [element] if element else []


def _is_remark(line: str) -> bool:
    """Whether it is a section, a synopsis or a page break."""
    return line.startswith(("#", "="))


def _blocks(text: str) -> Iterator[Block]:
    """What stands between blank lines; one of two spaces goes on with a speech."""
    block: Block = []
    for line in (*text.split("\n"), ""):
        if line.strip():
            block.append(line)
        elif block and not (line == "  " and _is_speech([block[0], "x"])):
            yield block
            block = []


def _title_page(text: str) -> tuple[str | None, str]:
    """The title, and what comes after the title page; there is none where its keys are unknown."""
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
    return _title(found.get("title", [])), rest


def _title(lines: Iterable[str]) -> str:
    """A title on one line, without emphasis around it and without escapes."""
    title = " ".join(" ".join(lines).split()).strip("*_ ")
    return Element(Kind.ACTION, title).body if title else ""


# Final Draft -----------------------------------------------------------------------------------

_SPOKEN = {"Dialogue", "Parenthetical", "Singing", "Lyrics"}
_KINDS = {"Scene Heading": Kind.HEADING, "Transition": Kind.TRANSITION}


def _final_draft(data: bytes) -> Manuscript:
    try:
        script: Node = fromstring(data)
    except DefusedXmlException as error:
        raise ManuscriptError(
            say(
                "That file declares entities, as no script needs to: save it again in Final "
                "Draft, or bring it in as Fountain or text."
            )
        ) from error
    except (ParseError, LookupError, ValueError) as error:
        raise ManuscriptError(
            say(
                "That file is no Final Draft script, or is damaged: save it again in Final Draft, "
                "or bring it in as Fountain or text."
            )
        ) from error
    content = script.find("Content") if script.tag == "FinalDraft" else None
    if content is None:
        raise ManuscriptError(
            say(
                "That file is no Final Draft script: save it again in Final Draft, or bring it in "
                "as Fountain or text."
            )
        )
    desk = _Desk([], left_out=sum(1 for _ in content.iter("ScriptNote")))
    desk.numbered = content.find(".//Paragraph[@Type='Scene Heading'][@Number]") is not None
    speech: Block = []
    for kind, lines in _paragraphs(content):
        if speech and kind in _SPOKEN:
            speech += _aside(lines) if kind == "Parenthetical" else lines
            continue
        _add_speech(desk, speech)
        speech = [" ".join(lines)] if kind == "Character" else []
        if not speech:
            desk.add_as(_KINDS.get(kind, Kind.ACTION), lines)
    _add_speech(desk, speech)
    return desk.manuscript(_final_draft_title(script))


def _add_speech(desk: _Desk, speech: Block) -> None:
    if speech:
        desk.add_as(Kind.DIALOGUE, speech)


def _paragraphs(content: Node) -> Iterator[tuple[str, Block]]:
    """The kinds and the lines of the paragraphs that say something, those side by side too."""
    for paragraph in content.findall("Paragraph"):
        for one in (paragraph, *paragraph.findall("DualDialogue/Paragraph")):
            lines = [line for line in _marked(one).split("\n") if line.strip()]
            if lines:
                yield one.get("Type", "Action"), lines


def _marked(paragraph: Node) -> str:
    """The text of a paragraph, with its emphasis as Fountain marks it; a style ends with a line."""
    lines: list[list[Run]] = [[]]
    for text in paragraph.findall("Text"):
        styles = frozenset((text.get("Style") or "").split("+"))
        first, *more = (text.text or "").split("\n")
        lines[-1].append((first, styles))
        lines += [[(line, styles)] for line in more]
    return "\n".join(map(_marked_line, lines))


def _marked_line(parts: list[Run]) -> str:
    # What will be cut loses its emphasis, whose marks could be parted.
    plain = "".join(text for text, _ in parts)
    return plain if len(plain) > LONGEST_ELEMENT else marked(parts)


def _aside(lines: Block) -> Block:
    one = " ".join(lines)
    return [one] if one.startswith("(") else [f"({one})"]


def _final_draft_title(script: Node) -> str | None:
    for paragraph in script.findall("TitlePage/Content/Paragraph"):
        text = "".join(run.text or "" for run in paragraph.findall("Text"))
        if text.strip():
            return " ".join(text.split())
    return None


# Text ------------------------------------------------------------------------------------------

_INDENTED = 5
"""Columns from which on a line is not just carelessly placed."""

_LAID_OUT = 0.1
"""From this share of indented lines on a text is a typed page."""

_NUMBERED = re.compile(r" *(\d{1,4}[A-Z]?)\.? {2,}(\S.*?)(?: {2,}\1\.?)?")


def _text(text: str) -> Manuscript:
    """A typed page by where its lines stand, and other text as what people type."""
    text = text.expandtabs(8).replace("\f", "\n\n")
    title, body = _title_page(text)
    if title is None and _is_laid_out(text):
        return _typed(text)
    desk = _Desk([])
    for block in _blocks(body):
        desk.add(block, lambda portion: from_person("\n".join(portion)))
    return desk.manuscript(title)


def _is_laid_out(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    indented = sum(_indent(line) >= _INDENTED for line in lines)
    return indented > _LAID_OUT * len(lines)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _typed(text: str) -> Manuscript:
    title, body = _typed_title(text)
    desk = _Desk([])
    numbered = body.split("\n")
    lines = [_unnumbered(line) for line in numbered]
    desk.numbered = lines != numbered
    margin = min((_indent(line) for line in lines if line.strip()), default=0)
    above = 2  # blank lines, as if the first line stood below some
    block: Block = []
    for line in (*lines, ""):
        if line.strip():
            block.append(line[margin:].rstrip())
            continue
        if block:
            _add_typed(desk, block, far=above >= 2)
            block, above = [], 0
        above += 1
    return desk.manuscript(title)


def _typed_title(text: str) -> tuple[str | None, str]:
    """The title of a page on which all is centered, and what comes after three blank lines."""
    page, gap, body = text.lstrip("\n").partition("\n\n\n\n")
    lines = [line for line in page.split("\n") if line.strip()]
    if not gap or not lines or any(_indent(line) < _INDENTED for line in lines):
        return None, text
    return " ".join(page.partition("\n\n")[0].split()), body


def _unnumbered(line: str) -> str:
    """A line without a scene's number at its margins."""
    match = _NUMBERED.fullmatch(line.rstrip())
    return " " * match.start(2) + match[2] if match else line


def _add_typed(desk: _Desk, block: Block, *, far: bool) -> None:
    """A block of a typed page; a heading may stand ``far`` below what comes before."""
    first, rest = block[0], block[1:]
    lead = _indent(first) - min(map(_indent, rest), default=0)
    if rest and lead >= 4 and (lead >= 8 or first.isupper()):
        desk.add_as(Kind.DIALOGUE, [first.strip(), *_speech_lines(rest)])
        return
    lines = _unwrapped(block, PAPER.width)
    if len(lines) == 1 and (has_scene_prefix(first) or (far and lines[0].isupper())):
        desk.add_as(Kind.HEADING, lines)
    elif not rest and _indent(first) >= PAPER.cue[0]:
        desk.add_as(Kind.TRANSITION, lines)
    else:
        desk.add_as(Kind.ACTION, lines)


def _speech_lines(lines: Block) -> Iterator[str]:
    """The parentheticals and what is said, each in the lines that its writer made."""
    said: Block = []
    inner: Block = []
    for line in lines:
        if inner or line.lstrip().startswith("("):
            yield from _unwrapped(said, PAPER.speech[1])
            said = []
            inner.append(line)
            if line.endswith(")"):
                yield " ".join(part.strip() for part in inner)
                inner = []
        else:
            said.append(line)
    yield from _unwrapped([*inner, *said], PAPER.speech[1])


def _unwrapped(lines: Block, width: int) -> list[str]:
    """The lines, joined where a line was full: where the next word had no room on it."""
    joined: list[str] = []
    last = width
    for line in map(str.strip, lines):
        word = line.partition(" ")[0]
        if joined and last + 1 + text_width(word) > width:
            joined[-1] += f" {line}"
        else:
            joined.append(line)
        last = text_width(line)
    return joined
