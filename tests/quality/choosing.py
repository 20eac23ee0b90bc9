"""Compare rules that choose one of many candidates for a line.

    python -m tests.quality.choosing VOICE CORPUS

CORPUS is a folder that `onbook-train corpus` made. At places in its held-out scripts where
somebody speaks, the voice writes the same candidates once, and each rule keeps one of them. The
table has a row for each rule beside people's own lines: the reader's bits a character, what of
these the scene saves (relevance), characters, the share of lines that are distinct, the share of
the last two lines' content words that are taken up, and the shares of lines that ask, and that
come again.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import tyro
from tyro.conf import DisallowNone, Positional, PositionalMetavarFromFieldName

from bot.generation.candidates import write_candidates
from bot.generation.inputs import GenerationContext, GenerationOptions
from bot.generation.openings import PrimedModel
from bot.generation.options import resolve_options
from bot.generation.reranking import (
    DEFAULT_WEIGHTS,
    Candidate,
    Weights,
    choose_candidate,
    split_words,
)
from bot.inference.engine import Engine
from bot.inference.lexicon import RECALL_LINES
from bot.inference.model import Model
from bot.inference.processors.repetition import REACH
from bot.inference.sampling import Sampling
from bot.screenplay.elements import Element
from bot.screenplay.fountain import format_for_model
from bot.settings import Settings
from tests.voice_option import VoiceFile

from .measures import English, distinct
from .places import Place, held_out, learned
from .places import choose as choose_places
from .reader import Reader, ReaderMissing

STRIDE = 1_000
"""From a place's seed to the next one's."""

STOCK_LENGTH = 18
"""Least characters of a line in the rules that choose by the voice's cost alone."""

Rule = Callable[[Sequence[Candidate], Sequence[str]], Candidate]
"""Keep one of the candidates, given the texts of the script's lines."""


def rules() -> dict[str, Rule]:
    """Return the rules by their names."""
    found: dict[str, Rule] = {
        "the first candidate": lambda candidates, _: candidates[0],
        "least bits a character": _least(0.0),
        "the same minus 0.4 of what it costs alone": _least(0.4),
        "the same minus 0.8": _least(0.8),
        "shipped": lambda candidates, said: choose_candidate(candidates, said),
    }
    for name in (
        "unevenness",
        "scene_gain",
        "length_deviation",
        "stock_phrase",
        "question_mismatch",
        "recalled_word",
        "worn_word",
        "copied",
    ):
        found[f"without {name.replace('_', ' ')}"] = _weighed(
            replace(DEFAULT_WEIGHTS, **{name: 0.0})
        )
    for weight in (0.15, 0.3):
        found[f"recalled word {weight}"] = _weighed(replace(DEFAULT_WEIGHTS, recalled_word=weight))
    return found


def _least(share: float) -> Rule:
    def keep(candidates: Sequence[Candidate], _: Sequence[str]) -> Candidate:
        long = [take for take in candidates if take.size >= STOCK_LENGTH] or candidates
        return min(
            long,
            key=lambda candidate: (
                (candidate.bits - share * (candidate.bits_without_scene or 0.0)) / candidate.size
            ),
        )

    return keep


def _weighed(weights: Weights) -> Rule:
    return lambda candidates, said: choose_candidate(candidates, said, weights=weights)


async def written(
    model: Model, chosen: Sequence[Place], settings: Settings, count: int, seed: int
) -> list[list[Candidate]]:
    """Return the candidates at each place, each with its cost without a context."""
    engine = Engine(model)
    primed = PrimedModel(engine, "", model.start())
    options = resolve_options({}, {}, settings)
    del options["quality"]
    sampling = Sampling.of(0, options)
    found = []
    try:
        for number, place in enumerate(chosen):
            texts = tuple(element.text for element in place.before)
            read = model.encode("".join(map(format_for_model, texts)))
            state = (await primed.read(primed.start, read)).state
            manner = GenerationOptions(
                replace(sampling, seed=seed + number * STRIDE),
                settings.line_length,
                character=place.character,
                candidates=count,
            )
            heard = tuple((text, True) for text in texts[-RECALL_LINES:])
            at = GenerationContext(primed, state, read[-REACH:], texts, heard)
            found.append(await write_candidates(at, manner, shortlist_size=count))
    finally:
        await asyncio.to_thread(engine.close)
    return found


def row(
    reader: Reader, english: English, chosen: Sequence[Place], lines: Sequence[Element]
) -> list[str]:
    """Return the cells of a table for a line at each place."""
    both = list(zip(chosen, lines, strict=True))
    scene = reader.all([(place.scene + place.cue, f"{line.body}\n") for place, line in both])
    alone = reader.all([(place.cue, f"{line.body}\n") for place, line in both])
    size = sum(len(line.body) + 1 for line in lines)
    taken = [
        english.taken_up("\n".join(element.body for element in place.said), line.body)
        for place, line in both
    ]
    repeating = sum(
        split_words(line.text) in {split_words(element.text) for element in place.before}
        for place, line in both
    )
    return [
        f"{sum(scene) / size:.3f}",
        f"{(sum(alone) - sum(scene)) / size:.3f}",
        f"{size / len(lines) - 1:.0f}",
        f"{distinct(lines):.0%}",
        f"{sum(up for up, _ in taken) / max(1, sum(said for _, said in taken)):.1%}",
        f"{sum('?' in line.body for line in lines) / len(lines):.0%}",
        f"{repeating / len(lines):.0%}",
    ]


def main(
    voice: Positional[VoiceFile],
    corpus: Positional[Path],
    *,
    places: int = 60,
    candidates: int = 64,
    temperature: float | None = None,
    length: int | None = None,
    show: int = 0,
    seed: int = 1,
) -> int:
    """Print the table, and lines in context if the options ask for them.

    Args:
        voice: A voice file (.onnx).
        corpus: The folder of the corpus that its texts came from.
        places: The number of places.
        candidates: The number of candidates at each place.
        temperature: The temperature, instead of the shipped one.
        length: The soft length, instead of the shipped one.
        show: The number of lines to print in context.
        seed: The seed of the places and lines.
    """
    try:
        reader = Reader.load()
    except ReaderMissing as error:
        print(error, file=sys.stderr)
        return 1
    changes = {"temperature": temperature, "soft_length": length}
    settings = Settings(**{name: value for name, value in changes.items() if value is not None})
    english = English(text.content for text in learned(corpus))
    chosen = choose_places(held_out(corpus), places, seed)
    model = Model.load(voice)
    pools = asyncio.run(written(model, chosen, settings, candidates, seed))
    kept = {"people": [place.people for place in chosen]}
    for name, rule in rules().items():
        kept[name] = [
            rule(pool, [element.text for element in place.before]).draft.element
            for place, pool in zip(chosen, pools, strict=True)
        ]
    print("| rule | bits | relevance | characters | distinct | taken up | ask | again |")
    print("|---|---|---|---|---|---|---|---|")
    for name, lines in kept.items():
        print(f"| {' | '.join((name, *row(reader, english, chosen, lines)))} |", flush=True)
    for place, line in list(zip(chosen, kept["shipped"], strict=True))[:show]:
        print(f"\n{place.before[-2].text}\n\n{place.before[-1].text}\n\n=> {line.text}")
    return 0


if __name__ == "__main__":
    sys.exit(
        tyro.cli(
            main,
            prog="python -m tests.quality.choosing",
            description=__doc__,
            config=(DisallowNone, PositionalMetavarFromFieldName),
        )
    )
