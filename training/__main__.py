"""``python -m training``: from texts to a run folder, and what it is worth."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from . import benchmark, corpus, evaluate, screen, talk, tune
from .compare import command, task
from .compare.ablations import VARIANTS
from .compare.budget import Budget
from .compare.learned import Interrupted
from .compare.rows import NO_BUDGET, ROWS
from .corpus import CorpusError
from .data.corpora import drama
from .data.corpora.drama import SourceError
from .model import Regularisation
from .ngrams import MemoryShape
from .parallel import joined, leave
from .prior import PriorShape
from .run import Config, Run, RunError, make_folder
from .talk import TalkError
from .texts import TextError, read
from .train import TrainingError, train

INTERRUPTED = 130

NUMBERS = {
    "embedding": "numbers that a character is read as",
    "hidden": "units in a layer",
    "layers": "LSTM layers",
    "batch": "streams of text that are read side by side",
    "window": "characters through which gradients flow",
    "lengthen": "times as long windows towards the end, of as many times fewer streams",
    "warmup": "steps until the learning rate is at its highest",
    "evaluate_every": "steps between two evaluations",
    "learning_rate": "the highest one",
    "clip": "the largest norm of the gradients",
    "averaging": "decay of the average of the weights, which is what is kept",
    "weight_decay": "of AdamW",
    "seed": "of all that is drawn",
    "ngrams": "n-grams that have a learned vector, at most; 0 for none",
    "ngrams_seen": "how often the texts must have such an n-gram",
    "prior": "contexts after which it is counted what comes, at most; 0 for none",
    "prior_longest": "characters of the longest context",
    "renamed": "share of a text's names that are drawn anew",
    "resets": "share of the windows that begin from no state",
    "drop_embedding": "dropout of the characters that are read",
    "drop_layers": "dropout between the layers and before the output",
    "drop_recurrent": "dropout of the recurrent weights",
    "drop_ngrams": "dropout of all n-grams of one length",
    "taught": "with --teacher, the share of the streams (one at least) that read what those wrote",
    "imagined": "with --teacher, how many characters those write before --minutes begin",
}
"""What each number is that a training can be given."""

DROPPED = tuple(field.name for field in dataclasses.fields(Regularisation))

STOPPED = "Stopped, and kept. Give the same command with --resume to go on."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code. Every refusal is one sentence on stderr."""
    options = parser().parse_args(arguments)
    try:
        return options.command(options)
    except (CorpusError, SourceError, TalkError, TextError, RunError, TrainingError) as error:
        print(error, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("corpus", help="write a corpus that comes with a package")
    one.add_argument(
        "name",
        choices=["plays", "screen", "drama"],
        help="38 plays of Shakespeare, 279 short films and people who talk, or the plays that "
        "Project Gutenberg has; as Fountain",
    )
    one.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="PATH",
        help="for drama: a folder or a tar archive of NUMBER.txt, and INDEX.tsv for the titles",
    )
    one.add_argument("--out", type=Path, required=True, metavar="DIR")
    one.set_defaults(command=_corpus)

    _add_train(commands.add_parser("train", help="train a voice on texts"))

    _add_tune(commands.add_parser("tune", help="teach a trained voice your own scripts"))

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
    one.add_argument("file", type=Path, metavar="FILE", help="tinyshakespeare")
    one.add_argument(
        "--only",
        action="append",
        default=[],
        choices=list(VARIANTS),
        metavar="NAME",
        help=f"train this, then print the table; can be repeated ({', '.join(VARIANTS)})",
    )
    one.add_argument("--all", action="store_true", help="train all that are not there yet")
    one.add_argument(
        "--characters", type=_positive(int), default=1_500_000, help="each reads [%(default)s]"
    )
    _add_folders(one)
    one.set_defaults(command=_ablate)

    one = commands.add_parser("release", help="copy a run for others: 16 bits, no optimiser")
    one.add_argument("run", type=Path, metavar="RUN")
    one.add_argument("--out", type=Path, required=True, metavar="DIR")
    one.set_defaults(command=_release)

    _add_judge(commands.add_parser("judge", help="how well a voice file reads"))
    _add_samples(commands.add_parser("samples", help="what a voice file writes, unedited"))

    _add_candidates(
        commands.add_parser("candidates", help="what choosing from several lines is worth")
    )

    one = commands.add_parser(
        "benchmark", help="training speed beside the bare nn.LSTM of the same size"
    )
    one.add_argument(
        "--rounds", type=_positive(int), default=7, help="timed rounds of each (%(default)s)"
    )
    one.add_argument("--precision", choices=["auto", "bfloat16", "float32"], default="auto")
    one.add_argument(
        "--compile", action="store_true", help="beside torch.compile; needs a C++ compiler"
    )
    one.set_defaults(command=_benchmark)
    return top


def _add_train(one: argparse.ArgumentParser) -> None:
    default = Config()
    one.add_argument(
        "texts",
        type=Path,
        nargs="+",
        metavar="TEXT",
        help=".fountain, .txt, .fdx, .md, or folders of them",
    )
    one.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run folder")
    length = one.add_mutually_exclusive_group()
    length.add_argument("--steps", type=_positive(int), help="how many steps to train")
    length.add_argument("--minutes", type=_positive(float), help="how long to train (default: 60)")
    _add_resume(one)
    for name, help_text in (
        ("name", "what the voice is called"),
        ("corpus", "what it was trained on, in words"),
        ("licence", "under which terms the voice may be used"),
    ):
        one.add_argument(f"--{name}", default=getattr(default, name), help=help_text)
    one.add_argument(
        "--repeat",
        type=_folder_and_times,
        action="append",
        default=[],
        metavar="FOLDER=N",
        help="read the texts in folders of this name N times in each epoch; can be repeated",
    )
    one.add_argument(
        "--finish",
        default=default.finish,
        metavar="FOLDER",
        help="read only the texts in folders of this name towards the end",
    )
    sizes = one.add_argument_group("the network and its training (defaults in brackets)")
    for name in ("embedding", "hidden", "layers", "batch", "window", "lengthen", "warmup"):
        _add_number(sizes, name, _positive(int), getattr(default, name))
    _add_number(sizes, "evaluate_every", _positive(int), default.evaluate_every)
    for name in ("learning_rate", "clip"):
        _add_number(sizes, name, _positive(float), getattr(default, name))
    for name in ("averaging", "weight_decay"):
        _add_number(sizes, name, _share, getattr(default, name))
    _add_number(sizes, "seed", int, default.seed)
    _add_number(sizes, "ngrams", _at_least_0, default.memory.places)
    _add_number(sizes, "ngrams_seen", _positive(int), default.memory.seen)
    _add_number(sizes, "prior", _at_least_0, default.prior.contexts)
    _add_number(sizes, "prior_longest", _positive(int), default.prior.longest)
    _add_number(sizes, "renamed", _share, default.renamed)
    _add_number(sizes, "resets", _share, default.resets)
    for name in DROPPED:
        _add_number(sizes, f"drop_{name}", _share, getattr(default.drop, name))
    sizes.add_argument("--precision", choices=["auto", "bfloat16", "float32"], default="auto")
    one.set_defaults(command=_train)


def _add_candidates(one: argparse.ArgumentParser) -> None:
    one.add_argument("voice", type=Path, metavar="VOICE", help="a voice file (.onnx)")
    one.add_argument(
        "texts",
        type=Path,
        nargs="+",
        metavar="TEXT",
        help="what it was trained on; it goes on from what is held out of that",
    )
    one.add_argument(
        "--places",
        type=_positive(int),
        default=300,
        help="at how many places it writes, a draft, a good and a best line at each [%(default)s]",
    )
    one.add_argument(
        "--pairs",
        type=_at_least_0,
        default=0,
        help="how many drafts to show, each beside the best of its place [%(default)s]",
    )
    one.add_argument("--reader", type=Path, metavar="VOICE", help="another voice, as a judge")
    one.add_argument("--seed", type=int, default=1, help="[%(default)s]")
    one.set_defaults(command=_candidates)


def _add_judge(one: argparse.ArgumentParser) -> None:
    one.add_argument("voice", type=Path, metavar="VOICE", help="a voice file (.onnx)")
    one.add_argument(
        "texts",
        type=Path,
        nargs="+",
        metavar="TEXT",
        help="what it was trained on; what is held out of that is what people write",
    )
    one.add_argument(
        "--elements",
        type=_positive(int),
        default=1_000,
        help="by the voice for each row, and by people at most [%(default)s]",
    )
    one.add_argument(
        "--temperature",
        type=_positive(float),
        action="append",
        metavar="T",
        help="a row, beside the shipped defaults; can be repeated [0.5, 0.8, 1.0]",
    )
    for name, kind in (
        ("top_p", _up_to(1, above_0=True)),
        ("min_p", _up_to(1)),
        ("repetition", _up_to(2)),
        ("company", _up_to(2)),
    ):
        flag = "--" + name.replace("_", "-")
        one.add_argument(flag, type=kind, metavar="N", help="in place of the shipped one")
    one.add_argument("--seed", type=int, default=1, help="of the first element [%(default)s]")
    one.set_defaults(command=_judge)


def _add_samples(one: argparse.ArgumentParser) -> None:
    one.add_argument("voice", type=Path, metavar="VOICE", help="a voice file (.onnx)")
    one.add_argument("--heading", default="INT. DINER - NIGHT", help="what it goes on from")
    one.add_argument("--number", type=_positive(int), default=10, help="seeds [%(default)s]")
    one.add_argument("--length", type=_positive(int), default=4, help="elements [%(default)s]")
    one.set_defaults(command=_samples)


def _add_tune(one: argparse.ArgumentParser) -> None:
    one.add_argument("voice", type=Path, metavar="RUN", help="such as training/runs/stage")
    one.add_argument(
        "texts", type=Path, nargs="+", metavar="TEXT", help="your scripts, as for `train`"
    )
    one.add_argument("--out", type=Path, required=True, metavar="RUN2", help="the run folder")
    one.add_argument(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        metavar="RUN3",
        help="a run of the very same characters that writes what is read as well; can be repeated",
    )
    length = one.add_mutually_exclusive_group()
    length.add_argument("--steps", type=_positive(int), help="how many steps to train")
    length.add_argument("--minutes", type=_positive(float), help="how long to train (default: 15)")
    _add_resume(one)
    one.add_argument("--name", help="what the voice is called (default: as before, with -tuned)")
    one.add_argument("--corpus", help="what it was trained on (default: as before, and more)")
    one.add_argument("--licence", default="unstated", help="under which terms it may be used")
    for name, kind, default in (
        ("batch", _positive(int), 16),
        ("warmup", _positive(int), 100),
        ("evaluate_every", _positive(int), 100),
        ("learning_rate", _positive(float), 0.001),
        ("renamed", _share, Config.renamed),
        ("taught", _share, Config.taught),
        ("imagined", _positive(int), Config.imagined),
        ("seed", int, 1),
    ):
        _add_number(one, name, kind, default)
    for name in DROPPED:
        _add_number(one, f"drop_{name}", _share, "as before")
    one.add_argument("--precision", choices=["auto", "bfloat16", "float32"], default="auto")
    one.set_defaults(command=_tune)


def _add_resume(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--resume",
        action="store_true",
        help="go on where the run in --out stands, as it was begun; --steps moves its end",
    )


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
        type=_positive(float),
        help="of one core, how long each learns (default: 90, as two cores have in 45)",
    )
    length.add_argument("--steps", type=_positive(int), help="how many steps each learns")
    length.add_argument(
        "--characters", type=_positive(int), help="how many characters each reads, all epochs"
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


def _add_number(
    group: argparse._ActionsContainer,
    name: str,
    kind: Callable[[str], float],
    default: float | str,
) -> None:
    """An option for one of `NUMBERS`; words for a default say what is done where it is missing."""
    flag = "--" + name.replace("_", "-")
    shown = f"{NUMBERS[name]} [{default}]"
    given = None if isinstance(default, str) else default
    group.add_argument(flag, type=kind, default=given, metavar="N", help=shown)


def _positive(kind: type[int | float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    parse.__name__ = kind.__name__
    return parse


def _at_least_0(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def _up_to(most: float, *, above_0: bool = False) -> Callable[[str], float]:
    least = "above 0, and" if above_0 else "from 0"

    def parse(text: str) -> float:
        value = float(text)
        if not 0 <= value <= most or (above_0 and not value):
            raise argparse.ArgumentTypeError(f"{text} is not {least} up to {most:g}")
        return value

    parse.__name__ = "number"
    return parse


def _folder_and_times(text: str) -> tuple[str, int]:
    folder, _, times = text.rpartition("=")
    if not folder or not times.isdecimal() or int(times) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a folder's name, =, and a number above 0")
    return folder, int(times)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 up to, but below, 1")
    return value


def _corpus(options: argparse.Namespace) -> int:
    if options.name == "drama" and options.source is None:
        raise SourceError("Where are the plays? Name their folder or archive with --from.")
    make_folder(options.out)
    if options.name == "drama":
        number = drama.write(options.source, options.out)
        print(f"{number} works and report.tsv lie in {options.out}.")
    elif options.name == "plays":
        corpus.plays(options.out)
        print(f"The plays lie in {options.out}: train them with `python -m training train`.")
    else:
        screen.write(options.out, talk.read())
        print(
            f"Films and talk lie in {options.out}: train them with "
            f"`python -m training train {options.out} --repeat films={screen.REPEAT}`."
        )
    return 0


def _train(options: argparse.Namespace) -> int:
    minutes = options.minutes or (None if options.steps else 60.0)
    config = Config(
        name=options.name,
        corpus=options.corpus,
        licence=options.licence,
        embedding=options.embedding,
        hidden=options.hidden,
        layers=options.layers,
        memory=MemoryShape(places=options.ngrams, seen=options.ngrams_seen),
        prior=PriorShape(options.prior, options.prior_longest),
        drop=Regularisation(
            options.drop_embedding,
            options.drop_layers,
            options.drop_recurrent,
            options.drop_ngrams,
        ),
        repeat=dict(options.repeat),
        finish=options.finish,
        renamed=options.renamed,
        batch=options.batch,
        window=options.window,
        resets=options.resets,
        lengthen=options.lengthen,
        learning_rate=options.learning_rate,
        warmup=options.warmup,
        weight_decay=options.weight_decay,
        clip=options.clip,
        averaging=options.averaging,
        seed=options.seed,
        evaluate_every=options.evaluate_every,
        precision=options.precision,
        minutes=minutes,
        steps=options.steps,
    )
    run = Run(options.out)
    end = f"Trained. Make a voice file of it: python -m export {run.folder} -o voice.onnx"
    with joined() as team:
        finished = train(options.texts, run, config, resume=options.resume, team=team)
        if not finished:
            end = STOPPED
        if team.leads:
            print(end, flush=True)
    return 0 if finished else INTERRUPTED


def _tune(options: argparse.Namespace) -> int:
    voice, run = Run(options.voice), Run(options.out)
    teachers = [Run(folder) for folder in options.teacher]
    before = voice.config()
    changes = {
        "name": options.name or f"{before.name}-tuned",
        "corpus": options.corpus or f"{before.corpus}; then own scripts",
        "licence": options.licence,
        "minutes": options.minutes or (None if options.steps else 15.0),
        "steps": options.steps,
    }
    numbers = "batch warmup evaluate_every learning_rate renamed taught imagined seed"
    for name in numbers.split():
        changes[name] = getattr(options, name)
    changes["precision"] = options.precision
    dropped = {name: getattr(options, f"drop_{name}") for name in DROPPED}
    changes["drop"] = dataclasses.replace(
        before.drop, **{name: share for name, share in dropped.items() if share is not None}
    )
    # Made first, as it draws numbers: a training that goes on draws those that come next.
    known = voice.model()
    try:
        tuning = tune.prepare(
            options.texts, voice, run, changes, teachers=teachers, resume=options.resume
        )
    except KeyboardInterrupt:
        # Of what is done before the first step, nothing is kept but that the run has begun.
        begun = (run.folder / "config.json").exists()
        again = "with --resume: what teachers write begins anew" if begun else "again"
        print(f"Stopped before its first step. Give the same command {again}.")
        return INTERRUPTED
    untuned = tuning.bits_by(known, voice.vocabulary())
    print(f"Untuned, a held-out character costs {untuned:.4f} bits.")
    if tuning.run():
        print(_tuned(tuning.best, untuned, options))
        return 0
    print(STOPPED)
    return INTERRUPTED


def _tuned(bits: float, untuned: float, options: argparse.Namespace) -> str:
    """What came of it, and what to do next."""
    cost = f"Tuned, it costs {bits:.4f}"
    if bits < untuned:
        return f"{cost}. Make a voice file of it: python -m export {options.out} -o voice.onnx"
    return (
        f"{cost}, which is no less: keep {options.voice}, or tune it with more text or a lower "
        f"--learning-rate."
    )


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
    """The rows to make: those that are named and, where all are wanted, those not there yet.

    One that had another budget is not there, unless it needs none.
    """
    names = list(options.only)
    if options.all:
        made = command.read(options.results, asked, rows)
        there = {row.name for row in made if row.budget in (NO_BUDGET, str(budget))}
        names += [name for name in rows if name not in there and name not in names]
    return names


def _ablate(options: argparse.Namespace) -> int:
    budget = Budget(options.characters, "characters")
    asked = task.ablations(options.file)
    try:
        names = _names(options, asked, budget, VARIANTS)
        print(command.ablate(asked, names, budget, options.results, options.work))
    except Interrupted:
        print("Stopped, and kept. Give the same command again to go on.")
        return INTERRUPTED
    return 0


def _release(options: argparse.Namespace) -> int:
    Run(options.run).copy_for_release(options.out)
    print(f"{options.out} holds the run's 16-bit weights and its record.")
    return 0


def _samples(options: argparse.Namespace) -> int:
    from .judge.command import samples

    print(samples(options.voice, options.heading, options.number, options.length))
    return 0


def _candidates(options: argparse.Namespace) -> int:
    from .judge.candidates import candidates

    asked = (options.voice, options.texts, options.places, options.pairs, options.seed)
    print(candidates(*asked, options.reader))
    return 0


def _judge(options: argparse.Namespace) -> int:
    # Its engine and its dictionary take a second, which nothing else needs.
    from .judge import command as judge

    given = ("top_p", "min_p", "repetition", "company")
    changes = {name: getattr(options, name) for name in given}
    print(
        judge.judge(
            options.voice,
            options.texts,
            options.temperature or (0.5, 0.8, 1.0),
            {name: value for name, value in changes.items() if value is not None},
            options.elements,
            options.seed,
        )
    )
    return 0


def _benchmark(options: argparse.Namespace) -> int:
    print(benchmark.report(options.rounds, options.precision, compiled=options.compile))
    return 0


if __name__ == "__main__":
    leave(main())
