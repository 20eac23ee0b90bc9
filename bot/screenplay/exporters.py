"""Printing: a script as a file to download, with a title page that says who wrote how much."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from threading import Lock
from xml.etree.ElementTree import Element as Node
from xml.etree.ElementTree import SubElement, indent, tostring

from defusedxml.ElementTree import fromstring
from screenplain.export import fdx
from screenplain.export import html as web
from screenplain.richstring import RichString, plain
from screenplain.types import Action, Dialog, Screenplay, Slug, Transition

from ..i18n.catalogue import many, say
from . import typeface
from .elements import Element, Kind
from .emphasis import rich
from .fountain import fountain
from .page_layout import LINES_A_PAGE, PAPER, page
from .statistics import Tally, share

MOST_NAMES = 8
"""Writers that a title page has room for; the others are counted."""

UNSAID_IN_XML = dict.fromkeys((0xFFFE, 0xFFFF))
"""Characters that no XML file may have."""


class Format(StrEnum):
    """The kinds of file; each value is the file's suffix too."""

    FOUNTAIN = "fountain"
    PDF = "pdf"
    FINAL_DRAFT = "fdx"
    HTML = "html"
    TEXT = "txt"


class Paper(StrEnum):
    """The sizes of paper."""

    LETTER = "letter"
    A4 = "a4"


@dataclass(frozen=True)
class Edition:
    """What is printed: the elements of a script, and what stands on its title page."""

    title: str
    elements: tuple[Element, ...]
    authors: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    """Who wrote how much, one sentence each."""
    date: dt.date | None = None
    scene_numbers: bool = False

    @property
    def about(self) -> dict[str, tuple[str, ...]]:
        """The title page but the title, under the names that Fountain has for its parts."""
        parts = {
            "Credit": (say("written by"),) if self.authors else (),
            "Authors": self.authors,
            "Draft date": (self.date.isoformat(),) if self.date else (),
            "Notes": self.shares,
        }
        return {key: lines for key, lines in parts.items() if lines}


@dataclass(frozen=True)
class Printed:
    """A file, and whether it shows boxes for characters that its typeface lacks."""

    content: bytes
    has_boxes: bool = False


def edition(
    title: str,
    elements: Iterable[Element],
    counted: Tally,
    date: dt.date | None = None,
    *,
    scene_numbers: bool = False,
) -> Edition:
    """The edition of a script that was counted."""
    voices = [replace(one, name=say("the voice “{name}”", name=one.name)) for one in counted.voices]
    writers = [*counted.writers, *voices]
    shares = [
        f"{one.name}: {many(one.lines, 'line')}, {many(one.words, 'word')} "
        f"({share(one, counted):.0%})"
        for one in writers
    ]
    names = _some([one.name for one in writers])
    return Edition(title, tuple(elements), names, _some(shares), date, scene_numbers)


def _some(entries: Sequence[str]) -> tuple[str, ...]:
    more = len(entries) - MOST_NAMES
    if more <= 0:
        return tuple(entries)
    return (*entries[:MOST_NAMES], say("and {number:,} more", number=more))


def printed(what: Edition, form: Format, paper: Paper = Paper.LETTER) -> Printed:
    """The file. Takes some milliseconds a page: not for the event loop.

    ``paper`` matters to PDF, and to HTML that is printed.
    """
    match form:
        case Format.FOUNTAIN:
            return Printed(_fountain(what).encode())
        case Format.FINAL_DRAFT:
            return Printed(_final_draft(what))
        case Format.HTML:
            return Printed(_html(what, paper).encode())
        case Format.TEXT:
            return Printed(_text(what).encode())
        case Format.PDF:
            return _pdf(what, paper)


def _numbered(what: Edition) -> Iterator[tuple[Element, str | None]]:
    """The elements, and the number of each scene heading if they are wanted."""
    scene = 0
    for element in what.elements:
        is_heading = element.kind is Kind.HEADING
        scene += is_heading
        yield element, str(scene) if is_heading and what.scene_numbers else None


# Fountain and text ------------------------------------------------------------------------------

_SCENE_NUMBER = re.compile(r"\s*#[\w.-]+#$")

TITLE_WIDTH = 48
"""Columns of a title page, half as many of the title in its larger letters on paper."""

MARGIN = 6
"""Columns for scene numbers, at the left of a text."""


def _fountain(what: Edition) -> str:
    elements = [
        Element(one.kind, f"{_SCENE_NUMBER.sub('', one.text)} #{number}#") if number else one
        for one, number in _numbered(what)
    ]
    return fountain(what.title, elements, what.about)


def _text(what: Edition) -> str:
    """One typed page without an end; two blank lines stand above a scene heading."""
    parts: list[str] = []
    for element, number in _numbered(what):
        rows = page([element], PAPER).split("\n")
        if what.scene_numbers:
            rows = [f"{'':{MARGIN}}{row}" for row in rows]
            rows[0] = f"{number or '':<{MARGIN}}{rows[0][MARGIN:]}"
        above = [""] * (2 if element.kind is Kind.HEADING and parts else 0)
        parts.append("\n".join([*above, *rows]))
    return f"{_title_text(what)}\n\n\n\n" + "\n\n".join(parts) + "\n"


def _title_text(what: Edition) -> str:
    rows: list[str] = []
    for lines in ((what.title,), *what.about.values()):
        rows += [""] if rows else []
        wrapped = (row for line in lines for row in textwrap.wrap(line, TITLE_WIDTH))
        rows += [row.center(PAPER.width).rstrip() for row in wrapped]
    return "\n".join(rows)


# Through screenplain ----------------------------------------------------------------------------


class _Screenplay(Screenplay):  # type: ignore[misc]  # the library has no types
    """One whose title page means what it says: no star in a name is emphasis."""

    def get_rich_attribute(self, name: str, default: Sequence[str] = ()) -> list[RichString]:
        """The lines of a part of the title page."""
        return [plain(line) for line in self.title_page.get(name, default)]


def _screenplay(what: Edition) -> _Screenplay:
    paragraphs = [_paragraph(element, number) for element, number in _numbered(what)]
    # What it calls Contact stands at the lower left.
    about = {"Title": (what.title,), **what.about, "Contact": what.shares}
    # It measures a title page as if it were as wide as the others: none of its lines may be wider.
    rows = {
        key: [
            row
            for line in lines
            for row in textwrap.wrap(line, TITLE_WIDTH // 2 if key == "Title" else TITLE_WIDTH)
        ]
        for key, lines in about.items()
    }
    return _Screenplay(rows, paragraphs)


def _paragraph(element: Element, number: str | None) -> Slug | Action | Dialog | Transition:
    first, *rest = (rich(line) for line in element.marked)
    match element.kind:
        case Kind.HEADING:
            if number:
                bare = _SCENE_NUMBER.sub("", element.marked[0])
                return Slug(rich(bare), plain(number))
            return Slug(first)
        case Kind.TRANSITION:
            return Transition(first)
        case Kind.DIALOGUE:
            return Dialog(first, rest)
        case Kind.ACTION:
            return Action([first, *rest])


def _final_draft(what: Edition) -> bytes:
    """The library's file, and what it leaves out: the title page and the scene numbers."""
    out = io.StringIO()
    fdx.to_fdx(_screenplay(what), out)
    script: Node = fromstring(out.getvalue().translate(UNSAID_IN_XML))
    numbers = (number for element, number in _numbered(what) if element.kind is Kind.HEADING)
    for paragraph in script.iter("Paragraph"):
        _join_texts(paragraph)
        if paragraph.get("Type") == "Scene Heading" and (number := next(numbers)):
            paragraph.set("Number", number)
    content = SubElement(SubElement(script, "TitlePage"), "Content")
    for lines in ((what.title,), *what.about.values()):
        for line in lines:
            paragraph = SubElement(content, "Paragraph", Alignment="Center")
            SubElement(paragraph, "Text").text = line.translate(UNSAID_IN_XML)
        SubElement(SubElement(content, "Paragraph", Alignment="Center"), "Text")
    indent(script)
    content_of_file: bytes = tostring(script, encoding="utf-8", xml_declaration=True)
    return content_of_file + b"\n"


def _join_texts(paragraph: Node) -> None:
    """Makes one text of those that follow each other in one style, as Final Draft does.

    The library writes one for each line, and other readers take the first for all there is.
    """
    last: Node | None = None
    for text in paragraph.findall("Text"):
        if last is not None and last.attrib == text.attrib:
            last.text = (last.text or "") + (text.text or "")
            paragraph.remove(text)
        else:
            last = text


_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 61ch; padding: 2em 1em; line-height: 1.2;
  font-family: "Courier Prime", "Courier Final Draft", "Courier New", Courier, monospace; }
p { margin: 0; overflow-wrap: anywhere; }
.title { min-height: 80vh; display: flex; flex-direction: column; justify-content: center;
  text-align: center; page-break-after: always; }
.title h1 { font-size: 1.6em; }
.title p { margin-top: 1.2em; }
h6 { position: relative; margin: 2.4em 0 0; font-size: 1em; text-transform: uppercase;
  page-break-after: avoid; }
.scnuml { float: left; margin-right: 2ch; }
.scnumr { float: right; }
.action, .dialog, .transition { margin-top: 1.2em; }
.transition { text-align: right; }
.dialog p { margin: 0 26% 0 15%; }
.dialog p.character { margin-left: 31%; margin-right: 0; page-break-after: avoid; }
.dialog p.parenthetical { margin-left: 21%; page-break-after: avoid; }
"""


def _html(what: Edition, paper: Paper) -> str:
    body = io.StringIO()
    web.convert(_screenplay(what), body, bare=True)
    title = html.escape(what.title)
    about = "\n".join(
        f"<p>{'<br>'.join(map(html.escape, lines))}</p>" for lines in what.about.values()
    )
    return (
        '<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}@page {{ size: {paper.value}; margin: 1in; }}\n"
        f'</style>\n</head>\n<body>\n<div class="title">\n<h1>{title}</h1>\n{about}\n</div>\n'
        f"{body.getvalue()}</body>\n</html>\n"
    )


_ONE_PDF = Lock()


def _pdf(what: Edition, paper: Paper) -> Printed:
    # Not before it is needed: it brings a library for fonts and pictures.
    from reportlab.lib import pagesizes
    from screenplain.export import pdf

    size, lines = {
        Paper.LETTER: (pagesizes.letter, LINES_A_PAGE),
        Paper.A4: (pagesizes.A4, LINES_A_PAGE + 3),
    }[paper]
    out = io.BytesIO()
    # Its fonts are global, and made anew by each of these: not for two documents at once.
    with _ONE_PDF:
        settings = pdf.Settings(page_size=size, lines_per_page=lines)
        pdf.to_pdf(_screenplay(what), out, settings=settings)
    words = "".join([what.title, *what.authors, *(one.text for one in what.elements)])
    return Printed(out.getvalue(), typeface.lacks(words))
