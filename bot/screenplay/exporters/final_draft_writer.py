"""Write the XML files of Final Draft."""

from __future__ import annotations

import io
from xml.etree.ElementTree import Element as Node
from xml.etree.ElementTree import SubElement, indent, tostring

from defusedxml.ElementTree import fromstring
from screenplain.export import fdx

from ..elements import Kind
from .edition import Edition
from .export_formats import ExportedFile, PaperSize
from .screenplain_document import to_screenplain


def write_final_draft(edition: Edition, _: PaperSize) -> ExportedFile:
    """Write screenplain's `.fdx` file, adding what it lacks: the title page and scene numbers."""
    out = io.StringIO()
    fdx.to_fdx(to_screenplain(edition), out)
    script: Node = fromstring(out.getvalue())
    numbers = (number for element, number in edition.numbered() if element.kind is Kind.HEADING)
    transitions = (element for element in edition.elements if element.kind is Kind.TRANSITION)
    for paragraph in script.iter("Paragraph"):
        _merge_texts(paragraph)
        if paragraph.get("Type") == "Scene Heading" and (number := next(numbers)):
            paragraph.set("Number", number)
        elif paragraph.get("Type") == "Transition" and not next(transitions).is_flush_right:
            paragraph.set("Alignment", "Left")
    content = SubElement(SubElement(script, "TitlePage"), "Content")
    for lines in ((edition.title,), *edition.about.values()):
        for line in lines:
            paragraph = SubElement(content, "Paragraph", Alignment="Center")
            SubElement(paragraph, "Text").text = line
        SubElement(SubElement(content, "Paragraph", Alignment="Center"), "Text")
    indent(script)
    xml: bytes = tostring(script, encoding="utf-8", xml_declaration=True)
    return ExportedFile(xml + b"\n")


def _merge_texts(paragraph: Node) -> None:
    """Merge neighbouring texts of one style, as Final Draft does.

    The library writes one text for each line, and other readers ignore all but the first.
    """
    last: Node | None = None
    for text in paragraph.findall("Text"):
        if last is not None and last.attrib == text.attrib:
            last.text = (last.text or "") + (text.text or "")
            paragraph.remove(text)
        else:
            last = text
