"""Kill the bot or its database at the worst moments, and check that nothing shown was lost.

`bot` kills the bot at the fake Discord, `sessions` kills sessions and the store without Discord,
and `power` cuts the power of a disk that loses what was not flushed.
"""

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

from . import crowd, power, sessions
from .database_check import table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code: 1 if anything was lost, stored twice or wrong."""
    options = parser().parse_args(arguments)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        fine = {"bot": _bot, "sessions": _sessions, "power": _power}[options.what](
            options, Path(folder)
        )
    print(f"\n{time.perf_counter() - began:.0f} s")
    return int(not fine)


def _bot(options: argparse.Namespace, folder: Path) -> bool:
    points = crowd.plan(options.times or 300)
    found = asyncio.run(
        crowd.kill_bot(
            options.voice.resolve(), folder, points, options.channels, {"line_length": 200}
        )
    )
    print(f"the bot, with {options.channels} busy channels\n")
    print(table(found))
    return crowd.is_complete(found, points)


def _sessions(options: argparse.Namespace, folder: Path) -> bool:
    with server() if options.postgres else nullcontext() as one:
        found = sessions.kill_sessions(options.voice.resolve(), folder, options.times or 1000, one)
    print(f"without Discord{', on PostgreSQL' if options.postgres else ''}\n")
    print(table(found))
    return all(one.fine for one in found.values())


def _power(options: argparse.Namespace, folder: Path) -> bool:
    found = power.cut_power(options.voice.resolve(), folder, options.times or 200)
    print("a disk that loses what was not flushed\n")
    print(table(found))
    return found["FULL"].fine and found["NORMAL"].lost > 0


def parser() -> argparse.ArgumentParser:
    one = argparse.ArgumentParser(prog="python -m tests.soak.kills", description=__doc__)
    one.add_argument("what", choices=("bot", "sessions", "power"))
    one.add_argument("--times", type=int, help="number of kills (300, 1,000 or 200)")
    one.add_argument(
        "--postgres", action="store_true", help="`sessions` on a server, not in a file"
    )
    one.add_argument("--channels", type=int, default=20, help="for `bot` (%(default)s)")
    one.add_argument("--voice", type=Path, default=SHIPPED_MODELS / "stage.onnx")
    return one


if __name__ == "__main__":
    sys.exit(main())
