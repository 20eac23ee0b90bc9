"""Run ``train`` and ``decay``: train a voice, and finish what a training has learned so far."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.config import PRESETS, Config
from training.distributed import joined
from training.pretraining import DECAYED, decay, lay_out, train
from training.run import Run
from training.trainer import Session, Training
from training.voice_file import open_voice

from . import arguments
from .arguments import DROPPED, INTERRUPTED, Commands, change, positive

LOSSES = (
    (2.8, "The voice knows how a script looks, but invents most of its words: train on."),
    (2.4, "About every other word is invented: train on."),
    (2.15, "Most words are real, and few sentences are: train on, or give it more text."),
    (1.9, "Words are real, and sentences break off in the middle: train for hours, on more text."),
    (0.0, "Most sentences are grammatical, and few answer the last one: only far more text helps."),
)
"""What a loss from so many bits per character on means for English plays and films, by the samples
of a network that learned from 3.2 to 1.98 bits, and by the cards of the shipped voices."""

DESCRIPTION = ("name", "corpus", "licence")
"""The options that describe a voice."""

STOPPED = "Stopped and saved. Repeat the command with --resume to continue."


def add_commands(commands: Commands) -> None:
    """Add ``train`` and ``decay``."""
    _add_train(commands)
    _add_decay(commands)


def _add_train(commands: Commands) -> None:
    one = commands.add_parser("train")
    texts = ".fountain, .txt, .fdx, .md, or folders of them; not needed with --resume"
    arguments.add_texts(one, texts, nargs="*")
    one.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run folder")
    one.add_argument(
        "--steps",
        type=positive(int),
        help="stop after so many steps; the learning rate falls in the last fifth (default: train "
        "without an end at a constant rate, until 'decay' makes a voice of it)",
    )
    start = one.add_mutually_exclusive_group()
    arguments.add_resume(start)
    start.add_argument(
        "--prepare",
        action="store_true",
        help="only lay out RUN; --resume starts the training, also on another machine",
    )
    one.add_argument(
        "--from",
        dest="voice",
        type=Path,
        metavar="VOICE",
        help="start with the weights, sizes and characters of a voice file or of another run",
    )
    arguments.add_session(one)
    one.add_argument(
        "--preset",
        choices=list(PRESETS),
        default="standard",
        help="sizes for a CPU, or for a GPU [%(default)s]",
    )
    default = Config()
    for name in DESCRIPTION:
        one.add_argument(
            f"--{name}",
            default=getattr(default, name),
            help=f"{arguments.HELP[name]} [%(default)s]",
        )
    arguments.add_repeat(one)
    sizes = one.add_argument_group("network and training (defaults of the standard preset)")
    numbers = {
        **{name: getattr(default, name) for name in arguments.KINDS if hasattr(default, name)},
        "words": default.vectors.words,
        "prior": default.prior.contexts,
        "prior_longest": default.prior.longest,
        **{f"drop_{name}": getattr(default.drop, name) for name in DROPPED},
    }
    for name, shown in numbers.items():
        if name not in ("steps", "taught", "imagined"):
            arguments.add_number(sizes, name, f"{shown:g}")
    sizes.add_argument(
        "--recurrence",
        type=arguments.recurrence,
        metavar="NAME",
        help=f"the recurrent layer, a module of training/model [{default.recurrence}]",
    )
    arguments.add_precision(sizes)
    one.set_defaults(command=_train)


def _add_decay(commands: Commands) -> None:
    one = commands.add_parser(
        "decay",
        description="Make a voice of a training's last checkpoint by further steps in which the "
        "learning rate falls to zero. The training itself is not changed and can continue.",
    )
    one.add_argument("run", type=Path, metavar="RUN", help="a run of 'train', finished or not")
    arguments.add_texts(one, "the texts of these steps (default: all texts of RUN)", nargs="*")
    one.add_argument("--out", type=Path, required=True, metavar="VOICE", help="a new run folder")
    one.add_argument(
        "--steps",
        type=positive(int),
        help=f"number of steps (default: {DECAYED * 100:.0f}%% of those that RUN has taken)",
    )
    arguments.add_resume(one)
    arguments.add_session(one)
    for name in DESCRIPTION:
        one.add_argument(f"--{name}", help=f"{arguments.HELP[name]} [as in RUN]")
    arguments.add_repeat(one)
    arguments.add_number(one, "lengthen", 1)
    arguments.add_number(one, "evaluate_every", "as before")
    arguments.add_dropout(one)
    one.set_defaults(command=_decay)


def _train(options: argparse.Namespace) -> int:
    preset = PRESETS[options.preset]
    nested = {
        "vectors": change(preset.vectors, words=options.words),
        "prior": change(preset.prior, contexts=options.prior, longest=options.prior_longest),
        "drop": arguments.change_dropout(preset.drop, options),
        "repeat": dict(options.repeat),
    }
    names = {field.name for field in dataclasses.fields(Config)} - {"minutes", "texts", *nested}
    given = {name: value for name, value in vars(options).items() if name in names}
    config = change(preset, **given, **nested)
    run = Run(options.out)
    if options.resume and options.learning_rate is None:
        config = change(config, learning_rate=run.config().learning_rate)
    voice = open_voice(options.voice) if options.voice and not options.resume else None
    if options.prepare:
        lay_out(options.texts, run, config, voice)
        print(f"Ready. Start with: python -m training train --out {options.out} --resume")
        return 0
    return run_training(
        options,
        lambda session: train(
            options.texts, run, config, voice=voice, resume=options.resume, session=session
        ),
    )


def _decay(options: argparse.Namespace) -> int:
    run = Run(options.run)
    begun = run.config()
    given = {name: getattr(options, name) for name in (*DESCRIPTION, "evaluate_every")}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value}
    changes["drop"] = arguments.change_dropout(begun.drop, options)
    if options.repeat or options.texts:
        changes["repeat"] = dict(options.repeat)
    return run_training(
        options,
        lambda session: decay(
            run,
            Run(options.out),
            options.steps,
            changes,
            paths=options.texts,
            lengthen=options.lengthen,
            resume=options.resume,
            session=session,
        ),
    )


def run_training(options: argparse.Namespace, prepare: Callable[[Session], Training]) -> int:
    """Train to the end, or until the time is up; return the exit code."""
    out = options.out
    with joined() as team:
        try:
            minutes = (options.minutes, options.checkpoint_minutes)
            session = Session(options.device, *minutes, team, tensorboard=options.tensorboard)
            training = prepare(session)
        except KeyboardInterrupt:
            if team.leads:
                say_interrupted(out)
            return INTERRUPTED
        finished = training.run()
        if team.leads:
            end = f"Trained. Make a voice file of it: python -m export {out} -o voice.onnx"
            if finished:
                cost = f"Held-out text costs {training.best:.2f} bits a character."
                print(cost, explain_loss(training.best))
            print(end if finished else STOPPED, flush=True)
    return 0 if finished or training.time_is_up else INTERRUPTED


def explain_loss(bits: float) -> str:
    """Return what a loss in bits per character means, and what to do next."""
    return next(text for least, text in LOSSES if bits >= least)


def say_interrupted(out: Path) -> None:
    """Print how to continue after Ctrl-C before the first step."""
    begun = (out / "config.json").exists()
    again = "with --resume: unfinished preparations are repeated" if begun else "again"
    print(f"Stopped before the first step. Give the same command {again}.", flush=True)
