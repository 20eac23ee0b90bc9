"""Kill the bot or its database at the worst moments, and check that nothing shown was lost.

`bot` kills the bot at the fake Discord, `sessions` kills sessions and the store without Discord,
and `power` cuts the power of a disk that loses what was not flushed.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from tyro.conf import DisallowNone, FlagCreatePairsOff, Positional

from tests.tools.postgres_server import server
from tests.voice_option import STAGE, VoiceFile
from training.ranges import OptionalPositiveInt

from . import crowd, power, sessions
from .database_check import table


@dataclass(frozen=True)
class Options:
    """What is killed, and how often."""

    what: Positional[Literal["bot", "sessions", "power"]]
    """What is killed."""
    times: OptionalPositiveInt = None
    """The number of kills, instead of 300 of the bot, 1,000 of sessions, or 200 power cuts."""
    postgres: bool = False
    """``bot`` and ``sessions`` on a server, not in a file."""
    channels: int = 20
    """The number of channels of the ``bot``."""
    voice: VoiceFile = STAGE
    """The voice file."""


def main(options: Options) -> int:
    """Run the command; return the exit code: 1 if anything was lost, stored twice or wrong."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        fine = {"bot": _bot, "sessions": _sessions, "power": _power}[options.what](
            options, Path(folder)
        )
    print(f"\n{time.perf_counter() - began:.0f} s")
    return int(not fine)


def _bot(options: Options, folder: Path) -> bool:
    points, voice = crowd.plan(options.times or 300), options.voice.resolve()
    with server() if options.postgres else nullcontext() as started:
        found = asyncio.run(
            crowd.kill_bot(voice, folder, points, options.channels, {"line_length": 200}, started)
        )
    where = ", on PostgreSQL" if options.postgres else ""
    print(f"the bot, with {options.channels} busy channels{where}\n")
    print(table(found))
    return crowd.is_complete(found, points)


def _sessions(options: Options, folder: Path) -> bool:
    with server() if options.postgres else nullcontext() as started:
        found = sessions.kill_sessions(
            options.voice.resolve(), folder, options.times or 1000, started
        )
    print(f"without Discord{', on PostgreSQL' if options.postgres else ''}\n")
    print(table(found))
    return all(finding.fine for finding in found.values())


def _power(options: Options, folder: Path) -> bool:
    found = power.cut_power(options.voice.resolve(), folder, options.times or 200)
    print("a disk that loses what was not flushed\n")
    print(table(found))
    return found["FULL"].fine and found["NORMAL"].lost > 0


if __name__ == "__main__":
    sys.exit(
        main(
            tyro.cli(
                Options,
                prog="python -m tests.soak.kills",
                description=__doc__,
                config=(DisallowNone, FlagCreatePairsOff),
            )
        )
    )
