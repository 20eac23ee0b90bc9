"""Show what a style changes: lines from the same place with and without its opening."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bot.arrays import States
from bot.generation import generator, prefill
from bot.generation.inputs import GenerationContext, PrimedModel, prime_model
from bot.inference.engine import Engine
from bot.inference.model import Model
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import classify, format_for_model, split_fountain
from bot.screenplay.free_text import make_heading

from .reader import Pair, Reader
from .writing import make_options

PLACES = (None, make_heading("int. kitchen - day"), make_heading("ext. road - night"))
"""The beginnings: an empty script, and headings that have no tone."""

SCENE = (
    "INT. KITCHEN - DAY",
    "ANNA\nYou said that you would be here at four.",
    "PAUL\nI was here at four. Nobody opened the door.",
    "She puts the cup down, and goes over to the window.",
    "ANNA\nAnd what did you do then?",
    "PAUL\nI walked as far as the river, and came back.",
)
"""A scene without a tone, which shows how long a voice remembers an opening."""

STRETCHES = (0, 20, 60, 140, 260)
"""The stretches of that scene, in characters."""

Bits = NDArray[np.float64]

STRIDE = 1_000
"""The distance from the seed of a passage's line to the seed of the next line."""


@dataclass(frozen=True)
class Passage:
    """Some lines that a voice wrote below a place."""

    place: int
    lines: tuple[Element, ...]

    @property
    def text(self) -> str:
        """Return the lines as Fountain."""
        return "".join(f"{line.text}\n\n" for line in self.lines)


def remembered(model: Model, starts: Sequence[States]) -> tuple[Bits, Bits]:
    """Return the effect of openings in each stretch of the scene, against none and their mean.

    starts: the states after nothing, and after each of the openings -> bits a character, float64
    [openings, stretches], twice.
    """
    states = np.stack(starts)
    against_none, against_mean = [], []
    for token in model.encode("".join(map(format_for_model, SCENE))):
        logits, states = model.step(np.full(len(states), token), states)
        odds = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        against_none.append(_divergence(odds[1:], odds[0]))
        against_mean.append(_divergence(odds[1:], odds[1:].mean(axis=0)))
    return _by_stretch(against_none), _by_stretch(against_mean)


def _divergence(odds: Bits, other: Bits) -> Bits:
    """Return the Kullback-Leibler divergence of each row [n, V] from another [V], in bits: [n]."""
    return np.sum(odds * np.log2(odds / other), axis=1)


def _by_stretch(bits: Sequence[Bits]) -> Bits:
    return np.stack([np.mean(bits[a:b], axis=0) for a, b in pairwise(STRETCHES)], axis=1)


async def passages(reading: PrimedModel, seeds: int, lines: int) -> list[Passage]:
    """Return a voice's lines below each place at the shipped defaults, for so many seeds."""
    return await asyncio.gather(
        *(
            _passage(reading, place, seed, lines)
            for place in range(len(PLACES))
            for seed in range(seeds)
        )
    )


async def _passage(reading: PrimedModel, place: int, seed: int, count: int) -> Passage:
    at = GenerationContext(reading, reading.start)
    beginning = PLACES[place]
    if beginning:
        read = await prefill.read_text(reading, at.state, beginning.text)
        at = at.append(beginning.text, read.state)
    lines: list[Element] = []
    for number in range(count):
        found = await generator.write_element(at, make_options(seed + number * STRIDE))
        if found:
            lines.append(found.element)
            at = at.append(found.element.text, found.state)
    return Passage(place, tuple(lines))


def leaks(text: str, written: Sequence[Passage]) -> int:
    """Return how many lines a character of an opening speaks."""
    spoken = (block for block in split_fountain(text) if classify(block) is Kind.DIALOGUE)
    names = {Element(Kind.DIALOGUE, block).cue for block in spoken}
    return sum(line.cue in names for passage in written for line in passage.lines)


def copied(text: str, written: Sequence[Passage]) -> int:
    """Return the characters of the longest passage that an opening and some line share."""
    pairs = (
        SequenceMatcher(None, text, line.text, autojunk=False)
        for passage in written
        for line in passage.lines
    )
    return max((pair.find_longest_match().size for pair in pairs), default=0)


def saved(reader: Reader, text: str, written: Sequence[Passage]) -> float:
    """Return the bits a character by which an opening makes passages cheaper for the reader."""
    texts = [passage.text for passage in written if passage.lines]
    with_it = reader.all([Pair(f"{text}\n\n", passage) for passage in texts])
    alone = reader.all([Pair("", passage) for passage in texts])
    return (sum(alone) - sum(with_it)) / sum(map(len, texts))


async def report(model: Model, reader: Reader | None, seeds: int, lines: int) -> list[str]:
    """Return the lines of the report on all styles of a voice."""
    engine = Engine(model)
    try:
        styles = (None, *model.openings)
        none, *readings = [await prime_model(engine, style, None) for style in styles]
        memory = remembered(model, [reading.start for reading in (none, *readings)])
        plain = await passages(none, seeds, lines)
        told = [HEAD, *_shown("no style", plain)]
        openings = model.openings.items()
        for (style, text), reading, *bits in zip(openings, readings, *memory, strict=True):
            styled = await passages(reading, seeds, lines)
            told += [_row(style, text, bits, plain, styled, reader), *_shown(style, styled)]
        return told
    finally:
        await asyncio.to_thread(engine.close)


HEAD = (
    f"{'style':16}{'changed, bits up to ' + str(STRETCHES[1:]):38}{'own':30}"
    f"{'saved':>8}{'without':>9}{'leaks':>7}{'copied':>8}"
)


def _row(
    style: str,
    text: str,
    bits: Sequence[Bits],
    plain: Sequence[Passage],
    styled: Sequence[Passage],
    reader: Reader | None,
) -> str:
    changed, own = ("  ".join(f"{value:.4f}" for value in row) for row in bits)
    costs = [saved(reader, text, passages) if reader else np.nan for passages in (styled, plain)]
    return (
        f"{style:16}{changed:38}{own:30}{costs[0]:8.3f}{costs[1]:9.3f}"
        f"{leaks(text, styled):7}{copied(text, styled):8}"
    )


def _shown(style: str, written: Sequence[Passage]) -> Iterator[str]:
    """Yield the first passage below each place, unedited."""
    for place in range(len(PLACES)):
        first = next(passage for passage in written if passage.place == place)
        yield f"    {style}, {place}: {' / '.join(' ~ '.join(line.shown) for line in first.lines)}"
