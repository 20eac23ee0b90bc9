"""Run ``tune``: train a voice further on your own scripts."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from training import finetune
from training.config import Config
from training.run import Run
from training.trainer import Session
from training.voice_file import open_voice

from . import arguments
from .arguments import INTERRUPTED
from .train import STOPPED, explain_loss, say_interrupted

NUMBERS = {
    "batch": 16,
    "warmup": 100,
    "evaluate_every": 100,
    "learning_rate": 0.001,
    "renamed": Config.renamed,
    "taught": Config.taught,
    "imagined": Config.imagined,
    "seed": 1,
}
"""The numbers of a tuning, with their defaults."""


VOICES = Path(__file__).parents[2] / "bot" / "models"
"""The folder of the shipped voices."""


def add_commands(commands: arguments.Commands) -> None:
    _add_voice(commands.add_parser("voice"))
    one = commands.add_parser("tune")
    one.add_argument("voice", type=Path, metavar="VOICE", help="a voice file or a run folder")
    arguments.add_texts(one, "your scripts, as for 'train'")
    one.add_argument("--out", type=Path, required=True, metavar="RUN2", help="the run folder")
    one.add_argument(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        metavar="RUN3",
        help="a run with exactly the same characters that writes further text to learn from; can "
        "be repeated",
    )
    _add_length(one)
    arguments.add_resume(one)
    arguments.add_device(one)
    one.add_argument("--name", help="the name of the voice [as before, with -tuned]")
    one.add_argument("--corpus", help="a description of all training texts [as before, and more]")
    one.add_argument(
        "--licence", default="unstated", help=f"{arguments.HELP['licence']} [unstated]"
    )
    for name, default in NUMBERS.items():
        arguments.add_number(one, name, default)
    arguments.add_dropout(one)
    arguments.add_precision(one)
    one.set_defaults(command=_tune, precision="auto")


def _add_length(one: argparse.ArgumentParser) -> None:
    length = one.add_mutually_exclusive_group()
    length.add_argument("--steps", type=arguments.positive(int), help="number of steps")
    length.add_argument(
        "--minutes",
        type=arguments.positive(float),
        help="time to train; the learning rate falls in the last fifth (default: 15)",
    )


def _add_voice(one: argparse.ArgumentParser) -> None:
    """Add the options of ``voice``: few, and the defaults of ``tune`` for the others."""
    arguments.add_texts(one, "your scripts, as for 'train'")
    one.add_argument("--name", default="mine", help="the name of the voice [%(default)s]")
    one.add_argument(
        "--from",
        dest="voice",
        type=Path,
        default=VOICES / "screen.onnx",
        metavar="VOICE",
        help="the voice file that learns them [screen]",
    )
    _add_length(one)
    one.add_argument(
        "--voices",
        type=Path,
        default=Path(os.environ.get("ONBOOK_MODELS") or VOICES),
        metavar="DIR",
        help="the folder that the bot reads voices from [ONBOOK_MODELS, or bot/models]",
    )
    arguments.add_device(one)
    dropped = {f"drop_{name}": None for name in arguments.DROPPED}
    one.set_defaults(teacher=[], corpus=None, licence="unstated", precision="auto")
    one.set_defaults(command=_make_voice, **NUMBERS, **dropped)


def _make_voice(options: argparse.Namespace) -> int:
    """Tune a voice, export it and install it; the same command goes on after Ctrl-C."""
    options.out = Path("runs") / options.name
    options.resume = Run(options.out).resume.exists()
    if not (is_better := _learn(options)):
        return INTERRUPTED if is_better is None else 1
    target = options.voices / f"{options.name}.onnx"
    # In a process of its own, because training does not know what exports it.
    export = [sys.executable, "-m", "export", str(options.out), "--output", str(target)]
    if code := subprocess.run(export, check=False).returncode:  # noqa: S603 - our own program
        return code
    onbook = Path(sys.executable).with_name("onbook")  # nobody has to activate the environment
    print(
        f"Try it: `ONBOOK_MODEL={options.name} {onbook} write`, or on Discord, also while the bot "
        f"runs: `/voice use voice: {options.name}`."
    )
    return 0


def _tune(options: argparse.Namespace) -> int:
    is_better = _learn(options)
    if is_better:
        print(f"Make a voice file of it: python -m export {options.out} -o voice.onnx")
    return INTERRUPTED if is_better is None else 0


def _learn(options: argparse.Namespace) -> bool | None:
    """Tune a voice; return whether its text costs less now, or None if the tuning was stopped."""
    voice = open_voice(options.voice)
    before = voice.config()
    changes = {
        "name": options.name or f"{before.name}-tuned",
        "corpus": options.corpus or f"{before.corpus}; then own scripts",
        "licence": options.licence,
        "minutes": options.minutes or (None if options.steps else 15.0),
        "drop": arguments.change_dropout(before.drop, options),
        **{name: getattr(options, name) for name in ("steps", "precision", *NUMBERS)},
    }
    # Build this network first, because it draws random numbers: a resumed run draws the next ones.
    known = voice.model()
    try:
        tuning = finetune.prepare(
            options.texts,
            voice,
            Run(options.out),
            changes,
            teachers=[open_voice(path) for path in options.teacher],
            resume=options.resume,
            session=Session(device=options.device),
        )
    except KeyboardInterrupt:
        say_interrupted(options.out)
        return None
    untuned = tuning.bits_by(known.to(tuning.device), voice.vocabulary())
    print(f"Untuned, a held-out character costs {untuned:.4f} bits.")
    if not tuning.run():
        print(STOPPED)
        return None
    cost = f"Tuned, it costs {tuning.best:.4f}"
    is_better = tuning.best < untuned
    if is_better:
        print(f"{cost}. {explain_loss(tuning.best)}")
    else:
        print(
            f"{cost}, which is no less: keep {options.voice}, or start another run with more text "
            f"or more --minutes."
        )
    return is_better
