"""Break speeches between the pages of a PDF as a typist does: (MORE) below, (CONT'D) above."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from itertools import takewhile

from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Paragraph, PTOContainer, Spacer
from screenplain.export import pdf

from .edition import continue_cue

HEADING_STYLE, CUE_STYLE, SPEECH_STYLES = "slug", "character", ("dialog", "parenthentical")
"""The names of screenplain's styles; the spelling of the last one is screenplain's."""


class Speech(PTOContainer):
    """A cue below its headings, and what is said below it, which may continue on the next page."""

    def __init__(self, headings: list[Flowable], cue: Paragraph, said: list[Flowable]) -> None:
        style = ParagraphStyle("more", cue.style, spaceBefore=0, keepWithNext=0)
        self._more = Paragraph("(MORE)", style)
        again = Paragraph(escape(continue_cue(cue.getPlainText()), quote=False), cue.style)
        parts = [*headings, cue, *said]
        # What must not end a page: the headings, the cue and a parenthetical below it.
        self._top = sum(1 for _ in takewhile(Flowable.getKeepWithNext, parts))
        super().__init__(parts, [self._more], [again])

    def split(self, width: float, height: float) -> list[Flowable]:
        """Return what fits above (MORE) and the rest, or nothing if no speech fits.

        A speech for which a whole page has no room is split anywhere.
        """
        parts = super().split(width, height)
        is_cut_early = self._more in parts[: self._top + 1]
        has_whole_page = hasattr(self, "_postponed")
        return [] if is_cut_early and not has_whole_page else parts


class Pages(pdf.DocTemplate):  # type: ignore[misc]  # the library has no types
    """Lay out what screenplain has composed."""

    def build(self, story: Iterable[Flowable]) -> None:
        super().build(list(_join_speeches(story)))


def _join_speeches(story: Iterable[Flowable]) -> Iterator[Flowable]:
    """Yield a cue, its headings and what is said below it as one `Speech`, and all else as it is.

    The library keeps a heading with what follows it, but not with a container.
    """
    headings, cue, said = list[Flowable](), None, list[Flowable]()
    for part in story:
        style = part.style.name if isinstance(part, Paragraph) else ""
        if cue and (style in SPEECH_STYLES or isinstance(part, Spacer)):
            said.append(part)
            continue
        if cue:
            yield Speech(headings, cue, said)
            headings, cue, said = [], None, []
        if isinstance(part, Paragraph) and style == CUE_STYLE:
            cue = part
        elif style == HEADING_STYLE or isinstance(part, pdf.SlugWithSceneNumbers):
            headings.append(part)
        else:
            yield from (*headings, part)
            headings = []
    if cue:
        yield Speech(headings, cue, said)
    else:
        yield from headings
