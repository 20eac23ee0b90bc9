"""Draw a script's statistics and surprisal, for a phone and any theme.

The pictures have a background of their own, so they look the same in a dark and a light Discord.
Nothing in them is told by its colour alone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from functools import cache

import wcwidth
from PIL import Image, ImageDraw, ImageFont

from ...i18n.catalogue import format_percent, many, phrase, say, say_plural
from ...screenplay import typeface
from ...screenplay.exporters.export_formats import ExportedFile
from ...screenplay.statistics import (
    ScriptStatistics,
    WriterStatistics,
    format_minutes,
    format_rewritten,
)
from ...session.surprisal import Cell, Guess, Peak, SurprisalReport
from ..markdown import plain

IMAGE_WIDTH = 920
"""The width in pixels, of which an upright phone shows every second or third."""

EDGE = 32
TEXT_SIZE, FONT_SIZE = 42, 46
"""The sizes of text in pixels: a phone shows the capitals of the smaller one 9 pixels high."""

BACKGROUND = "#fbf8f1"
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
"""The colours from 0 to `MAX_HEAT_BITS` bits, which darken so that nobody depends on the hues."""

MAX_HEAT_BITS = 8.0


@cache
def load_font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the typeface of all pictures in a size, in pixels."""
    return ImageFont.truetype(io.BytesIO(typeface.load_typeface(bold=bold)), size)


class _Sheet:
    """A sheet that is drawn on from the top down, and grows as needed."""

    def __init__(self, longest: int) -> None:
        self.image = Image.new("RGB", (IMAGE_WIDTH, longest), BACKGROUND)
        self.draw = ImageDraw.Draw(self.image)
        self.y = EDGE
        self.left_out = ""

    def draw_text(
        self, x: float, y: float, text: str, size: int, fill: str = INK, *, bold: bool = False
    ) -> None:
        """Draw text with its upper left corner at a point."""
        shown = typeface.replace_missing(text)
        self.draw.text((x, y), shown, font=load_font(size, bold=bold), fill=fill)
        self.left_out += typeface.find_missing(text)

    def draw_row(
        self, text: str, size: int, fill: str = INK, *, bold: bool = False, below: int = 10
    ) -> None:
        """Draw a row of text, cut to the width of the sheet."""
        columns = int((IMAGE_WIDTH - 2 * EDGE) / (0.6 * size))
        self.draw_text(EDGE, self.y, _truncate(text, columns), size, fill, bold=bold)
        self.y += size + below

    def draw_at_right(self, text: str) -> None:
        """Draw text at the right edge of the next row."""
        x = IMAGE_WIDTH - EDGE - load_font(TEXT_SIZE).getlength(text)
        self.draw_text(x, self.y, text, TEXT_SIZE, FAINT)

    def draw_rule(self) -> None:
        self.draw.line((EDGE, self.y, IMAGE_WIDTH - EDGE, self.y), fill=RULE, width=2)
        self.y += 18

    def make_file(self) -> ExportedFile:
        """Return the sheet as a PNG file, as long as what was drawn."""
        out = io.BytesIO()
        self.image.crop((0, 0, IMAGE_WIDTH, self.y + EDGE)).save(out, "PNG")
        return ExportedFile(out.getvalue(), "".join(dict.fromkeys(self.left_out)))


def _truncate(text: str, columns: int) -> str:
    return text if wcwidth.width(text) <= columns else f"{wcwidth.clip(text, 0, columns - 1)}…"


# What a script is made of ----------------------------------------------------------------------

MAX_BARS = 10
BAR_HEIGHT = 30
NAME_COLUMNS = 15
"""The columns of a name beside its bar."""

BAR_LEFT, BAR_GAP = EDGE + round(0.6 * TEXT_SIZE * (NAME_COLUMNS + 1)), 14
"""The left edge of the bars, and the space on the right of the longest, in pixels."""


def draw_statistics(title: str, statistics: ScriptStatistics) -> ExportedFile:
    """Draw who speaks and who wrote how much, which takes some tens of milliseconds."""
    sheet = _Sheet(longest=2000)
    sheet.draw_row(title, FONT_SIZE, bold=True)
    lines, words, scenes, minutes = _list_sizes(statistics)
    sheet.draw_row(f"{lines} · {words}", TEXT_SIZE, FAINT)
    sheet.draw_row(f"{scenes} · {minutes}", TEXT_SIZE, FAINT, below=22)
    if statistics.characters:
        _draw_bars(sheet, say("Who speaks"), [(count, False) for count in statistics.characters])
    wrote = [(count, False) for count in statistics.writers]
    wrote += [(count, True) for count in statistics.voices]
    _draw_bars(sheet, say("Who wrote"), sorted(wrote, key=lambda entry: -entry[0].words))
    return sheet.make_file()


def format_summary(statistics: ScriptStatistics) -> str:
    """Return how long a script is, in lines, words, scenes and minutes."""
    return " · ".join(_list_sizes(statistics))


def _list_sizes(statistics: ScriptStatistics) -> list[str]:
    return [
        many(statistics.lines, "line"),
        many(statistics.words, "word"),
        many(statistics.scenes, "scene"),
        format_minutes(statistics.pages),
    ]


def _draw_bars(sheet: _Sheet, heading: str, counts: list[tuple[WriterStatistics, bool]]) -> None:
    """Draw bars for numbers of words; True beside a count stripes a model's bar."""
    sheet.draw_rule()
    sheet.draw_at_right(say("words · lines"))
    sheet.draw_row(heading, TEXT_SIZE, bold=True, below=14)
    shown = counts[:MAX_BARS]
    numbers = [_format_counts(writer) for writer, _ in shown]
    # Somebody who only rewrote has no bar that a longer text could run into.
    widths = (
        load_font(TEXT_SIZE).getlength(text)
        for (writer, _), text in zip(shown, numbers, strict=True)
        if writer.lines
    )
    space = IMAGE_WIDTH - EDGE - max(widths, default=0) - BAR_GAP - BAR_LEFT
    most = max(max(writer.words for writer, _ in shown), 1)
    for (count, by_model), text in zip(shown, numbers, strict=True):
        name = say("{name} (voice)", name=count.name) if by_model else count.name
        width = max(round(space * count.words / most), 3)
        sheet.draw_text(EDGE, sheet.y, _truncate(name, NAME_COLUMNS), TEXT_SIZE)
        _draw_bar(sheet, width, stripes=by_model)
        sheet.draw_at_right(text)
        sheet.y += TEXT_SIZE + 14
    if len(counts) > MAX_BARS:
        more = say("and {number:,} more", number=len(counts) - MAX_BARS)
        sheet.draw_row(more, TEXT_SIZE, FAINT)
    sheet.y += 8


def _format_counts(count: WriterStatistics) -> str:
    if not count.lines:
        return say("{number:,} rewritten", number=count.rewritten)
    return say("{words:,} · {lines:,}", words=count.words, lines=count.lines)


def _draw_bar(sheet: _Sheet, width: int, *, stripes: bool) -> None:
    right = BAR_LEFT + width
    box = (BAR_LEFT, sheet.y, right, sheet.y + BAR_HEIGHT)
    if not stripes:
        sheet.draw.rectangle(box, fill=BLUE)
        return
    sheet.draw.rectangle(box, fill=BACKGROUND, outline=ORANGE, width=3)
    for x in range(BAR_LEFT + 4, right - 2, 8):
        sheet.draw.line((x, sheet.y, x, sheet.y + BAR_HEIGHT), fill=ORANGE, width=3)


def describe_statistics(title: str, statistics: ScriptStatistics) -> str:
    """Describe the picture for people who cannot see it, in at most 1,000 characters."""

    def listed(counts: Sequence[WriterStatistics]) -> str:
        return ", ".join(
            say(
                "{name} {words} in {lines}",
                name=count.name,
                words=many(count.words, "word"),
                lines=many(count.lines, "line"),
            )
            + format_rewritten(count)
            for count in counts[:MAX_BARS]
        )

    parts = [
        f"{title}: {format_summary(statistics)}.",
        statistics.characters and say("Who speaks: {names}.", names=listed(statistics.characters)),
        statistics.writers and say("Who wrote: {names}.", names=listed(statistics.writers)),
        statistics.voices and say("Voices: {names}.", names=listed(statistics.voices)),
    ]
    return plain(" ".join(part for part in parts if part), 1000)


# What the model guessed ------------------------------------------------------------------------

CELL_WIDTH, CELL_HEIGHT, ROW_HEIGHT = 29, 50, 80
"""The size in pixels of a character, and the height of a row with the bars below it."""

CELLS_PER_ROW = (IMAGE_WIDTH - 2 * EDGE) // CELL_WIDTH
MAX_BAR_BELOW = 14
"""The height in pixels of the bar below a character of `MAX_HEAT_BITS` bits."""

RADIUS = 20
"""The radius in pixels of the circle around a number."""

LOWEST_ROW = 7000
"""The lowest place in pixels at which a row begins; the sheet has room for the guesses below."""

SHOWN_GUESSES = 3
"""The number of characters expected by the voice for which a row has room."""

CHARACTER_NAMES = {
    " ": phrase("a space"),
    "\n": phrase("the end of the line"),
    ",": phrase("a comma"),
}
"""The characters that a sentence names by words."""


def draw_surprisal(report: SurprisalReport) -> ExportedFile:
    """Draw the last lines, with each character darker the more it cost.

    Under each character stands a bar, which is taller the more the character cost. The most
    surprising places are numbered, and what the model expected there stands below.
    """
    sheet = _Sheet(longest=8000)
    sheet.draw_row(say("What {voice} guessed", voice=report.model), FONT_SIZE, bold=True, below=16)
    _draw_heat_legend(sheet)
    for line, cells in enumerate(report.lines):
        if sheet.y > LOWEST_ROW:
            break
        # The room below is for the circles above the first row.
        sheet.draw_row(report.credits[line], TEXT_SIZE, FAINT, below=RADIUS)
        numbers = {peak.cell: n for n, peak in enumerate(report.peaks, 1) if peak.line == line}
        _draw_line_of_cells(sheet, cells, numbers)
        sheet.y += 6
    if report.peaks:
        sheet.draw_rule()
        sheet.draw_row(say("Expected instead"), TEXT_SIZE, bold=True, below=24)
    for number, peak in enumerate(report.peaks, 1):
        _draw_peak(sheet, number, report, peak)
    return sheet.make_file()


def _draw_heat_legend(sheet: _Sheet) -> None:
    label, x = say("bits:"), EDGE
    sheet.draw_text(x, sheet.y, label, TEXT_SIZE, FAINT)
    x += round(load_font(TEXT_SIZE).getlength(f"{label} "))
    for bits in (0, 2, 4, 6, 8):
        _draw_cell(sheet, x, sheet.y - 6, f"{bits}", bits)
        x += 70
    sheet.draw_text(x, sheet.y, say("and more"), TEXT_SIZE, FAINT)
    sheet.y += ROW_HEIGHT
    sheet.draw_rule()


def _draw_cell(sheet: _Sheet, x: int, y: int, character: str, bits: float | None) -> None:
    level = min(bits or 0.0, MAX_HEAT_BITS) / MAX_HEAT_BITS
    fill = _choose_colour(level)
    bottom = y + CELL_HEIGHT
    sheet.draw.rectangle((x, y, x + CELL_WIDTH - 1, bottom), fill=fill)
    if bits is None:
        sheet.draw_text(x + 1, y + 4, character, FONT_SIZE, FAINT)
        sheet.draw.line((x + 4, bottom + 4, x + CELL_WIDTH - 5, bottom + 4), fill=RULE, width=2)
        return
    sheet.draw_text(x + 1, y + 4, character, FONT_SIZE, _choose_letter_colour(fill))
    height = round(level * MAX_BAR_BELOW)
    sheet.draw.rectangle((x + 3, bottom + 2, x + CELL_WIDTH - 4, bottom + 2 + height), fill=INK)


def _choose_colour(level: float) -> Colour:
    """Return the colour of a level from 0 to 1."""
    position = level * (len(HEAT) - 1)
    low = HEAT[int(position)]
    high = HEAT[min(int(position) + 1, len(HEAT) - 1)]
    red, green, blue = (round(a + (b - a) * (position % 1)) for a, b in zip(low, high, strict=True))
    return red, green, blue


def _choose_letter_colour(fill: Colour) -> str:
    """Return the colour of letters that contrasts more with a background."""
    red, green, blue = ((channel / 255) ** 2.2 for channel in fill)
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 else BACKGROUND


def _draw_line_of_cells(sheet: _Sheet, cells: Sequence[Cell], numbers: dict[int, int]) -> None:
    """Draw a line of the script, in as many rows as it needs and the sheet has room for."""
    row, places = 0, _place_characters("".join(cell.character for cell in cells))
    for n, (cell, (column, row)) in enumerate(zip(cells, places, strict=True)):
        x, y = EDGE + column * CELL_WIDTH, sheet.y + row * ROW_HEIGHT
        if y > LOWEST_ROW:
            sheet.draw_text(x, y, "…", FONT_SIZE, FAINT)
            break
        _draw_cell(sheet, x, y, "¶" if cell.character == "\n" else cell.character, cell.bits)
        if n in numbers:
            _draw_number(sheet, x + CELL_WIDTH // 2, y - RADIUS // 2, numbers[n])
    sheet.y += (row + 1) * ROW_HEIGHT


def _place_characters(text: str) -> Iterator[tuple[int, int]]:
    """Yield the column and the row of each character.

    Rows begin after a newline, and before a word for which there is no room. A space may stand
    beyond the last column.
    """
    column = row = 0
    for word in re.findall(rf"\S{{1,{CELLS_PER_ROW}}}|\s", text):
        if column and not word.isspace() and column + len(word) > CELLS_PER_ROW:
            column, row = 0, row + 1
        yield from ((column + n, row) for n in range(len(word)))
        column += len(word)
        if word == "\n":
            column, row = 0, row + 1


def _draw_number(sheet: _Sheet, x: int, y: int, number: int) -> None:
    sheet.draw.ellipse((x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS), fill=INK)
    font = load_font(TEXT_SIZE, bold=True)
    sheet.draw.text((x, y + 3), str(number), font=font, fill=BACKGROUND, anchor="mm")


def _draw_peak(sheet: _Sheet, number: int, report: SurprisalReport, peak: Peak) -> None:
    """Draw what came at a place, and below what the model expected there."""
    cell = report.at(peak)
    _draw_number(sheet, EDGE + RADIUS, sheet.y + RADIUS, number)
    character = _phrase_character(cell.character)
    text = say("{character}: {bits:.1f} bits", character=character, bits=cell.bits or 0)
    sheet.draw_text(EDGE + 3 * RADIUS, sheet.y, text, TEXT_SIZE)
    sheet.y += TEXT_SIZE + 14
    width = (IMAGE_WIDTH - 2 * EDGE) // SHOWN_GUESSES
    for n, guess in enumerate(peak.guesses[:SHOWN_GUESSES]):
        _draw_guess(sheet, EDGE + n * width, width - EDGE, guess)
    sheet.y += TEXT_SIZE + 50


def _draw_guess(sheet: _Sheet, x: int, width: int, guess: Guess) -> None:
    """Draw a character, and how probable it was, as a number and as a bar."""
    name = {" ": say("space"), "\n": "¶"}.get(guess.character, guess.character)
    sheet.draw_text(x, sheet.y, name, TEXT_SIZE, bold=True)
    right = load_font(TEXT_SIZE, bold=True).getlength(f"{name} ")
    sheet.draw_text(x + right, sheet.y, format_percent(guess.probability), TEXT_SIZE, FAINT)
    top = sheet.y + TEXT_SIZE + 6
    sheet.draw.rectangle((x, top, x + width, top + 12), outline=FAINT, width=1)
    filled = max(round(width * guess.probability), 2)
    sheet.draw.rectangle((x, top, x + filled, top + 12), fill=BLUE)


def _phrase_character(character: str) -> str:
    name = CHARACTER_NAMES.get(character, phrase("“{character}”"))
    return say(name, character=character)


def describe_surprisal(report: SurprisalReport) -> str:
    """Describe the picture for people who cannot see it, in at most 1,000 characters."""
    parts = [
        say_plural(
            "How well {voice} guessed the last line: {bits:.1f} bits per character.",
            "How well {voice} guessed the last {number:,} lines: {bits:.1f} bits per character.",
            len(report.lines),
            voice=report.model,
            bits=report.average,
        )
    ]
    for peak in report.peaks:
        cell = report.at(peak)
        line = report.lines[peak.line]
        preceding = "".join(item.character for item in line[max(peak.cell - 20, 0) : peak.cell])
        expected = ", ".join(
            f"{_phrase_character(item.character)} {format_percent(item.probability)}"
            for item in peak.guesses
        )
        parts.append(
            say(
                "After “{before}” came {character} ({bits:.1f} bits). Expected: {expected}.",
                before=" ".join(preceding.split()),
                character=_phrase_character(cell.character),
                bits=cell.bits or 0,
                expected=expected,
            )
        )
    return plain(" ".join(parts), 1000)
