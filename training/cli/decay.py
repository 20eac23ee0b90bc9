"""Run ``decay``: make a voice of what a training has learned so far."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.pretraining import DECAYED, decay
from training.run import Run

from . import arguments
from .train import run_training


def add_commands(commands: arguments.Commands) -> None:
    one = commands.add_parser(
        "decay",
        description="Make a voice of a training's last checkpoint by further steps in which the "
        "learning rate falls to zero. The training itself is not changed and can continue.",
    )
    one.add_argument("run", type=Path, metavar="RUN", help="a run of 'train', finished or not")
    one.add_argument(
        "texts",
        type=Path,
        nargs="*",
        metavar="TEXT",
        help="the texts of these steps (default: all texts of RUN)",
    )
    one.add_argument("--out", type=Path, required=True, metavar="VOICE", help="a new run folder")
    one.add_argument(
        "--steps",
        type=arguments.positive(int),
        help=f"number of steps (default: {DECAYED * 100:.0f}%% of those that RUN has taken)",
    )
    arguments.add_resume(one)
    arguments.add_session(one)
    for name in ("name", "corpus", "licence"):
        one.add_argument(f"--{name}", help=f"{arguments.HELP[name]} [as in RUN]")
    arguments.add_repeat(one)
    arguments.add_number(one, "lengthen", 1)
    arguments.add_number(one, "evaluate_every", "as before")
    arguments.add_dropout(one)
    one.set_defaults(command=_decay)


def _decay(options: argparse.Namespace) -> int:
    run = Run(options.run)
    begun = run.config()
    changes: dict[str, Any] = {"drop": arguments.change_dropout(begun.drop, options)}
    for name in ("name", "corpus", "licence", "evaluate_every"):
        changes[name] = getattr(options, name) or getattr(begun, name)
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
