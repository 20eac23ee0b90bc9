"""Run ``tune``: train a voice further on your own scripts."""

from __future__ import annotations

import argparse
from pathlib import Path

from training import finetune
from training.config import Config
from training.run import Run
from training.trainer import Session
from training.voice_file import open_voice

from . import arguments
from .arguments import INTERRUPTED
from .train import STOPPED, say_interrupted

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


def add_commands(commands: arguments.Commands) -> None:
    one = commands.add_parser("tune", help="train a voice further on your own scripts")
    one.add_argument("voice", type=Path, metavar="VOICE", help="a voice file or a run folder")
    one.add_argument(
        "texts", type=Path, nargs="+", metavar="TEXT", help="your scripts, as for 'train'"
    )
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
    length = one.add_mutually_exclusive_group()
    length.add_argument("--steps", type=arguments.positive(int), help="number of steps")
    length.add_argument(
        "--minutes",
        type=arguments.positive(float),
        help="time to train; the learning rate falls in the last fifth (default: 15)",
    )
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


def _tune(options: argparse.Namespace) -> int:
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
        return INTERRUPTED
    untuned = tuning.bits_by(known.to(tuning.device), voice.vocabulary())
    print(f"Untuned, a held-out character costs {untuned:.4f} bits.")
    if not tuning.run():
        print(STOPPED)
        return INTERRUPTED
    cost = f"Tuned, it costs {tuning.best:.4f}"
    if tuning.best < untuned:
        print(f"{cost}. Make a voice file of it: python -m export {options.out} -o voice.onnx")
    else:
        print(
            f"{cost}, which is no less: keep {options.voice}, or tune it with more text or a lower "
            f"--learning-rate."
        )
    return 0
