"""Convert an edition into the document of screenplain, which writes several formats."""

from __future__ import annotations

from collections.abc import Sequence

from screenplain.richstring import RichString, plain
from screenplain.types import Action, Dialog, Screenplay, Slug, Transition
from wcwidth import wrap

from ..elements import Element, Kind
from ..emphasis import parse_emphasized
from .edition import TITLE_WIDTH, Edition, remove_scene_number


class PlainTitleScreenplay(Screenplay):  # type: ignore[misc]  # the library has no types
    """Take the title page literally, because a star in somebody's name is not emphasis."""

    def get_rich_attribute(self, name: str, default: Sequence[str] = ()) -> list[RichString]:
        return [plain(line) for line in self.title_page.get(name, default)]


def to_screenplain(edition: Edition) -> PlainTitleScreenplay:
    paragraphs = [_to_paragraph(element, number) for element, number in edition.numbered()]
    # The library prints the entry Contact at the lower left.
    about = {"Title": (edition.title,), **edition.about, "Contact": edition.shares}
    # It lays out a title page as if it were as wide as other pages, so its lines are wrapped here.
    # The letters of the title are twice as wide.
    entries = {}
    for key, lines in about.items():
        columns = TITLE_WIDTH // 2 if key == "Title" else TITLE_WIDTH
        entries[key] = [row for line in lines for row in wrap(line, columns)]
    return PlainTitleScreenplay(entries, paragraphs)


def _to_paragraph(element: Element, number: str | None) -> Slug | Action | Dialog | Transition:
    first, *rest = (parse_emphasized(line) for line in element.marked)
    match element.kind:
        case Kind.HEADING if number:
            return Slug(parse_emphasized(remove_scene_number(element.marked[0])), plain(number))
        case Kind.HEADING:
            return Slug(first)
        case Kind.TRANSITION:
            return Transition(first)
        case Kind.DIALOGUE:
            return Dialog(first, rest)
        case Kind.ACTION:
            return Action([first, *rest])
