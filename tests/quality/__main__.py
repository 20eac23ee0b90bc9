"""Measure how a voice reads, beside people in the same places.

    python -m tests.quality VOICE CORPUS

CORPUS is a folder that `python -m training corpus` made. The voice continues scripts of its
`validation` and `test` folders at the shipped defaults, and an independent reader judges the lines
of the voice and of people. The other commands:

    python -m tests.quality sheet VOICE CORPUS -o FILE.md   lines to mark from 1 to 5
    python -m tests.quality pairs VOICE CORPUS -o FILE.md   pairs to tell apart
    python -m tests.quality score FILE.md ...               the means of marks or answers
    python -m tests.quality samples VOICE                   unedited samples
    python -m tests.quality costs VOICE CORPUS ...          bits per character of held-out texts
    python -m tests.quality turns VOICE                     who speaks in free runs
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from bot.errors import ModelError
from bot.inference.model import Model
from bot.screenplay.elements import Element
from bot.settings import Settings, name_variable
from training.errors import TextError
from training.experiments.counted import Ppmd

from . import heard, judging, places, report, sheets, turn_taking, writing
from .places import Place
from .reader import Reader, ReaderMissing
from .writing import Setting, Written

TEMPERATURES = (0.5, 0.75, 1.0, 1.3)
"""The temperatures of a sweep, beside the shipped one."""

EVERY = 2
"""A passage is also written at every second place."""

COMMANDS = ("judge", "sheet", "pairs", "score", "samples", "costs", "turns")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] not in (*COMMANDS, "-h", "--help"):
        given = ["judge", *given]
    options = parser().parse_args(given)
    try:
        code: int = options.run(options)
    except (TextError, ReaderMissing) as error:
        print(error, file=sys.stderr)
        return 1
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        "python -m tests.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    one = _at_places(commands.add_parser("judge", help="the default"), "places", 300)
    one.add_argument("--sweep", action="store_true", help="temperatures and qualities, too")
    one.add_argument("--json", type=Path, metavar="FILE", help="keep all figures")
    _add_runs(one, 60)
    one.set_defaults(run=_judge)

    one = _at_places(commands.add_parser("sheet", help="lines to be marked"), "lines", 30)
    one.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the sheet")
    one.set_defaults(run=_sheet)

    one = _at_places(commands.add_parser("pairs", help="pairs to be told apart"), "pairs", 60)
    one.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the sheet")
    one.set_defaults(run=_pairs)

    one = commands.add_parser("score", help="what marks and answers come to")
    one.add_argument("sheets", type=Path, nargs="+", metavar="FILE", help="filled in")
    one.set_defaults(run=_score)

    one = _of_voice(commands.add_parser("samples", help="what a voice writes, unedited"))
    one.add_argument("--heading", default="INT. DINER - NIGHT", help="what it goes on from")
    one.add_argument("--number", type=int, default=10, help="seeds [%(default)s]")
    one.add_argument("--length", type=int, default=4, help="elements, up to 10 [%(default)s]")
    one.set_defaults(run=_samples)

    one = _of_voice(commands.add_parser("costs", help="bits per character by the voice itself"))
    one.add_argument("corpora", type=Path, nargs="+", metavar="CORPUS", help="with held-out texts")
    one.add_argument(
        "--only", action="append", metavar="PART", help="texts with this in their name; repeatable"
    )
    one.add_argument(
        "--ppmd",
        type=int,
        metavar="ORDER",
        help="also what they cost PPMd of this order after the learned texts of all the corpora; "
        "80 MB of these take 3 GB and a minute for each text",
    )
    one.set_defaults(run=_costs)

    one = _of_voice(commands.add_parser("turns", help="who speaks in free runs"))
    _add_runs(one, turn_taking.RUNS)
    one.set_defaults(run=_turns)
    return top


def _add_runs(one: argparse.ArgumentParser, number: int) -> None:
    one.add_argument(
        "--runs", type=int, default=number, help="free runs for each size of cast [%(default)s]"
    )


def _of_voice(one: argparse.ArgumentParser) -> argparse.ArgumentParser:
    one.add_argument("voice", type=Path, metavar="VOICE", help="a voice file (.onnx)")
    one.add_argument(
        "--set",
        type=_change,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting in place of the shipped one, such as top_p=0.9; can be repeated",
    )
    return one


def _of_corpus(one: argparse.ArgumentParser) -> argparse.ArgumentParser:
    _of_voice(one).add_argument(
        "corpus", type=Path, metavar="CORPUS", help="a folder with train, validation and test"
    )
    return one


def _at_places(one: argparse.ArgumentParser, what: str, number: int) -> argparse.ArgumentParser:
    _of_corpus(one).add_argument(
        f"--{what}", dest="number", type=int, default=number, metavar="N", help="[%(default)s]"
    )
    one.add_argument("--seed", type=int, default=1, help="of the places and lines [%(default)s]")
    return one


def _change(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} has no =: write NAME=VALUE")
    return name, value


def _judge(options: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    learned = places.learned(options.corpus)
    chosen = _chosen(options, options.number)
    reader = Reader.load()
    shipped, written = asyncio.run(_written(options, chosen, range(0, len(chosen), EVERY)))
    found = judging.judge(reader, learned, chosen, written)
    print(f"*{options.voice.stem}* in {options.corpus.name}, seed {options.seed}:\n")
    print(report.table(found, shipped))
    if options.sweep:
        print("\n" + report.sweep(found))
    if options.runs:
        print("\nWho speaks in free runs:\n")
        _turns(options)
    if options.json:
        about = {"voice": options.voice.stem, "corpus": options.corpus.name, "seed": options.seed}
        figures = about | {"shipped": shipped._asdict()} | report.document(found)
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


def _chosen(options: argparse.Namespace, number: int, apart: int = 1) -> list[Place]:
    return places.choose(places.held_out(options.corpus), number, options.seed, apart)


async def _written(
    options: argparse.Namespace, chosen: Sequence[Place], passages: Sequence[int] = ()
) -> tuple[Setting, Written]:
    """Return the shipped setting, and what the voice wrote at it and, in a sweep, at others."""
    async with writing.opened(options.voice, dict(options.set)) as bot:
        settings = [bot.shipped]
        if getattr(options, "sweep", False):
            settings += [Setting(t, q) for t in TEMPERATURES for q in writing.QUALITIES]
        settings = list(dict.fromkeys(settings))
        return bot.shipped, await writing.write(bot, chosen, settings, options.seed, passages)


def _lines(options: argparse.Namespace, chosen: Sequence[Place]) -> list[Element]:
    shipped, written = asyncio.run(_written(options, chosen))
    return written.lines[shipped]


def _sheet(options: argparse.Namespace) -> int:
    chosen = _chosen(options, options.number, sheets.APART)
    text = sheets.of_lines(options.voice.stem, chosen, _lines(options, chosen))
    options.out.write_text(text, encoding="utf-8")
    print(f"Mark the lines in {options.out}, then: python -m tests.quality score {options.out}")
    return 0


def _pairs(options: argparse.Namespace) -> int:
    # Write a few more, because the voice may say what people said at some places.
    chosen = _chosen(options, options.number + options.number // 10, sheets.APART)
    made = sheets.of_pairs(chosen, _lines(options, chosen), options.number, options.seed)
    text, answers = made
    options.out.write_text(text, encoding="utf-8")
    key = sheets.key_of(options.out)
    key.write_text(json.dumps(answers) + "\n", encoding="utf-8")
    print(
        f"Answer in {options.out} without a look at {key.name}, then: "
        f"python -m tests.quality score {options.out}"
    )
    return 0


def _score(options: argparse.Namespace) -> int:
    for sheet in options.sheets:
        print(sheets.score(sheet))
    return 0


def _samples(options: argparse.Namespace) -> int:
    async def found() -> list[str]:
        async with writing.opened(options.voice, dict(options.set)) as bot:
            return await writing.samples(bot, options.heading, options.number, options.length)

    shown = asyncio.run(found())
    print("\n\n".join(f"Seed {n}:\n\n```\n{text}\n```" for n, text in enumerate(shown, 1)))
    return 0


def _turns(options: argparse.Namespace) -> int:
    changes = {name_variable(name): value for name, value in options.set}
    settings = Settings.model_validate(changes)
    print(turn_taking.table(_opened(options.voice), options.runs, settings))
    return 0


def _opened(voice: Path) -> Model:
    """Return a voice, for a computation without the bot; raises TextError."""
    try:
        return Model.load(voice)
    except ModelError as error:
        raise TextError(str(error)) from error


def _costs(options: argparse.Namespace) -> int:
    model = _opened(options.voice)
    company = float(dict(options.set).get("company", 1.0))
    texts = [text for corpus in options.corpora for text in places.held_out(corpus)]
    if options.only:
        texts = [text for text in texts if any(part in text.name for part in options.only)]
    if not texts:
        raise TextError("No held-out text has such a name: give --only a part of one.")
    ppmd = None
    if options.ppmd:
        learned = [text.content for corpus in options.corpora for text in places.learned(corpus)]
        ppmd = Ppmd(learned, options.ppmd)
    print(heard.table(model, texts, company, ppmd))
    return 0


if __name__ == "__main__":
    sys.exit(main())
