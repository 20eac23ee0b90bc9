"""Measure the surprisal of each character of the last lines, and what the model expected."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..arrays import Floats, Logits
from ..generation.inputs import PrimedModel
from ..inference.model import Model
from ..screenplay.elements import Element, Kind
from ..storage.schema import Line
from .channel_session import ChannelSession
from .preferences import STYLE

MAX_REPORT_CHARACTERS = 600
"""The maximum number of characters in a picture: as many as a phone shows at a readable size."""

MAX_PEAKS, MAX_GUESSES = 3, 5
"""The number of most surprising places, and of guesses at each."""

MIN_DISTANCE = 6
"""The minimum distance between two places in characters, so that one word surprises once."""


@dataclass(frozen=True)
class Cell:
    """One character of a line as its writer wrote it; the newline after the line is its end."""

    character: str
    bits: float | None
    """The cost in bits; None for a character that the model cannot read."""
    position: int
    """The index of its first token in the line."""
    is_free: bool = True
    """Whether the writer chose the character; what a request asked for surprises nobody."""


@dataclass(frozen=True)
class Guess:
    """A character that the model expected."""

    character: str
    probability: float


@dataclass(frozen=True)
class Peak:
    """A peak of surprisal: a cell of a line, and the model's guesses there."""

    line: int
    cell: int
    guesses: tuple[Guess, ...]
    """The guesses, the likeliest first."""


@dataclass(frozen=True)
class SurprisalReport:
    """The last lines, cell by cell, and the peaks of surprisal, in the script's order."""

    model: str
    credits: tuple[str, ...]
    """The name of each line's writer."""
    lines: tuple[tuple[Cell, ...], ...]
    peaks: tuple[Peak, ...]

    @property
    def average(self) -> float:
        """Return the mean number of bits per character."""
        bits = [cell.bits for line in self.lines for cell in line if cell.bits is not None]
        return sum(bits) / max(len(bits), 1)

    def at(self, peak: Peak) -> Cell:
        return self.lines[peak.line][peak.cell]


async def measure_surprisal(session: ChannelSession, max_lines: int) -> SurprisalReport:
    """Measure the surprisal of the last lines; raise NoScript and what `Engine.run` raises."""
    primed, lines, costs = await load_last_surprisal(session, max_lines, MAX_REPORT_CHARACTERS)
    model = primed.model
    cells = tuple(make_cells(model, line, bits) for line, bits in zip(lines, costs, strict=True))
    peaks: list[Peak] = []
    for line, cell in find_peaks(cells):
        position = cells[line][cell].position
        logits = await session.reader.predict_logits(primed, lines[line], position)
        peaks.append(Peak(line, cell, predict_characters(model, logits)))
    return SurprisalReport(model.name, tuple(line.writer for line in lines), cells, tuple(peaks))


async def load_last_surprisal(
    session: ChannelSession, max_lines: int, characters: int
) -> tuple[PrimedModel, list[Line], list[Floats]]:
    """Return the model of a script, the last lines, and the bits of their characters.

    The lines have at most this many ``characters`` together, but there is at least one line. The
    bits are those of all characters but the first: float [n]. Costs that are not known, as after a
    change of model, are computed again.
    """
    script = await session.library.load_latest()
    primed = await session.reader.open_model(script.model, STYLE.of(script))
    lines = (await session.store.lines.load_last_lines(script.head, characters))[-max_lines:]
    return primed, lines, [await session.reader.load_surprisal(primed, line) for line in lines]


def make_cells(model: Model, line: Line, costs: Floats) -> tuple[Cell, ...]:
    """Return a line as cells; ``costs`` [n] has the bits of all its tokens but the first.

    A character that is several tokens costs what they cost together. Forcing marks and escapes are
    left out, because readers see them nowhere else.
    """
    text = unicodedata.normalize("NFC", line.text)
    written, marks = f"\n{text}\n", Element(Kind(line.kind), text).find_marks()
    widths = [len(model.encode(character)) for character in written]
    ends = np.cumsum([0, *widths])
    bits = np.concatenate([[0.0], np.asarray(costs, np.float64)])
    given = _count_given_characters(line)
    return tuple(
        Cell(
            character, float(bits[begin:end].sum()) if end > begin else None, int(begin), n > given
        )
        for n, (character, (begin, end)) in enumerate(zip(written, pairwise(ends), strict=True))
        if n > 0 and n - 1 not in marks
    )


def _count_given_characters(line: Line) -> int:
    """Return how many characters at the beginning of a model's line the request determined.

    They are the cue if the request says who speaks, that somebody does, or who may, and the
    beginning that makes a line a heading, such as “INT. ”, if the request is for a heading.
    """
    if line.author is not None:
        return 0
    kind, requested_kind = Kind(line.kind), line.origin.get("kind")
    if kind is Kind.DIALOGUE and (
        requested_kind or line.origin.get("character") or line.origin.get("cast")
    ):
        return line.text.index("\n") + 1
    if kind is Kind.HEADING and requested_kind:
        return 1 if line.text.startswith(".") else line.text.find(" ") + 1
    return 0


def find_peaks(lines: Sequence[Sequence[Cell]]) -> list[tuple[int, int]]:
    """Return the places of the costliest characters, at most `MAX_PEAKS`, in the script's order.

    Characters that a request determined are left out.
    """
    by_bits = sorted(
        (
            (cell.bits, index, n)
            for index, line in enumerate(lines)
            for n, cell in enumerate(line)
            if cell.bits and cell.is_free
        ),
        key=lambda entry: -entry[0],
    )
    chosen: list[tuple[int, int]] = []
    for _, line, cell in by_bits:
        if all(line != other or abs(cell - n) >= MIN_DISTANCE for other, n in chosen):
            chosen.append((line, cell))
        if len(chosen) == MAX_PEAKS:
            break
    return sorted(chosen)


def predict_characters(model: Model, logits: Logits) -> tuple[Guess, ...]:
    """Return the characters that logits [V] make likeliest."""
    odds = np.exp(logits.astype(np.float64) - logits.max())
    odds /= odds.sum()
    best = np.argsort(-odds, kind="stable")[:MAX_GUESSES]
    return tuple(Guess(model.vocabulary[token], float(odds[token])) for token in best)
