"""Read the XML files of Final Draft."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import dropwhile
from xml.etree.ElementTree import Element as Node
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ...errors import RequestError
from ..elements import Kind
from ..emphasis import Run, format_runs
from .manuscript import DUAL_DIALOGUE, LONGEST_ELEMENT, LYRICS, Block, Manuscript

_SUNG = {"Singing", "Lyrics"}
_SPEECH = {"Dialogue", "Parenthetical", *_SUNG}
_KINDS = {"New Act": Kind.HEADING, "Scene Heading": Kind.HEADING, "Transition": Kind.TRANSITION}


def read_final_draft(data: bytes, _: Sequence[str] = ()) -> Manuscript:
    """Read an `.fdx` file; raise RequestError for a damaged file, entities and other XML."""
    script = _parse(data)
    content = script.find("Content") if script.tag == "FinalDraft" else None
    if content is None:
        raise RequestError(
            "That is not a Final Draft script. Save it again in Final Draft, or use Fountain "
            "or text."
        )
    page = list(_read_title_page(script))
    manuscript = Manuscript(
        page[0] if page else None, left_out=sum(1 for _ in content.iter("ScriptNote"))
    )
    manuscript.read_credits(page[1:])
    manuscript.numbered = content.find(".//Paragraph[@Type='Scene Heading'][@Number]") is not None
    if content.find(".//DualDialogue") is not None:
        manuscript.flattened.add(DUAL_DIALOGUE)
    speech: Block = []
    for kind, lines in _paragraphs(content):
        if kind.startswith("Outline"):
            manuscript.left_out += 1
            continue
        if kind in _SUNG:
            manuscript.flattened.add(LYRICS)
        if speech and kind in _SPEECH:
            speech += _bracket(lines) if kind == "Parenthetical" else lines
            continue
        manuscript.add_as(Kind.DIALOGUE, speech)
        speech = [" ".join(lines)] if kind == "Character" else []
        if not speech:
            manuscript.add_as(_KINDS.get(kind, Kind.ACTION), lines)
    manuscript.add_as(Kind.DIALOGUE, speech)
    return manuscript


def _parse(data: bytes) -> Node:
    try:
        script: Node = fromstring(data)
    except DefusedXmlException as error:
        raise RequestError(
            "That file declares XML entities. Save it again in Final Draft, or use Fountain "
            "or text."
        ) from error
    except (ParseError, LookupError, ValueError) as error:
        raise RequestError(
            "That file is damaged or not a Final Draft script. Save it again in Final Draft, "
            "or use Fountain or text."
        ) from error
    return script


def _paragraphs(content: Node) -> Iterator[tuple[str, Block]]:
    """Yield the type and the lines of each paragraph with text, those of dual dialogue too."""
    for paragraph in content.findall("Paragraph"):
        for part in (paragraph, *paragraph.findall("DualDialogue/Paragraph")):
            lines = [line for line in _format_paragraph(part).split("\n") if line.strip()]
            if lines:
                yield part.get("Type", "Action"), lines


def _format_paragraph(paragraph: Node) -> str:
    """Return the text of a paragraph with Fountain's emphasis, which ends with each line."""
    lines: list[list[Run]] = [[]]
    for text in paragraph.findall("Text"):
        styles = frozenset((text.get("Style") or "").split("+"))
        first, *more = (text.text or "").split("\n")
        lines[-1].append((first, styles))
        lines += [[(line, styles)] for line in more]
    return "\n".join(map(_mark_line, lines))


def _mark_line(runs: list[Run]) -> str:
    # A line that will be cut loses its emphasis, because the cut could separate a pair of marks.
    plain = "".join(text for text, _ in runs)
    return plain if len(plain) > LONGEST_ELEMENT else format_runs(runs)


def _bracket(lines: Block) -> Block:
    line = " ".join(lines)
    return [line] if line.startswith("(") else [f"({line})"]


def _read_title_page(script: Node) -> Iterator[str]:
    """Yield the paragraphs of the title page from the title, the first one with text, onwards."""
    paragraphs = script.findall("TitlePage/Content/Paragraph")
    texts = ("".join(run.text or "" for run in each.findall("Text")) for each in paragraphs)
    return dropwhile(lambda text: not text, (" ".join(text.split()) for text in texts))
