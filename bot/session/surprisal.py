"""Surprisal: what each character of the last lines cost the model, and what it expected."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..arrays import Floats, Logits
from ..generation.openings import Reading
from ..i18n.catalogue import say, say_plural
from ..i18n.markdown import plain
from ..inference.model import Model
from ..screenplay.elements import Kind
from ..screenplay.fountain import format_for_model
from ..storage.schema import Line
from .channel_session import Room

MOST_CHARACTERS = 600
"""Characters of lines in a picture: as many as a phone shows in a readable size."""

PLACES, GUESSES = 3, 5
"""The number of places, the most surprising ones, and of guesses at each."""

APART = 6
"""Characters between two places, so that one word surprises once."""


@dataclass(frozen=True)
class Cell:
    """One character of a line as its writer wrote it; the newline behind the line is its end."""

    character: str
    bits: float | None
    """The cost in bits; None for a character that the model cannot read."""
    position: int
    """The index of its first token in the line."""
    free: bool = True
    """Whether the writer chose the character; what a request asked for surprises nobody."""


@dataclass(frozen=True)
class Guess:
    """A character that the model expected."""

    character: str
    probability: float


@dataclass(frozen=True)
class Place:
    """A surprising place: a cell of a line, and the guesses there."""

    line: int
    cell: int
    guesses: tuple[Guess, ...]
    """The guesses, the likeliest first."""


@dataclass(frozen=True)
class Surprise:
    """The last lines, cell by cell, and the most surprising places, in the script's order."""

    voice: str
    credits: tuple[str, ...]
    """The name of each line's writer."""
    lines: tuple[tuple[Cell, ...], ...]
    places: tuple[Place, ...]

    @property
    def average(self) -> float:
        """Return the mean of the bits of a character."""
        bits = [cell.bits for line in self.lines for cell in line if cell.bits is not None]
        return sum(bits) / max(len(bits), 1)

    def at(self, place: Place) -> Cell:
        """Return the cell of a place."""
        return self.lines[place.line][place.cell]


async def look(room: Room, most: int) -> Surprise:
    """Return what surprised the model in the last lines; raises NoScript and as the engine does."""
    reading, lines, costs = await last_costs(room, most, MOST_CHARACTERS)
    model = reading.model
    cells = tuple(laid_out(model, *one) for one in zip(lines, costs, strict=True))
    places = [
        Place(
            line,
            cell,
            guesses(
                model, await room.reader.expected(reading, lines[line], cells[line][cell].position)
            ),
        )
        for line, cell in most_surprising(cells)
    ]
    return Surprise(model.name, tuple(line.credit for line in lines), cells, tuple(places))


async def last_costs(
    room: Room, most: int, characters: int
) -> tuple[Reading, list[Line], list[Floats]]:
    """Return the model of a script, the last lines, and the bits of their characters.

    Args:
        room: the channel whose script runs.
        most: the most lines.
        characters: no more lines than have so many characters together, but at least one.

    Returns:
        The model, the lines, and for each what its characters but the first cost: float [n]. Costs
        that are not known, as after a change of the model, are computed again.
    """
    script = await room.script()
    reading = await room.reader.open(script.voice, script.style)
    lines = (await room.store.lines.load_last_lines(script.head, characters))[-most:]
    return reading, lines, [await room.reader.costs(reading, line) for line in lines]


def laid_out(model: Model, line: Line, costs: Floats) -> tuple[Cell, ...]:
    """Return a line as cells; ``costs`` [n] has the bits of all its tokens but the first.

    A character that is several tokens costs what they cost together.
    """
    written = unicodedata.normalize("NFC", format_for_model(line.text))
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
    """Return how many characters at the beginning of a model's line the request determined.

    They are the cue where the request says who speaks, that somebody does, or who may, and the
    beginning that makes a line a heading, such as “INT. ”, where the request is for a heading.
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
    """Return the places of the dearest characters, at most `PLACES`, in the script's order.

    Characters that a request determined are left out.
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
    """Return the characters that logits [V] make the likeliest."""
    odds = np.exp(logits.astype(np.float64) - logits.max())
    odds /= odds.sum()
    best = np.argsort(-odds, kind="stable")[:GUESSES]
    return tuple(Guess(model.vocabulary[one], float(odds[one])) for one in best)


def spoken(character: str) -> str:
    """Return a character as a sentence has it."""
    match character:
        case " ":
            return say("a space")
        case "\n":
            return say("the end of the line")
        case _:
            return say("“{character}”", character=character)


def in_words(found: Surprise) -> str:
    """Return the picture in words, for who cannot see it: at most 1,000 characters."""
    parts = [
        say_plural(
            "The last line surprised {voice} by {bits:.1f} bits per character.",
            "The last {number:,} lines surprised {voice} by {bits:.1f} bits per character.",
            len(found.lines),
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
                "After “{before}” came {character} ({bits:.1f} bits). Expected: {expected}.",
                before=" ".join(before.split()),
                character=spoken(cell.character),
                bits=cell.bits or 0,
                expected=expected,
            )
        )
    return plain(" ".join(parts), 1000)
