"""Check that a voice keeps to the requested kind of element and to banned words.

    python -m tests.soak.obedience --lines 10000

The shipped voice, and one with random weights, write elements of each kind in the middle of a
script, at temperatures from 0.5 to 1.5; an independent Fountain parser judges them. Then both write
while the 200 most common words of a text are banned. The program prints how many lines break the
rules, which must be none.
"""

from __future__ import annotations

import asyncio
import io
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from screenplain.parsers import fountain
from screenplain.types import Action, Dialog, Slug

from bot.inference.engine import Engine
from bot.inference.grammar import build_grammar
from bot.inference.model import Model
from bot.inference.request import Request
from bot.inference.sampling import Sampling
from bot.inference.word_filter import build_word_filter, find_banned_word
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import parse_model_text
from export import graph
from tests.voice_option import STAGE, VoiceFile
from training.model.folding import FoldedNetwork
from training.model.memory import MemoryShape
from training.model.network import CharLSTM, Shape
from training.voice_file import Voice, serialise

BEFORE = ".A ROOM IN THE CASTLE\n\nEnter MAYA and JONAS\n\nMAYA\nWho is there, at this hour?\n\n"

PARAGRAPHS_BEFORE = 3

AFTER = "\n\nJONAS\nNobody, and nothing.\n"

TYPES = {Kind.HEADING: Slug, Kind.ACTION: Action, Kind.DIALOGUE: Dialog}

COMMONEST = 200

LIMIT = 200


@dataclass(frozen=True)
class Obedience:
    """The number of lines, how many break the rules, and the first of these."""

    lines: int
    wrong: int
    empty: int = 0
    example: str = ""


async def write_kinds(model: Model, lines: int, seed: int = 1) -> dict[Kind, Obedience]:
    """Write a number of elements of each kind with a voice, and judge them."""
    found: dict[Kind, Obedience] = {}
    for kind, theirs in TYPES.items():
        automaton = build_grammar(model.vocabulary, kind)
        texts = await _written(model, lines, seed, automaton=automaton)
        wrong = [text for text in texts if not _is(kind, theirs, text)]
        found[kind] = Obedience(lines, len(wrong), example="".join(wrong[:1]))
    return found


async def write_without(model: Model, words: Sequence[str], lines: int, seed: int = 1) -> Obedience:
    """Write a number of elements with a voice while these words are banned, and judge them."""
    banned = build_word_filter(model.vocabulary, words)
    texts = await _written(model, lines, seed, banned=banned, bars_words=True)
    wrong = [text for text in texts if find_banned_word(text, words)]
    empty = sum(not text.strip() for text in texts)
    return Obedience(lines, len(wrong), empty, "".join(wrong[:1]))


def find_common_words(text: str) -> list[str]:
    """Return the most common words of a text."""
    words = Counter(re.findall(r"[a-z]+", text.lower()))
    return [word for word, _ in words.most_common(COMMONEST)]


def random_voice(path: Path, like: Model) -> Model:
    """Make a voice with the characters of another one and random weights."""
    torch.manual_seed(1)
    shape = Shape(
        len(like.vocabulary), embedding=16, lower=32, upper=64, memory=MemoryShape(60, 4, 6)
    )
    model = CharLSTM(shape).eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn_like(weights) * 0.3)
    metadata = {key: like.about[key] for key in ("onbook.vocabulary", "onbook.fold")}
    Voice(serialise(graph.build(FoldedNetwork.of(model), 8)), metadata).write(path)
    return Model.load(path)


async def _written(model: Model, lines: int, seed: int, **asked: object) -> list[str]:
    """Write elements in the middle of a script, at temperatures from 0.5 to 1.5."""
    engine = Engine(model)
    context = model.encode("\n" + BEFORE)
    state = (await engine.run(Request(model.start(), context[:-1]))).state
    chance = random.Random(seed)
    requests = [
        Request(
            state,
            context[-1:],
            Sampling(chance.randrange(2**31), chance.uniform(0.5, 1.5), top_p=1.0),
            LIMIT,
            context,
            **asked,  # type: ignore[arg-type]  # the two callers above pass valid keywords
        )
        for _ in range(lines)
    ]
    replies = await asyncio.gather(*map(engine.run, requests))
    await asyncio.to_thread(engine.close)
    return [model.decode(reply.written) for reply in replies]


def _is(kind: Kind, theirs: type, text: str) -> bool:
    """Return whether both parsers read a text as one element of a kind."""
    text = text.strip("\n")
    ours = parse_model_text(text)
    if ours is None or ours.kind is not kind or ours.text != text:
        return False
    *before, found, _ = fountain.parse(io.StringIO(BEFORE + text + AFTER)).paragraphs
    return len(before) == PARAGRAPHS_BEFORE and isinstance(found, theirs)


def _print(what: str, found: Obedience) -> bool:
    empty = f", {found.empty} empty" if found.empty else ""
    print(f"{what:44} {found.lines:8,} lines, {found.wrong} wrong{empty} {found.example!r}")
    return not (found.wrong or found.empty)


def main(
    lines: int = 10_000,
    voice: VoiceFile = STAGE,
    text: Path = Path("data/plays/train/hamlet.fountain"),
) -> int:
    """Print how many lines broke the rules; return the exit code: 1 if any did.

    Args:
        lines: The number of lines of each kind.
        voice: The voice file.
        text: The most common words of this file are banned.
    """
    if not text.exists():
        print(f"There is no text {text}. Run make texts, or name one with --text.", file=sys.stderr)
        return 1
    words = find_common_words(text.read_text(encoding="utf-8"))
    shipped = Model.load(voice)
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        for model in (shipped, random_voice(Path(folder) / "random.onnx", shipped)):
            for kind, found in asyncio.run(write_kinds(model, lines)).items():
                fine &= _print(f"{model.name}: {kind}", found)
            found = asyncio.run(write_without(model, words, lines))
            fine &= _print(f"{model.name}: without {len(words)} words", found)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m tests.soak.obedience", description=__doc__))
