"""Format lines for the messages in which a channel shows them, one line a message."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from unicodedata import normalize

import discord
from discord import ui

from ...i18n.catalogue import join_names, phrase, say, say_plural
from ...screenplay.elements import Element, Kind
from ...screenplay.page_layout import lay_out_page
from ...session.posts import MAX_FIRST_LINES
from ...storage.schema import Line
from ..images.pictures import Colour
from ..markdown import LIMIT, chop, emphasized, fenced, inert, inline, join_within, plain, size

MORE = phrase("and more: see it all with {/script show}")

DIVIDER = "-# " + "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * 16
"""Stands above a scene heading in plain text."""

FENCES = size(fenced(" ")) - 1
"""The size of the marks that a code block has around its text."""

MIN_CUT = 50
"""The size above which a part of a row is worth showing."""

RECAP_LINES, RECAP_SIZE, NAMES_SIZE = 5, 1000, 300
"""The most lines at the end of a script in a recap, and the sizes of these and of the names."""

NAME_LIMIT = 80
"""The size of a speaker's name, which is Discord's limit for the names of webhooks."""

REFUSED_IN_NAMES = re.compile(r"clyde|discord|```|\A(?:everyone|here)\Z", re.IGNORECASE)
"""Matches what Discord refuses in the names of webhooks."""

LOOK_ALIKES = str.maketrans(
    {
        "e": "\N{CYRILLIC SMALL LETTER IE}",
        "E": "\N{CYRILLIC CAPITAL LETTER IE}",
        "o": "\N{CYRILLIC SMALL LETTER O}",
        "O": "\N{CYRILLIC CAPITAL LETTER O}",
        "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
    }
)
"""Characters of which each match of `REFUSED_IN_NAMES` has one, and those that look the same."""

Row = tuple[str, str, str]
"""A row of an element: its text, the marks around it if it is cut, and all of it in Markdown."""


def format_block(element: Element) -> str:
    """Return an element as a page in a code block; if it is too long, it is cut, with a note."""
    note = f"\n-# {say(MORE)}"
    space = LIMIT - size(note) - FENCES
    # A row may be longer than a message, because a chain of joined emoji takes only two columns.
    rows = [piece for row in lay_out_page([element]).split("\n") for piece in chop(row, space)]
    first, *rest = join_within(map(inert, rows), "\n", space)
    return f"{fenced(first)}{note}" if rest else fenced(first)


def format_prose(element: Element, limit: int = LIMIT) -> str:
    """Return an element without its speaker's name, for proportional type.

    Actions and parentheticals are in italics, headings in bold. A text that is too long is cut,
    with a note.
    """
    return _fit_rows(_mark_rows(element), limit, f"-# {say(MORE)}")


def format_scene(elements: Iterable[Element], limit: int, note: str) -> str:
    """Quote elements, each below its speaker's name; if they are cut, ``note`` stands below."""
    rows = (row for element in elements for row in name_rows(element))
    return _fit_rows(rows, limit, note, indent="> ")


def format_recap(elements: Sequence[Element], names: Sequence[str]) -> list[str]:
    """Return who is in a script, and its last lines below their scene heading.

    There are fewer lines if they are long, so that nothing is cut except a last line that is too
    long.
    """
    note = f"-# {say(MORE)}"
    ends = (_find_end(elements, count) for count in range(RECAP_LINES, 0, -1))
    scenes = [format_scene(end, RECAP_SIZE, note) for end in ends]
    scene = next((scene for scene in scenes if not scene.endswith(note)), scenes[-1])
    rows = [scene] if scene else []
    if names:  # above the lines, because some clients quote what follows a quotation as well
        who = inline(join_names(names), NAMES_SIZE)
        rows.insert(0, f"-# {say('With: {names}.', names=who)}")
    return rows


def format_earlier_lines(count: int) -> list[str]:
    """Return where to read the lines that a channel leaves out when it shows a script anew.

    ``count`` is the number of all lines of the script.
    """
    earlier = count - MAX_FIRST_LINES
    if earlier <= 0:
        return []
    sentence = say_plural(
        "One earlier line is in {/script show}.",
        "{number:,} earlier lines are in {/script show}.",
        earlier,
    )
    return [f"-# {sentence}"]


def _find_end(elements: Sequence[Element], count: int) -> list[Element]:
    """Return this number of last lines, and above them their scene heading."""
    end = elements[-count:]
    heading = next(
        (element for element in reversed(elements) if element.kind is Kind.HEADING), None
    )
    return [heading, *end] if heading and heading not in end else list(end)


def split_scene(elements: Iterable[Element], limit: int) -> list[str]:
    """Return elements in as few texts as fit, each element below its speaker's name."""
    note = f"-# {say(MORE)}"
    texts = (_fit_rows(name_rows(element), limit, note) for element in elements)
    return join_within(texts, "\n", limit)


def _fit_rows(rows: Iterable[Row], limit: int, note: str, indent: str = "") -> str:
    """Return rows in Markdown, cut if they are too long, with a note."""
    room, fitting, note = limit - size(indent + note) - 1, list[str](), indent + note
    for row, mark, markdown in rows:
        before, text = f"{indent}{mark}", f"{indent}{markdown}"
        if size(text) >= room:
            room -= size(before + mark) + 1
            fitting += [f"{before}{inline(row, room)}{mark}"] if room > MIN_CUT else []
            return "\n".join([*fitting, note])
        fitting.append(text)
        room -= size(text) + 1
    return "\n".join(fitting)


def name_rows(element: Element) -> Iterator[Row]:
    """Yield the speaker's name, if there is one, and the rows of an element."""
    if speaker := find_speaker(element):
        yield speaker, "**", f"**{inline(speaker, LIMIT)}**"
    yield from _mark_rows(element)


def _mark_rows(element: Element) -> Iterator[Row]:
    spec = element.kind.spec
    for row, marked in list(zip(element.shown, element.marked, strict=True))[spec.has_cue :]:
        if spec.has_cue:
            mark = "*" if row.startswith("(") and row.endswith(")") else ""
        else:
            mark = "**" if element.kind is Kind.HEADING else "*"
        if spec.is_upper_case:
            row, marked = row.upper(), marked.upper()
        yield row, mark, emphasized(marked, mark)


def make_card(
    element: Element,
    colour: Colour | None,
    limit: int = LIMIT,
    ids: tuple[int | None, int | None] = (None, None),
) -> ui.Container[ui.LayoutView]:
    """Return an element as a card: the speaker's name, if there is one, and the text.

    The text is cut to the size ``limit``, with a note. The ``ids`` are those of the card and of its
    text in a message of several cards.
    """
    card_id, text_id = ids
    container: ui.Container[ui.LayoutView] = ui.Container(
        accent_colour=discord.Colour.from_rgb(*colour) if colour else None, id=card_id
    )
    if element.kind is Kind.HEADING:
        container.add_item(ui.Separator())
    speaker = find_speaker(element)
    name = f"**{inline(speaker, NAME_LIMIT)}**\n" if speaker else ""
    text = f"{name}{format_prose(element, limit - size(name))}"
    return container.add_item(ui.TextDisplay(text, id=text_id))


def format_message(element: Element, name: str, posted_as: str) -> str:
    """Return an element that belongs under a ``name`` as a webhook's message.

    The message says the name if it was ``posted_as`` another, because it must keep that other name.
    """
    if element.kind is Kind.HEADING:
        return f"{DIVIDER}\n{format_prose(element, LIMIT - size(DIVIDER) - 1)}"
    is_misnamed = name != posted_as and find_speaker(element)
    before = f"**{inline(name, NAME_LIMIT)}:** " if is_misnamed else ""
    return f"{before}{format_prose(element, LIMIT - size(before))}"


def format_credit(line: Line) -> str:
    """Return who wrote a line, and whose line it replaces if that was another's, unescaped."""
    if not line.former_credits:
        return line.writer
    return say("{name}, after {others}", name=line.writer, others=", ".join(line.former_credits))


def find_speaker(element: Element) -> str:
    """Return the name of the speaker with its extension, or "" if nobody speaks."""
    return plain(element.shown[0], NAME_LIMIT) if element.kind.spec.has_cue else ""


def make_webhook_name(name: str) -> str:
    """Return a name that looks the same, and that Discord accepts for a webhook's message."""
    name = plain(name, NAME_LIMIT) or "\N{HORIZONTAL ELLIPSIS}"
    # Discord may read letters of another width or style as plain ones, and drops what is invisible.
    folded = plain(normalize("NFKC", name), NAME_LIMIT)
    if not REFUSED_IN_NAMES.search(folded):
        return name
    return REFUSED_IN_NAMES.sub(lambda found: found[0].translate(LOOK_ALIKES), folded)
