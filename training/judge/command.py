"""``python -m training judge``: a voice beside held-out text, in a table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from spellchecker import SpellChecker

from bot.model import Model
from bot.script import heading
from training.compare.table import line
from training.texts import Text, TextError, collect

from . import passages, written
from .heard import heard
from .measures import COPIED, GRAM, NEAR, Measures, Original, measure

HEADS = (
    *("", "passages", "real words", "valid Fountain", "loops", "copies", "longest copy"),
    *("known speaker", "speakers", "characters"),
)

_COSTS_LEGEND = (
    "Told from the script so far: who has spoken, as the bot mixes it in, and the n-grams of the "
    "whole script, which it does not."
)

FEW = 10
"""Passages by people; fewer say little."""


def judge(
    voice: Path,
    texts: Sequence[Path],
    temperatures: Sequence[float],
    changes: Mapping[str, Any],
    elements: int,
    seed: int,
) -> str:
    """A Markdown table: people's text, the voice at the shipped defaults and at the temperatures.

    ``changes`` are `Sampling` fields in place of the shipped ones. Raises TextError for texts that
    cannot be used and for a voice that cannot be opened.
    """
    split = collect(texts)
    number = -(-elements // passages.LENGTH)
    people = passages.of_people([*split.validation, *split.test], number)
    if not people:
        raise TextError(
            f"The held-out text has no passage of {passages.LENGTH} elements: give longer texts."
        )
    original = Original([text.content for text in split.train])
    dictionary = frozenset(SpellChecker(language="en").word_frequency.words())
    beginnings = [passage.beginning for passage in people]
    model = written.opened(voice)
    rows = [line(HEADS), line(["---", *("---:" for _ in HEADS[1:])])]
    rows.append(_row("people, held out", measure(people, original, dictionary)))
    shipped = written.shipped()
    shipped = replace(shipped, sampling=replace(shipped.sampling, **changes))
    for temperature in (None, *temperatures):
        sampling = shipped.sampling
        if temperature is not None:
            sampling = replace(sampling, temperature=temperature)
        manner = replace(shipped, sampling=sampling)
        found = written.passages(model, beginnings, manner, number, seed)
        name = f"{model.name}, temperature {sampling.temperature:g}"
        note = " (shipped)" if temperature is None and not changes else ""
        rows.append(_row(name + note, measure(found, original, dictionary)))
    costs = _costs(model, [*split.validation, *split.test], shipped.sampling.company)
    return "\n".join([*rows, "", _legend() + _warning(len(people), number), "", costs])


def samples(voice: Path, beginning: str, number: int, length: int) -> str:
    """Markdown: what a voice writes after a scene heading, for the seeds from 1 on.

    Nothing is chosen and nothing is mended: this is what comes first. Raises TextError for a
    voice that cannot be opened.
    """
    seeds = range(1, number + 1)
    shown = written.samples(
        written.opened(voice), heading(beginning), written.shipped(), seeds, length
    )
    return "\n\n".join(
        f"Seed {seed}:\n\n```\n{passage.fountain}\n```"
        for seed, passage in zip(seeds, shown, strict=True)
    )


def _costs(model: Model, texts: Sequence[Text], company: float) -> str:
    """A table of bits per character: by the network alone, and told of the script so far."""
    heads = ("", "bits, the network alone", "with who has spoken", "with its n-grams", "with both")
    lines = [line(heads), line(["---", *("---:" for _ in heads[1:])])]
    costs: list[tuple[float, ...]] = []
    for text in texts:
        costs.append(astuple(heard(model, text.content, company)))
        lines.append(line([text.name, *(f"{bits:.4f}" for bits in costs[-1])]))
    if len(costs) > 1:
        means = (statistics.mean(column) for column in zip(*costs, strict=True))
        lines.append(line([f"mean of {len(costs)} texts", *(f"{bits:.4f}" for bits in means)]))
    unread = sum(model.skipped(text.content) for text in texts)
    note = f" {unread:,} characters that the voice cannot read are left out." if unread else ""
    return "\n".join([*lines, "", _COSTS_LEGEND + note])


def _row(name: str, found: Measures) -> str:
    return line(
        [
            name,
            str(found.passages),
            *(f"{share:.1%}" for share in (found.words, found.valid, found.loops, found.copies)),
            str(found.longest_copy),
            f"{found.company:.1%}",
            f"{found.cues:.1f}",
            f"{found.length:.0f}",
        ]
    )


def _warning(people: int, wanted: int) -> str:
    """A sentence where the held-out text has too few passages."""
    if people >= min(FEW, wanted):
        return ""
    return (
        f" People have only {people} of {wanted}, so that their row is mostly chance: give longer "
        f"texts, or more of them."
    )


def _legend() -> str:
    return (
        f"Passages of {passages.LENGTH} elements; the voice's begin with people's first lines, in "
        f"turn. Real words: in the training text or a dictionary. Valid: without any constraint. "
        f"Loops: sequences of {GRAM} characters that stood in the {NEAR} before. Copies: elements "
        f"with more than {COPIED} characters of the training text in one piece. Known speaker: of "
        f"a scene's speeches after its first, by somebody who has spoken in it. Speakers: in a "
        f"passage. Characters: of an element."
    )
