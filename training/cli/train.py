"""Run the commands that train: `train`, `decay` and `tune`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from training import finetune
from training.distributed import Team, joined
from training.model.network import Regularisation
from training.model.prior import PriorShape
from training.model.words import WordShape
from training.presets import PRESETS
from training.pretraining import DECAYED, decay, lay_out, train
from training.run import Config, Run
from training.trained import trained
from training.trainer import Session, Training

from .arguments import add_number, at_least_0, folder_and_times, positive, share

INTERRUPTED = 130

DROPPED = tuple(field.name for field in dataclasses.fields(Regularisation))

STOPPED = "Stopped, and kept. Give the same command with --resume to go on."


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three commands to a command line."""
    _add_train(commands.add_parser("train", help="train a voice on texts"))
    _add_decay(commands.add_parser("decay", help="end what a training has learned so far"))
    _add_tune(commands.add_parser("tune", help="teach a trained voice your own scripts"))


# train


def _add_train(one: argparse.ArgumentParser) -> None:
    default = Config()
    one.add_argument(
        "texts",
        type=Path,
        nargs="*",
        metavar="TEXT",
        help=".fountain, .txt, .fdx, .md, or folders of them; not needed with --resume",
    )
    one.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run folder")
    one.add_argument(
        "--steps",
        type=positive(int),
        help="train so many steps, the learning rate falling in the last fifth (default: for ever "
        "at the same rate; `decay` makes a voice of it)",
    )
    begun = one.add_mutually_exclusive_group()
    _add_resume(begun)
    begun.add_argument(
        "--prepare",
        action="store_true",
        help="only lay out RUN; --resume begins it, on another machine too",
    )
    one.add_argument(
        "--from",
        dest="voice",
        type=Path,
        metavar="VOICE",
        help="begin with the weights, sizes and characters of a voice file, or of another run",
    )
    _add_session(one)
    one.add_argument(
        "--preset", choices=list(PRESETS), default="standard", help="sizes [%(default)s]"
    )
    for name, help_text in (
        ("name", "what the voice is called"),
        ("corpus", "what it was trained on, in words"),
        ("licence", "under which terms the voice may be used"),
    ):
        one.add_argument(f"--{name}", default=getattr(default, name), help=help_text)
    _add_repeat(one)
    sizes = one.add_argument_group(
        "the network and its training (in brackets what the standard preset has)"
    )
    for name in ("embedding", "lower", "summary", "upper", "batch", "window", "warmup"):
        _add_preset(sizes, name, positive(int), getattr(default, name))
    _add_preset(sizes, "word", at_least_0, default.word)
    _add_preset(sizes, "words", at_least_0, default.vectors.words)
    _add_preset(sizes, "evaluate_every", positive(int), default.evaluate_every)
    for name in ("learning_rate", "clip"):
        _add_preset(sizes, name, positive(float), getattr(default, name))
    for name in ("averaging", "weight_decay"):
        _add_preset(sizes, name, share, getattr(default, name))
    _add_preset(sizes, "seed", int, default.seed)
    _add_preset(sizes, "prior", at_least_0, default.prior.contexts)
    _add_preset(sizes, "prior_longest", positive(int), default.prior.longest)
    _add_preset(sizes, "renamed", share, default.renamed)
    _add_preset(sizes, "resets", share, default.resets)
    for name in DROPPED:
        _add_preset(sizes, f"drop_{name}", share, getattr(default.drop, name))
    _add_precision(sizes)
    one.set_defaults(command=_train)


def _add_preset(
    group: argparse._ActionsContainer, name: str, kind: Callable[[str], float], shown: float
) -> None:
    """Add a number whose default comes from the preset."""
    add_number(group, name, kind, f"{shown:g}")


def _train(options: argparse.Namespace) -> int:
    preset = PRESETS[options.preset]
    nested = {
        "vectors": _changed(preset.vectors, words=options.words),
        "prior": _changed(preset.prior, contexts=options.prior, longest=options.prior_longest),
        "drop": _dropped(preset.drop, options),
        "repeat": dict(options.repeat),
    }
    names = {field.name for field in dataclasses.fields(Config)} - {"minutes", "texts", *nested}
    given = {name: value for name, value in vars(options).items() if name in names}
    config = _changed(preset, **given, **nested)
    if options.resume and options.learning_rate is None:
        config = _changed(config, learning_rate=Run(options.out).config().learning_rate)
    voice = trained(options.voice) if options.voice and not options.resume else None
    if options.prepare:
        lay_out(options.texts, Run(options.out), config, voice)
        print(f"Ready to begin: python -m training train --out {options.out} --resume")
        return 0

    def prepared(team: Team) -> Training:
        return train(
            options.texts,
            Run(options.out),
            config,
            voice=voice,
            resume=options.resume,
            team=team,
            session=_session(options),
        )

    return _run(options, prepared)


# decay


def _add_decay(one: argparse.ArgumentParser) -> None:
    one.description = (
        "Make a voice of what a training has learned up to its last checkpoint: some further steps "
        "in which the learning rate falls to zero. The training itself stays as it is, to go on."
    )
    one.add_argument("run", type=Path, metavar="RUN", help="a run that `train` makes, or has made")
    one.add_argument(
        "texts",
        type=Path,
        nargs="*",
        metavar="TEXT",
        help="what the voice ends on (default: all that RUN learns)",
    )
    one.add_argument("--out", type=Path, required=True, metavar="VOICE", help="a new run folder")
    one.add_argument(
        "--steps",
        type=positive(int),
        help=f"how many (default: {DECAYED * 100:.0f}%% of those that RUN has taken)",
    )
    _add_resume(one)
    _add_session(one)
    for name in ("name", "corpus", "licence"):
        one.add_argument(f"--{name}", help="as for `train` (default: as RUN has it)")
    _add_repeat(one)
    add_number(one, "lengthen", positive(int), 1)
    add_number(one, "evaluate_every", positive(int), "as before")
    for name in DROPPED:
        add_number(one, f"drop_{name}", share, "as before")
    one.set_defaults(command=_decay)


def _decay(options: argparse.Namespace) -> int:
    run, voice = Run(options.run), Run(options.out)
    begun = run.config()
    changes: dict[str, Any] = {"drop": _dropped(begun.drop, options)}
    for name in ("name", "corpus", "licence", "evaluate_every"):
        changes[name] = getattr(options, name) or getattr(begun, name)
    if options.repeat or options.texts:
        changes["repeat"] = dict(options.repeat)

    def prepared(team: Team) -> Training:
        return decay(
            run,
            voice,
            options.steps,
            changes,
            paths=options.texts,
            lengthen=options.lengthen,
            resume=options.resume,
            team=team,
            session=_session(options),
        )

    return _run(options, prepared)


# tune


def _add_tune(one: argparse.ArgumentParser) -> None:
    one.add_argument("voice", type=Path, metavar="VOICE", help="a voice file, or a run folder")
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
    length.add_argument("--steps", type=positive(int), help="how many steps to train")
    length.add_argument(
        "--minutes",
        type=positive(float),
        help="how long to train, the learning rate falling in the last fifth (default: 15)",
    )
    _add_resume(one)
    _add_device(one)
    one.add_argument("--name", help="what the voice is called (default: as before, with -tuned)")
    one.add_argument("--corpus", help="what it was trained on (default: as before, and more)")
    one.add_argument("--licence", default="unstated", help="under which terms it may be used")
    for name, kind, default in (
        ("batch", positive(int), 16),
        ("warmup", positive(int), 100),
        ("evaluate_every", positive(int), 100),
        ("learning_rate", positive(float), 0.001),
        ("renamed", share, Config.renamed),
        ("taught", share, Config.taught),
        ("imagined", positive(int), Config.imagined),
        ("seed", int, 1),
    ):
        add_number(one, name, kind, default)
    for name in DROPPED:
        add_number(one, f"drop_{name}", share, "as before")
    _add_precision(one)
    one.set_defaults(command=_tune, precision="auto")


def _tune(options: argparse.Namespace) -> int:
    voice, run = trained(options.voice), Run(options.out)
    teachers = [trained(path) for path in options.teacher]
    before = voice.config()
    changes = {
        "name": options.name or f"{before.name}-tuned",
        "corpus": options.corpus or f"{before.corpus}; then own scripts",
        "licence": options.licence,
        "minutes": options.minutes or (None if options.steps else 15.0),
        "steps": options.steps,
        "drop": _dropped(before.drop, options),
    }
    numbers = "batch warmup evaluate_every learning_rate renamed taught imagined seed precision"
    for name in numbers.split():
        changes[name] = getattr(options, name)
    # Build this network first, because it draws random numbers: a resumed run draws the next ones.
    known = voice.model()
    session = Session(device=options.device)
    try:
        tuning = finetune.prepare(
            options.texts,
            voice,
            run,
            changes,
            teachers=teachers,
            resume=options.resume,
            session=session,
        )
    except KeyboardInterrupt:
        _say_begun(options.out)
        return INTERRUPTED
    untuned = tuning.bits_by(known.to(tuning.device), voice.vocabulary())
    print(f"Untuned, a held-out character costs {untuned:.4f} bits.")
    if tuning.run():
        print(_tuned(tuning.best, untuned, options))
        return 0
    print(STOPPED)
    return INTERRUPTED


def _tuned(bits: float, untuned: float, options: argparse.Namespace) -> str:
    """Return the result of a tuning as text, and what to do next."""
    cost = f"Tuned, it costs {bits:.4f}"
    if bits < untuned:
        return f"{cost}. Make a voice file of it: python -m export {options.out} -o voice.onnx"
    return (
        f"{cost}, which is no less: keep {options.voice}, or tune it with more text or a lower "
        f"--learning-rate."
    )


# Shared by the commands


def _run(options: argparse.Namespace, prepared: Callable[[Team], Training]) -> int:
    """Train to the end, or until the time is up; return the exit code."""
    end = f"Trained. Make a voice file of it: python -m export {options.out} -o voice.onnx"
    with joined() as team:
        try:
            training = prepared(team)
        except KeyboardInterrupt:
            if team.leads:
                _say_begun(options.out)
            return INTERRUPTED
        finished = training.run()
        if team.leads:
            print(end if finished else STOPPED, flush=True)
    return 0 if finished or training.time_is_up else INTERRUPTED


def _say_begun(folder: Path) -> None:
    """Print how to resume after Ctrl-C before the first step, when only the run folder exists."""
    begun = (folder / "config.json").exists()
    again = "with --resume: what was not finished begins anew" if begun else "again"
    print(f"Stopped before its first step. Give the same command {again}.", flush=True)


def _add_resume(one: argparse._ActionsContainer) -> None:
    one.add_argument(
        "--resume",
        action="store_true",
        help="go on where the run in --out stands, as it was begun; --steps moves its end, and "
        "`train` takes another --learning-rate",
    )


def _add_session(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--minutes",
        type=positive(float),
        help="stop after so long, kept, to go on with --resume (default: at the end, or never)",
    )
    add_number(one, "checkpoint_minutes", positive(float), Session.checkpoint_minutes)
    _add_device(one)


def _add_device(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        default="auto",
        help="what computes: a GPU where there is one, unless it is said here",
    )


def _session(options: argparse.Namespace) -> Session:
    return Session(options.device, options.minutes, options.checkpoint_minutes)


def _add_repeat(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--repeat",
        type=folder_and_times,
        action="append",
        default=[],
        metavar="FOLDER=N",
        help="read the texts in folders of this name N times in each epoch; can be repeated",
    )


def _add_precision(one: argparse._ActionsContainer) -> None:
    one.add_argument("--precision", choices=["auto", "bfloat16", "float32"])


def _dropped(before: Regularisation, options: argparse.Namespace) -> Regularisation:
    return _changed(before, **{name: getattr(options, f"drop_{name}") for name in DROPPED})


Settings = TypeVar("Settings", Config, PriorShape, Regularisation, WordShape)


def _changed(before: Settings, **given: Any) -> Settings:  # noqa: ANN401 - fields of any type
    """Return settings with the given fields replaced, except those given as None."""
    return dataclasses.replace(before, **{k: v for k, v in given.items() if v is not None})
