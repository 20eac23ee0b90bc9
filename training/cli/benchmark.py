"""Run ``benchmark``: measure the speed of training."""

from __future__ import annotations

import argparse
import dataclasses

from training.config import PRESETS
from training.experiments import throughput

from .arguments import Commands, add_precision, positive


def add_command(commands: Commands) -> None:
    """Add the command to the command line."""
    one = commands.add_parser(
        "benchmark", help="compare the speed of training with a bare nn.LSTM of the same cost"
    )
    one.add_argument(
        "--rounds", type=positive(int), default=7, help="timed rounds of each [%(default)s]"
    )
    one.add_argument(
        "--preset", choices=list(PRESETS), default="standard", help="sizes [%(default)s]"
    )
    add_precision(one)
    one.add_argument(
        "--compile", action="store_true", help="also time torch.compile, which needs a C++ compiler"
    )
    one.set_defaults(command=_benchmark, precision="auto")


def _benchmark(options: argparse.Namespace) -> int:
    config = dataclasses.replace(PRESETS[options.preset], precision=options.precision)
    print(throughput.report(options.rounds, config, compiled=options.compile))
    return 0
