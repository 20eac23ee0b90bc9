"""Passages by a voice, written by the bot's own engine, as people in a channel would get them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bot import compose
from bot.compose import Manner, Standing
from bot.engine import Engine, Request
from bot.model import Model, ModelError
from bot.quality import STRIDE
from bot.sampling import Sampling
from bot.script import Element, from_voice
from bot.settings import Settings
from training.texts import TextError

from .passages import LENGTH, Passage

SEEDS = 1_000
"""Seeds that a passage may need."""


def opened(voice: Path) -> Model:
    """A voice; raises TextError for a file that cannot be opened."""
    try:
        return Model.load(voice)
    except ModelError as error:
        raise TextError(str(error)) from error


def shipped() -> Manner:
    """As the bot writes when nobody has changed anything."""
    defaults = Settings.model_construct()
    sampling = Sampling(
        0,
        defaults.temperature,
        defaults.top_p,
        defaults.min_p,
        defaults.repetition,
        defaults.soft_length,
        defaults.company,
    )
    return Manner(sampling, defaults.line_length)


def passages(
    model: Model, beginnings: Sequence[Element], manner: Manner, number: int, seed: int
) -> list[Passage]:
    """So many passages after the beginnings, which are taken in turn; they are written at once."""
    begun = [
        (beginnings[i % len(beginnings)], range(first, first + SEEDS))
        for i, first in enumerate(range(seed, seed + number * SEEDS, SEEDS))
    ]
    return asyncio.run(_all(model, begun, manner, LENGTH))


def samples(
    model: Model, beginning: Element, manner: Manner, seeds: Sequence[int], length: int
) -> list[Passage]:
    """For each seed what a voice writes after a beginning, so many elements.

    A seed is that of the first; the next ones follow from it alone, in strides that lead past the
    seeds of all others, which must be below `STRIDE`.
    """
    begun = [(beginning, range(seed, seed + SEEDS * STRIDE, STRIDE)) for seed in seeds]
    return asyncio.run(_all(model, begun, manner, length))


async def _all(
    model: Model, begun: Sequence[tuple[Element, Sequence[int]]], manner: Manner, length: int
) -> list[Passage]:
    engine = Engine(model, queue=len(begun))
    try:
        return await asyncio.gather(
            *(_passage(engine, beginning, manner, seeds, length) for beginning, seeds in begun)
        )
    finally:
        await asyncio.to_thread(engine.close)


async def _passage(
    engine: Engine, beginning: Element, manner: Manner, seeds: Sequence[int], length: int
) -> Passage:
    at = await after(engine, Standing(engine.model.start(), engine.model.encode("")), beginning)
    elements: list[Element] = []
    valid = 0
    for own_seed in seeds:
        sampling = replace(manner.sampling, seed=own_seed)
        text = await _text(engine, at, sampling, manner.limit)
        element = from_voice(text)
        if element is None:
            continue  # it had nothing to say
        valid += element.text == text
        elements.append(element)
        if len(elements) == length:
            break
        at = await after(engine, at, element)
    return Passage(beginning, tuple(elements), valid)


async def _text(engine: Engine, at: Standing, sampling: Sampling, limit: int) -> str:
    """What the voice writes, with nothing that guides it, but for how it is drawn."""
    model = engine.model
    request = Request(at.state, model.encode("\n"), sampling, limit, at.recent)
    return model.decode((await engine.run(request)).written).removesuffix("\n\n")


async def after(engine: Engine, at: Standing, element: Element) -> Standing:
    """Where a script stands once an element of somebody's has been read."""
    draft = await compose.read(engine, at.state, element, author=0, name="", owner=None)
    return at.after(engine.model, draft)
