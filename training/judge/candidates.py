"""``python -m training candidates``: what it is worth to choose a line from several, in a table.

People's scripts are gone on with at places in them, once for each quality. How the lines read is
judged by others than the voice: by counts (Kneser-Ney) of the texts that it was trained on, and,
where one is given, by another voice.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from spellchecker import SpellChecker

from bot import compose
from bot.compose import Manner, Standing
from bot.engine import Engine
from bot.model import Model
from bot.quality import CANDIDATES, best, seeds
from bot.script import Element, as_read, from_voice
from bot.tables import Draft
from training.compare.table import line
from training.kneser_ney import KneserNey
from training.texts import TextError, collect

from .measures import Original, real_words, repeated, share
from .written import after, opened, shipped

BEFORE = 20
"""Elements that are read before a line."""

LONGEST = 6
"""Characters from which the counts predict the next."""

TIMED = 20
"""Lines of each quality of which the time is taken, one after the other in turn."""

HEADS = ("", "bits by counts", "real words", "loops", "known speaker", "characters", "ms a line")


@dataclass(frozen=True)
class Place:
    """A place in somebody's script, what they wrote there, and the candidates of a voice."""

    before: Sequence[Element]
    people: Element
    drafts: Sequence[Draft]

    def of(self, quality: str) -> Element:
        """What the bot would write."""
        return best(self.drafts[: CANDIDATES[quality]]).element


def candidates(
    voice: Path, texts: Sequence[Path], number: int, pairs: int, seed: int, reader: Path | None
) -> str:
    """A Markdown table, and as many drafts beside the best of their candidates as are wished.

    ``reader``: another voice that judges the lines as well. Raises TextError, also for a
    voice that cannot be opened.
    """
    split = collect(texts)
    held_out = [_elements(text.content) for text in (*split.validation, *split.test)]
    enough = [script for script in held_out if len(script) > BEFORE]
    if not enough:
        raise TextError(
            f"No held-out text has over {BEFORE} elements: give longer texts, or more of them."
        )
    chance = random.Random(seed)
    cuts = []
    for _ in range(number):
        script = chance.choice(enough)
        at = chance.randrange(BEFORE, len(script))
        cuts.append((script[at - BEFORE : at], script[at]))
    model = opened(voice)
    places, spent = asyncio.run(_written(model, cuts, shipped(), seed))
    counts = _Counts(model, [text.content for text in split.train])
    original = Original([text.content for text in split.train])
    dictionary = frozenset(SpellChecker(language="en").word_frequency.words())
    others = asyncio.run(_judged(opened(reader), places)) if reader else {}
    heads = [*HEADS, *([f"bits by {reader.stem}"] if reader else [])]
    rows = [line(heads), line(["---", *("---:" for _ in heads[1:])])]
    for name in ("people", *CANDIDATES):
        lines = [place.people if name == "people" else place.of(name) for place in places]
        cells = _measured(places, lines, counts, original, dictionary)
        rows.append(line([name, *cells, spent.get(name, ""), *others.get(name, [])]))
    return "\n".join([*rows, *_pairs(places, pairs)])


def _elements(text: str) -> list[Element]:
    return [element for block in text.split("\n\n") if (element := from_voice(block))]


async def _written(
    model: Model, cuts: Sequence[tuple[list[Element], Element]], manner: Manner, seed: int
) -> tuple[list[Place], dict[str, str]]:
    """The candidates at each place, and how long a line of each quality takes."""
    engine = Engine(model, queue=max(CANDIDATES.values()))
    most = max(CANDIDATES.values())
    places: list[Place] = []
    took: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    try:
        for number, (before, people) in enumerate(cuts):
            at = await _standing(engine, before)
            if number < TIMED:
                for name, count in CANDIDATES.items():
                    began = time.perf_counter()
                    await _drafts(engine, at, manner, seed + number, count)
                    took[name].append(time.perf_counter() - began)
            drafts = await _drafts(engine, at, manner, seed + number, most)
            places += [Place(before, people, drafts)] if len(drafts) == most else []
    finally:
        await asyncio.to_thread(engine.close)
    return places, {name: f"{1000 * statistics.median(all_):.0f}" for name, all_ in took.items()}


async def _standing(engine: Engine, before: Sequence[Element]) -> Standing:
    at = Standing(engine.model.start(), engine.model.encode(""))
    for element in before:
        at = await after(engine, at, element)
    return at


async def _drafts(
    engine: Engine, at: Standing, manner: Manner, seed: int, count: int
) -> list[Draft]:
    sampled = [replace(manner.sampling, seed=own) for own in seeds(seed, count)]
    found = await asyncio.gather(
        *(compose.write(engine, at, replace(manner, sampling=one), None) for one in sampled)
    )
    return [draft for draft in found if draft is not None]


async def _judged(model: Model, places: Sequence[Place]) -> dict[str, list[str]]:
    """Bits per character of people's lines and each quality's, by another voice."""
    engine = Engine(model)
    bits: dict[str, list[float]] = {name: [] for name in ("people", *CANDIDATES)}
    try:
        for place in places:
            state = (await _standing(engine, place.before)).state
            for name, costs in bits.items():
                element = place.people if name == "people" else place.of(name)
                costs += (await compose.costs(engine, state, element, None)).tolist()
    finally:
        await asyncio.to_thread(engine.close)
    return {name: [f"{statistics.mean(costs):.3f}"] for name, costs in bits.items()}


class _Counts:
    """What texts say of the next character, by counting."""

    def __init__(self, model: Model, texts: Sequence[str]) -> None:
        self.model = model
        self.counts = KneserNey(
            [model.encode(text) for text in texts], len(model.vocabulary), LONGEST
        )

    def bits(self, before: Element, element: Element) -> list[float]:
        """What each character of an element costs after another one."""
        read = self.model.encode(as_read(before.text))[-LONGEST:]
        text = self.model.encode(as_read(element.text))
        both = np.concatenate([read, text])
        told = self.counts.probabilities(both)[len(read) - 1 : -1]
        costs: list[float] = (-np.log2(told[np.arange(len(text)), text])).tolist()
        return costs


def _measured(
    places: Sequence[Place],
    lines: Sequence[Element],
    counts: _Counts,
    original: Original,
    dictionary: Container[str],
) -> list[str]:
    written = list(zip(places, lines, strict=True))
    bits = [cost for place, element in written for cost in counts.bits(place.before[-1], element)]
    shares = (
        real_words((element.body for element in lines), original, dictionary),
        share(
            again
            for place, element in written
            for again in repeated(f"{place.before[-1].body}\n{element.body}")
        ),
        share(
            element.cue in {one.cue for one in place.before}
            for place, element in written
            if element.cue
        ),
    )
    length = statistics.mean(len(element.text) for element in lines)
    return [f"{statistics.mean(bits):.3f}", *(f"{one:.1%}" for one in shares), f"{length:.0f}"]


def _pairs(places: Sequence[Place], number: int) -> list[str]:
    """Drafts beside the best of their candidates, where it is another one; nothing is left out."""
    unlike = [place for place in places if place.of("draft") != place.of("best")]
    return [
        f"\nAfter:\n\n```\n{place.before[-1].text}\n```\n\ndraft:\n\n```\n{place.of('draft').text}\n"
        f"```\n\nbest:\n\n```\n{place.of('best').text}\n```"
        for place in unlike[:number]
    ]
