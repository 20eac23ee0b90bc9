"""Pictures: a script's statistics, and what surprised the voice, for a phone and any theme.

They have a paper of their own, so that a dark and a light Discord show the same; nothing on them
is told by its colour alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from ...i18n.catalogue import many, say
from ...i18n.markdown import plain
from ...screenplay import typeface
from ...screenplay.statistics import Count, Tally, minutes
from ...session.surprisal import Cell, Guess, Peak, SurprisalReport

WIDTH = 920
"""The width in pixels, of which an upright phone shows every second or third."""

EDGE = 32
PAPER = "#fbf8f1"
INK = "#1d1c1a"
FAINT = "#6b665d"
RULE = "#d9d2c3"
BLUE, ORANGE = "#2a5d9f", "#b4500e"

Colour = tuple[int, int, int]

HEAT: tuple[Colour, ...] = (
    (251, 248, 241),
    (253, 226, 160),
    (248, 168, 88),
    (214, 84, 62),
    (110, 18, 74),
)
"""The colours from 0 to `DEAREST` bits, which darken so that nobody depends on the hues."""

DEAREST = 8.0


@cache
def letters(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the typeface of all pictures in a size, in pixels."""
    return ImageFont.truetype(io.BytesIO(typeface.content(bold=bold)), size)


@dataclass(frozen=True)
class Picture:
    """A PNG file, and whether it shows boxes for characters that its typeface lacks."""

    png: bytes
    has_boxes: bool = False


class _Sheet:
    """A sheet that is drawn on from the top down, and grows as it must."""

    def __init__(self, longest: int) -> None:
        self.image = Image.new("RGB", (WIDTH, longest), PAPER)
        self.draw = ImageDraw.Draw(self.image)
        self.y = EDGE
        self.has_boxes = False

    def text(
        self, x: float, y: float, text: str, size: int, fill: str = INK, *, bold: bool = False
    ) -> None:
        """Draw text with its upper left corner at a point."""
        self.draw.text((x, y), text, font=letters(size, bold=bold), fill=fill)
        self.has_boxes = self.has_boxes or typeface.lacks(text)

    def row(
        self, text: str, size: int, fill: str = INK, *, bold: bool = False, below: int = 10
    ) -> None:
        """Draw a row of text, cut to the width of the sheet."""
        room = int((WIDTH - 2 * EDGE) / (0.6 * size))
        self.text(EDGE, self.y, _cut(text, room), size, fill, bold=bold)
        self.y += size + below

    def rule(self) -> None:
        """Draw a horizontal line."""
        self.draw.line((EDGE, self.y, WIDTH - EDGE, self.y), fill=RULE, width=2)
        self.y += 18

    def picture(self) -> Picture:
        """Return the sheet as a PNG file, as long as what was drawn."""
        out = io.BytesIO()
        self.image.crop((0, 0, WIDTH, self.y + EDGE)).save(out, "PNG")
        return Picture(out.getvalue(), self.has_boxes)


def _cut(text: str, room: int) -> str:
    """Cut a text to so many columns, with an ellipsis."""
    if len(text) <= room:
        return text
    return f"{text[: room - 1]}…"


# What a script is made of ----------------------------------------------------------------------

MOST_BARS = 10
BAR = 30
NAMES = 15
"""The columns of a name beside its bar."""

BEGIN, LONGEST = EDGE + 18 * (NAMES + 1), 180
"""The left edge of the bars, and the length of the longest, in pixels."""


def stats(title: str, counted: Tally) -> Picture:
    """Draw who speaks and who wrote how much, which takes some tens of milliseconds."""
    sheet = _Sheet(longest=2000)
    sheet.row(title, 40, bold=True)
    sheet.row(_summary(counted), 24, FAINT, below=22)
    if counted.characters:
        _bars(sheet, say("Who speaks"), [(one, False) for one in counted.characters])
    wrote = [*((one, False) for one in counted.writers), *((one, True) for one in counted.voices)]
    _bars(sheet, say("Who wrote"), sorted(wrote, key=lambda one: -one[0].words))
    return sheet.picture()


def _summary(counted: Tally) -> str:
    return (
        f"{many(counted.lines, 'line')} · {many(counted.words, 'word')} · "
        f"{many(counted.scenes, 'scene')} · {minutes(counted.pages)}"
    )


def _bars(sheet: _Sheet, heading: str, counts: Sequence[tuple[Count, bool]]) -> None:
    """Draw bars of numbers of words; True beside a count stripes a voice's bar."""
    sheet.rule()
    sheet.row(heading, 30, bold=True, below=14)
    most = max(max(one.words for one, _ in counts), 1)
    for count, by_voice in counts[:MOST_BARS]:
        name = say("{name} (voice)", name=count.name) if by_voice else count.name
        width = max(round(LONGEST * count.words / most), 3)
        sheet.text(EDGE, sheet.y, _cut(name, NAMES), 30)
        _bar(sheet, BEGIN, width, stripes=by_voice)
        told = f"{many(count.words, 'word')} · {many(count.lines, 'line')}"
        sheet.text(BEGIN + width + 12, sheet.y + 5, told, 22, FAINT)
        sheet.y += BAR + 14
    if len(counts) > MOST_BARS:
        more = say("and {number:,} more", number=len(counts) - MOST_BARS)
        sheet.row(more, 24, FAINT)
    sheet.y += 8


def _bar(sheet: _Sheet, left: int, width: int, *, stripes: bool) -> None:
    box = (left, sheet.y, left + width, sheet.y + BAR)
    if not stripes:
        sheet.draw.rectangle(box, fill=BLUE)
        return
    sheet.draw.rectangle(box, fill=PAPER, outline=ORANGE, width=3)
    for x in range(left + 4, left + width - 2, 8):
        sheet.draw.line((x, sheet.y, x, sheet.y + BAR), fill=ORANGE, width=3)


def stats_in_words(title: str, counted: Tally) -> str:
    """Describe the picture for people who cannot see it, in at most 1,000 characters."""

    def listed(counts: Sequence[Count]) -> str:
        return ", ".join(
            say(
                "{name} {words} in {lines}",
                name=one.name,
                words=many(one.words, "word"),
                lines=many(one.lines, "line"),
            )
            for one in counts[:MOST_BARS]
        )

    parts = [
        f"{title}: {_summary(counted)}.",
        counted.characters and say("Who speaks: {names}.", names=listed(counted.characters)),
        counted.writers and say("Who wrote: {names}.", names=listed(counted.writers)),
        counted.voices and say("Voices: {names}.", names=listed(counted.voices)),
    ]
    return plain(" ".join(part for part in parts if part), 1000)


# What surprised the voice ----------------------------------------------------------------------

CELL, ROW = 24, 62
"""The size in pixels of a character, and of a row with the bars below it."""

LETTERS = 38
ACROSS = (WIDTH - 2 * EDGE) // CELL
TALLEST = 14
"""The height in pixels of the bar below a character of `DEAREST` bits."""


def surprise(found: SurprisalReport) -> Picture:
    """Draw the last lines, each character the darker the more it cost.

    Under it stands a bar, the taller the more it cost. The most surprising places are numbered, and
    below is what the voice expected there.
    """
    sheet = _Sheet(longest=8000)
    sheet.row(say("What surprised {voice}", voice=found.model), 36, bold=True, below=12)
    _legend(sheet)
    numbers = {(place.line, place.cell): n for n, place in enumerate(found.peaks, 1)}
    for line, cells in enumerate(found.lines):
        sheet.text(EDGE, sheet.y, _cut(found.credits[line], 40), 22, FAINT)
        sheet.y += 46  # room for the circles above the first row
        _line(sheet, cells, {cell: n for (at, cell), n in numbers.items() if at == line})
        sheet.y += 6
    for number, place in enumerate(found.peaks, 1):
        _expected(sheet, number, found, place)
    return sheet.picture()


def _legend(sheet: _Sheet) -> None:
    sheet.text(EDGE, sheet.y, say("bits:"), 24, FAINT)
    for n, bits in enumerate((0, 2, 4, 6, 8)):
        x = EDGE + 100 + n * 90
        _heat_cell(sheet, x, sheet.y - 6, f"{bits}", bits)
    sheet.text(EDGE + 100 + 4 * 90 + 40, sheet.y, say("and more"), 24, FAINT)
    sheet.y += ROW
    sheet.rule()


def _heat_cell(sheet: _Sheet, x: int, y: int, character: str, bits: float | None) -> None:
    """Draw one character on its colour, with the bar below it."""
    level = min(bits or 0.0, DEAREST) / DEAREST
    fill = _heat(level)
    bottom = y + LETTERS + 4
    sheet.draw.rectangle((x, y, x + CELL - 1, bottom), fill=fill)
    if bits is None:
        sheet.text(x + 1, y + 4, character, LETTERS, FAINT)
        sheet.draw.line((x + 4, bottom + 4, x + CELL - 5, bottom + 4), fill=RULE, width=2)
        return
    sheet.text(x + 1, y + 4, character, LETTERS, _readable_on(fill))
    tall = round(level * TALLEST)
    sheet.draw.rectangle((x + 3, bottom + 2, x + CELL - 4, bottom + 2 + tall), fill=INK)


def _heat(level: float) -> Colour:
    """Return the colour of a level from 0 to 1."""
    at = level * (len(HEAT) - 1)
    low = HEAT[int(at)]
    high = HEAT[min(int(at) + 1, len(HEAT) - 1)]
    red, green, blue = (round(a + (b - a) * (at % 1)) for a, b in zip(low, high, strict=True))
    return red, green, blue


def _readable_on(fill: Colour) -> str:
    """Return the colour of letters that contrasts more with a background."""
    red, green, blue = ((one / 255) ** 2.2 for one in fill)
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 else PAPER


def _line(sheet: _Sheet, cells: Sequence[Cell], numbers: dict[int, int]) -> None:
    """Draw a line of the script, in as many rows as it needs."""
    x = 0
    for n, (cell, breaks) in enumerate(_wrapped(cells)):
        if breaks:
            x, sheet.y = 0, sheet.y + ROW
        left = EDGE + x * CELL
        shown = "¶" if cell.character == "\n" else cell.character
        _heat_cell(sheet, left, sheet.y, shown, cell.bits)
        if n in numbers:
            _number(sheet, left + CELL // 2, sheet.y - 6, numbers[n])
        x += 1
    sheet.y += ROW


def _wrapped(cells: Sequence[Cell]) -> Iterator[tuple[Cell, bool]]:
    """Yield the cells, each with whether a new row begins there.

    Rows begin after a newline, and before a word without room. A space may stand beyond the last
    column.
    """
    x = 0
    for n, cell in enumerate(cells):
        before = cells[n - 1].character if n else ""
        room = ACROSS - x
        fits = room > 0 if before not in {" ", ""} else _word(cells, n) <= max(room, 0)
        breaks = before == "\n" or not (fits or cell.character.isspace() or x == 0)
        x = 1 if breaks else x + 1
        yield cell, breaks


def _word(cells: Sequence[Cell], begin: int) -> int:
    """Return the length of a word that begins at a cell, at most that of a row."""
    end = begin
    while end < min(len(cells), begin + ACROSS) and not cells[end].character.isspace():
        end += 1
    return end - begin


def _number(sheet: _Sheet, x: int, y: int, number: int) -> None:
    """Draw a number in a circle."""
    sheet.draw.ellipse((x - 14, y - 14, x + 14, y + 14), fill=INK)
    sheet.draw.text((x, y + 2), str(number), font=letters(22, bold=True), fill=PAPER, anchor="mm")


def _expected(sheet: _Sheet, number: int, found: SurprisalReport, place: Peak) -> None:
    """Draw what the voice expected at a place, and what came."""
    sheet.rule()
    cell = found.at(place)
    _number(sheet, EDGE + 14, sheet.y + 14, number)
    told = say(
        "came {character}, {bits:.1f} bits. It expected:",
        character=_named(cell.character),
        bits=cell.bits or 0,
    )
    sheet.text(EDGE + 44, sheet.y, told, 26)
    sheet.y += 44
    for n, guess in enumerate(place.guesses):
        _guess(sheet, EDGE + n * (WIDTH - 2 * EDGE) // len(place.guesses), guess)
    sheet.y += 84


def _guess(sheet: _Sheet, x: int, guess: Guess) -> None:
    whole = (WIDTH - 2 * EDGE) // 5 - 24
    sheet.text(x, sheet.y, _named(guess.character), LETTERS - 6, bold=True)
    sheet.text(x + 84, sheet.y + 6, _percent(guess.probability), 26, FAINT)
    bar = (x, sheet.y + 44, x + whole, sheet.y + 56)
    sheet.draw.rectangle(bar, outline=FAINT, width=1)
    sheet.draw.rectangle(
        (*bar[:2], x + max(round(whole * guess.probability), 2), bar[3]), fill=BLUE
    )


def _percent(probability: float) -> str:
    return f"{probability:.0%}" if probability >= 0.01 else "<1%"


def _named(character: str) -> str:
    return {" ": say("space"), "\n": "¶"}.get(character, character)
