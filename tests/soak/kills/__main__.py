"""``python -m tests.soak.kills``: the bot or its database, killed in the worst moments."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from bot.settings import SHIPPED_MODELS
from tests.tools.postgres_server import server

from . import crowd, power, rooms
from .truth import table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code: 1 if anything was lost, doubled or wrong."""
    options = parser().parse_args(arguments)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        fine = {"bot": _bot, "rooms": _rooms, "power": _power}[options.what](options, Path(folder))
    print(f"\n{time.perf_counter() - began:.0f} s")
    return int(not fine)


def _bot(options: argparse.Namespace, folder: Path) -> bool:
    times = options.times or 300
    points = crowd.plan(times, crowd.fewest(times))
    found = asyncio.run(
        crowd.kills(options.voice.resolve(), folder, points, options.channels, {"line_length": 200})
    )
    print(f"the bot, {options.channels} channels busy\n")
    print(table(found))
    return crowd.counted(found, points)


def _rooms(options: argparse.Namespace, folder: Path) -> bool:
    with server() if options.postgres else nullcontext() as one:
        found = rooms.kills(options.voice.resolve(), folder, options.times or 1000, one)
    print(f"Room and Store alone{', on PostgreSQL' if options.postgres else ''}\n")
    print(table(found))
    return all(one.fine for one in found.values())


def _power(options: argparse.Namespace, folder: Path) -> bool:
    found = power.cuts(options.voice.resolve(), folder, options.times or 200)
    print("a disk that forgets what was not flushed\n")
    print(table(found))
    return found["FULL"].fine and found["NORMAL"].lost > 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    one = argparse.ArgumentParser(prog="python -m tests.soak.kills", description=__doc__)
    one.add_argument("what", choices=("bot", "rooms", "power"))
    one.add_argument("--times", type=int, help="how often (300, 1,000 and 200)")
    one.add_argument("--postgres", action="store_true", help="`rooms` with a server, not a file")
    one.add_argument("--channels", type=int, default=20, help="(%(default)s)")
    one.add_argument("--voice", type=Path, default=SHIPPED_MODELS / "stage.onnx")
    return one


if __name__ == "__main__":
    sys.exit(main())
