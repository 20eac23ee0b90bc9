"""What surprised the voice: what each character of the last lines cost it, and what it expected."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..arrays import Floats, Logits
from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import plain
from ..inference.model import Model
from ..screenplay.elements import Kind
from ..screenplay.fountain import as_read
from ..storage.schema import Line
from .channel_session import Room

MOST_CHARACTERS = 600
"""Characters of lines that are looked at: what a phone shows without getting small."""

PLACES, GUESSES = 3, 5
"""The most surprising places, and what the voice expected most at each."""

APART = 6
"""Characters between two places: one word surprises once."""


@dataclass(frozen=True)
class Cell:
    """One character as its writer wrote it; the newline behind a line is its end."""

    character: str
    bits: float | None
    """What it cost the voice; None for what the voice cannot read."""
    position: int
    """Where it begins in the line as the voice reads it."""
    free: bool = True
    """Whether its writer chose it; what a voice was told to write surprises it, but nobody else."""


@dataclass(frozen=True)
class Guess:
    """A character that the voice expected."""

    character: str
    probability: float


@dataclass(frozen=True)
class Place:
    """A place that surprised the voice: a cell of a line, and what was expected there."""

    line: int
    cell: int
    guesses: tuple[Guess, ...]
    """The likeliest first."""


@dataclass(frozen=True)
class Surprise:
    """The last lines, cell by cell, and the most surprising places in the order of the script."""

    voice: str
    credits: tuple[str, ...]
    """Whose each line is."""
    lines: tuple[tuple[Cell, ...], ...]
    places: tuple[Place, ...]

    @property
    def average(self) -> float:
        """Bits per character."""
        bits = [cell.bits for line in self.lines for cell in line if cell.bits is not None]
        return sum(bits) / max(len(bits), 1)

    def at(self, place: Place) -> Cell:
        """The cell of a place."""
        return self.lines[place.line][place.cell]


async def look(room: Room, most: int) -> Surprise:
    """What surprised the voice in the last lines; raises NoScript, and what the engine raises."""
    reading, lines, costs = await room.last_costs(most, MOST_CHARACTERS)
    model = reading.model
    cells = tuple(laid_out(model, *one) for one in zip(lines, costs, strict=True))
    places = [
        Place(
            line,
            cell,
            guesses(model, await room.expected(reading, lines[line], cells[line][cell].position)),
        )
        for line, cell in most_surprising(cells)
    ]
    return Surprise(model.name, tuple(line.credit for line in lines), cells, tuple(places))


def laid_out(model: Model, line: Line, costs: Floats) -> tuple[Cell, ...]:
    """A line, character by character; ``costs`` [n] is for all that the voice read but the first.

    A character that the voice reads as several costs what they cost together.
    """
    written = unicodedata.normalize("NFC", as_read(line.text))
    widths = [len(model.encode(character)) for character in written]
    ends = np.cumsum([0, *widths])
    paid = np.concatenate([[0.0], np.asarray(costs, np.float64)])
    told = _told(line)
    return tuple(
        Cell(character, float(paid[begin:end].sum()) if end > begin else None, int(begin), n > told)
        for n, (character, (begin, end)) in enumerate(zip(written, pairwise(ends), strict=True))
        if n > 0
    )


def _told(line: Line) -> int:
    """How many characters a voice's line begins with that were given to it, or all but given.

    That is the cue where it was told who speaks, that somebody does, or who may; and of a heading
    that it was asked for, what makes it one, such as “INT. ”.
    """
    if line.author is not None:
        return 0
    kind, asked = Kind(line.kind), line.origin.get("kind")
    if kind is Kind.DIALOGUE and (asked or line.origin.get("character") or line.origin.get("cast")):
        return line.text.index("\n") + 1
    if kind is Kind.HEADING and asked:
        return 1 if line.text.startswith(".") else line.text.find(" ") + 1
    return 0


def most_surprising(lines: Sequence[Sequence[Cell]]) -> list[tuple[int, int]]:
    """The places with the dearest characters, `PLACES` at the most, in the order of the script.

    They are among what was free to be written.
    """
    dearest = sorted(
        (
            (cell.bits, at, n)
            for at, line in enumerate(lines)
            for n, cell in enumerate(line)
            if cell.bits and cell.free
        ),
        key=lambda one: -one[0],
    )
    chosen: list[tuple[int, int]] = []
    for _, line, cell in dearest:
        if all(line != other or abs(cell - n) >= APART for other, n in chosen):
            chosen.append((line, cell))
        if len(chosen) == PLACES:
            break
    return sorted(chosen)


def guesses(model: Model, logits: Logits) -> tuple[Guess, ...]:
    """The characters that logits [V] make the likeliest."""
    odds = np.exp(logits.astype(np.float64) - logits.max())
    odds /= odds.sum()
    best = np.argsort(-odds, kind="stable")[:GUESSES]
    return tuple(Guess(model.vocabulary[one], float(odds[one])) for one in best)


def spoken(character: str) -> str:
    """A character as one says it in a sentence."""
    match character:
        case " ":
            return say("a space")
        case "\n":
            return say("the end of the line")
        case _:
            return say("“{character}”", character=character)


_LINE_HEARD = phrase("The last line as {voice} heard it: {bits:.1f} bits a character.")
_LINES_HEARD = phrase("The last {lines} as {voice} heard it: {bits:.1f} bits a character.")


def in_words(found: Surprise) -> str:
    """What the picture shows, for who cannot see it: at most 1,000 characters."""
    parts = [
        say(
            _LINE_HEARD if len(found.lines) == 1 else _LINES_HEARD,
            lines=many(len(found.lines), "line"),
            voice=found.voice,
            bits=found.average,
        )
    ]
    for place in found.places:
        cell = found.at(place)
        line = found.lines[place.line]
        before = "".join(one.character for one in line[max(place.cell - 20, 0) : place.cell])
        expected = ", ".join(
            f"{spoken(one.character)} {one.probability:.0%}" for one in place.guesses
        )
        parts.append(
            say(
                "After “{before}” came {character}, {bits:.1f} bits; expected were {expected}.",
                before=" ".join(before.split()),
                character=spoken(cell.character),
                bits=cell.bits or 0,
                expected=expected,
            )
        )
    return plain(" ".join(parts), 1000)
