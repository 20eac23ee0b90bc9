"""Run ``python -m training``: from texts to a run folder, and what the run is worth."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from . import benchmark, corpus, evaluate
from .arguments import positive
from .commands import INTERRUPTED, add_commands
from .compare import command, task
from .compare.ablations import VARIANTS
from .compare.budget import Budget
from .compare.learned import Interrupted
from .compare.rows import NO_BUDGET, ROWS
from .corpus import CorpusError
from .data.corpora import drama, films
from .data.corpora.drama import DownloadError, ManifestError, SourceError
from .device import DeviceError
from .parallel import leave
from .presets import PRESETS
from .run import Run, RunError, make_folder
from .texts import TextError, read
from .trainer import TrainingError
from .voice_file import VoiceError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; print each error as one sentence to stderr."""
    options = parser().parse_args(arguments)
    try:
        return options.command(options)
    except (
        CorpusError,
        DeviceError,
        DownloadError,
        ManifestError,
        SourceError,
        TextError,
        RunError,
        TrainingError,
        VoiceError,
    ) as error:
        print(error, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("corpus", help="write a corpus to train on")
    _add_corpora(one.add_subparsers(required=True, metavar="CORPUS"))

    add_commands(commands)

    one = commands.add_parser("evaluate", help="bits per character of texts")
    one.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    one.add_argument("texts", type=Path, nargs="+", metavar="TEXT")
    one.set_defaults(command=_evaluate)

    one = commands.add_parser(
        "calibrate",
        help="make a run as sure of itself as it deserves to be, as training does by itself now",
    )
    one.add_argument("run", type=Path, metavar="RUN", help="a run folder, whose weights change")
    one.add_argument("text", type=Path, metavar="TEXT", help="what it has not learned")
    one.set_defaults(command=_calibrate)

    _add_compare(commands.add_parser("compare", help="other models on the same text"))

    one = commands.add_parser("ablate", help="what single changes to the network do")
    one.add_argument("folder", type=Path, metavar="DIR", help="a corpus, such as data/drama")
    one.add_argument(
        "--only",
        action="append",
        default=[],
        choices=list(VARIANTS),
        metavar="NAME",
        help=f"train this, then print the table; can be repeated ({', '.join(VARIANTS)})",
    )
    one.add_argument("--all", action="store_true", help="train all that are not there yet")
    length = one.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes", type=positive(float), default=3.0, help="of one core, for each [%(default)s]"
    )
    length.add_argument("--characters", type=positive(int), help="how many characters each reads")
    one.add_argument("--keep", action="store_true", help="leave the run folders in --work")
    _add_folders(one)
    one.set_defaults(command=_ablate)

    one = commands.add_parser(
        "benchmark", help="training speed beside the bare nn.LSTM of the same size"
    )
    one.add_argument(
        "--rounds", type=positive(int), default=7, help="timed rounds of each (%(default)s)"
    )
    one.add_argument("--preset", choices=list(PRESETS), default="standard", help="sizes of ours")
    one.add_argument("--precision", choices=["auto", "bfloat16", "float32"], default="auto")
    one.add_argument(
        "--compile", action="store_true", help="beside torch.compile; needs a C++ compiler"
    )
    one.set_defaults(command=_benchmark)
    return top


def _add_compare(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--only",
        action="append",
        default=[],
        choices=list(ROWS),
        metavar="NAME",
        help=f"make this row, and then print the table; can be repeated ({', '.join(ROWS)})",
    )
    one.add_argument("--all", action="store_true", help="make all rows that are not there yet")
    length = one.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes",
        type=positive(float),
        help="of one core, how long each learns (default: 90, as two cores have in 45)",
    )
    length.add_argument("--steps", type=positive(int), help="how many steps each learns")
    length.add_argument(
        "--characters", type=positive(int), help="how many characters each reads, all epochs"
    )
    texts = one.add_mutually_exclusive_group()
    texts.add_argument(
        "--tinyshakespeare",
        type=Path,
        metavar="FILE",
        help="instead of the plays: the first 90%% of FILE, judged on the last 10%%",
    )
    texts.add_argument(
        "--corpus",
        type=Path,
        metavar="DIR",
        help="instead of the plays: a folder with `train`, `validation`, perhaps `test`",
    )
    _add_folders(one)
    one.set_defaults(command=_compare)


def _add_folders(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--results",
        type=Path,
        nargs=1,
        default=(command.WRITTEN, command.COMMITTED),
        metavar="DIR",
        help=f"where rows are written and read (default: {command.WRITTEN}, and for those that "
        "are not there the committed ones in training/comparison)",
    )
    one.add_argument(
        "--work",
        type=Path,
        default=Path("runs/compare"),
        metavar="DIR",
        help="where a row that is not whole yet waits to go on (%(default)s)",
    )


def _add_corpora(corpora: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add a command for each corpus, with the options of this corpus alone."""
    for name, contents, write in (
        ("plays", "38 plays of Shakespeare", _write_plays),
        ("films", "279 short films that were written for On Book", _write_films),
        ("drama", "the plays that Project Gutenberg has", _write_drama),
    ):
        one = corpora.add_parser(name, help=contents, description=f"Write {contents} as Fountain.")
        one.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
        if name == "drama":
            drama.add_options(one)
        one.set_defaults(command=write)


def _write_plays(options: argparse.Namespace) -> int:
    make_folder(options.out)
    corpus.plays(options.out)
    print(f"The plays lie in {options.out}: train them with `python -m training train`.")
    return 0


def _write_films(options: argparse.Namespace) -> int:
    make_folder(options.out)
    films.write(options.out)
    print(f"The films lie in {options.out}: train them with `python -m training train`.")
    return 0


def _write_drama(options: argparse.Namespace) -> int:
    make_folder(options.out)
    print(drama.run(options))
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    run = Run(options.run)
    model, vocabulary = run.model(), run.vocabulary()
    print(
        f"{'text':28} {'characters':>10} {'skipped':>8} {'carried state':>14} {'cold windows':>13}"
    )
    for path in options.texts:
        text = read(path)
        one = evaluate.carried(model, vocabulary, text.content)
        cold = evaluate.cold_windows(model, vocabulary, text.content)
        print(
            f"{text.name:28} {one.characters:10,} {vocabulary.skipped(text.content):8,} "
            f"{one.per_character:14.4f} {cold.per_character:13.4f}"
        )
    print(
        "Bits per character. Carried state: read from start to end. "
        f"Cold windows: {evaluate.COLD_WINDOW} characters each, from an empty state."
    )
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    run, text = Run(options.run), read(options.text)
    model, vocabulary = run.model(), run.vocabulary()
    before = evaluate.carried(model, vocabulary, text.content)
    temperatures, cost = evaluate.calibrated(model, vocabulary, text.content)
    run.divide_logits(temperatures, cost.per_character)
    divisors = " ".join(f"{one:g}" for one in temperatures)
    print(
        f"Its logits are divided by {divisors} now: a character of {text.name} costs "
        f"{cost.per_character:.4f} bits, and cost {before.per_character:.4f} before."
    )
    return 0


def _compare(options: argparse.Namespace) -> int:
    if options.tinyshakespeare:
        asked = task.tinyshakespeare(options.tinyshakespeare)
    elif options.corpus:
        asked = task.of_corpus(options.corpus)
    else:
        asked = task.plays()
    budget = Budget(options.minutes or 90.0, "minutes")
    if options.steps:
        budget = Budget(options.steps, "steps")
    elif options.characters:
        budget = Budget(options.characters, "characters")
    names = _names(options, asked, budget, ROWS)
    try:
        print(command.compare(asked, names, budget, options.results, options.work))
    except Interrupted:
        print("Stopped, and kept. Give the same command again to go on.")
        return INTERRUPTED
    return 0


def _names(
    options: argparse.Namespace, asked: task.Task, budget: Budget, rows: Iterable[str]
) -> list[str]:
    """Return the rows to make: the rows named or, without names, the rows not made yet.

    A row made with another budget counts as not made, unless the row needs no budget.
    """
    names = list(options.only)
    if options.all:
        made = command.read(options.results, asked, rows)
        there = {row.name for row in made if row.budget in (NO_BUDGET, str(budget))}
        names += [name for name in rows if name not in there and name not in names]
    return names


def _ablate(options: argparse.Namespace) -> int:
    budget = Budget(options.minutes, "minutes")
    if options.characters:
        budget = Budget(options.characters, "characters")
    asked = task.ablations(options.folder)
    try:
        names = _names(options, asked, budget, VARIANTS)
        results, work = options.results, options.work
        print(command.ablate(asked, names, budget, results, work, kept=options.keep))
    except Interrupted:
        print("Stopped, and kept. Give the same command again to go on.")
        return INTERRUPTED
    return 0


def _benchmark(options: argparse.Namespace) -> int:
    config = dataclasses.replace(PRESETS[options.preset], precision=options.precision)
    print(benchmark.report(options.rounds, config, compiled=options.compile))
    return 0


if __name__ == "__main__":
    leave(main())
