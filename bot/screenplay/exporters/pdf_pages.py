"""Break speeches between the pages of a PDF as a typist does: (MORE) below, (CONT'D) above."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Paragraph, PTOContainer, Spacer
from screenplain.export import pdf

from .edition import continue_cue

CUE_STYLE, SPEECH_STYLES = "character", ("dialog", "parenthentical")
"""The names of screenplain's styles, which spells the last one so."""


class Speech(PTOContainer):
    """A cue and what is said below it, which may go on on the next page."""

    def __init__(self, cue: Paragraph, said: list[Flowable]) -> None:
        style = ParagraphStyle("more", cue.style, spaceBefore=0, keepWithNext=0)
        self._more = Paragraph("(MORE)", style)
        again = Paragraph(escape(continue_cue(cue.getPlainText()), quote=False), cue.style)
        super().__init__([cue, *said], [self._more], [again])

    def split(self, width: float, height: float) -> list[Flowable]:
        """Return what fits above (MORE) and the rest, or nothing if only the cue fits."""
        parts = super().split(width, height)
        return [] if parts[1:2] == [self._more] else parts


class Pages(pdf.DocTemplate):  # type: ignore[misc]  # the library has no types
    """Lay out what screenplain has composed."""

    def build(self, story: Iterable[Flowable]) -> None:
        super().build(list(_join_speeches(story)))


def _join_speeches(story: Iterable[Flowable]) -> Iterator[Flowable]:
    """Yield each cue and what is said below it as one `Speech`, and all else as it is."""
    cue, said = None, list[Flowable]()
    for part in story:
        style = part.style.name if isinstance(part, Paragraph) else ""
        if cue and (style in SPEECH_STYLES or isinstance(part, Spacer)):
            said.append(part)
            continue
        if cue:
            yield Speech(cue, said)
        cue, said = None, []
        if isinstance(part, Paragraph) and style == CUE_STYLE:
            cue = part
        else:
            yield part
    if cue:
        yield Speech(cue, said)
