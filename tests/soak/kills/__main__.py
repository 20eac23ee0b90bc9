"""Kill the bot or its database at the worst moments, and check that nothing shown was lost.

`bot` kills the bot at the fake Discord, `sessions` kills sessions and the store without Discord,
and `power` cuts the power of a disk that loses what was not flushed.
"""

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
    """The target of the kills, and their number."""

    what: Positional[Literal["bot", "sessions", "power"]]
    """The target to kill."""
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
    began, voice = time.perf_counter(), options.voice.resolve()
    database = server() if options.postgres and options.what != "power" else nullcontext()
    with tempfile.TemporaryDirectory() as name, database as started:
        folder = Path(name)
        match options.what:
            case "bot":
                points = crowd.plan(options.times or 300)
                found = asyncio.run(
                    crowd.kill_bot(voice, folder, points, options.channels, started)
                )
                title = f"the bot, with {options.channels} busy channels"
                fine = crowd.is_complete(found, points)
            case "sessions":
                found = sessions.kill_sessions(voice, folder, options.times or 1000, started)
                title = "without Discord"
                fine = all(finding.fine for finding in found.values())
            case "power":
                found = power.cut_power(voice, folder, options.times or 200)
                title = "a disk that loses what was not flushed"
                # The weaker setting loses lines, so the program can see a loss.
                fine = found["FULL"].fine and found["NORMAL"].lost > 0
    print(f"{title}{', on PostgreSQL' if started else ''}\n\n{table(found)}")
    print(f"\n{time.perf_counter() - began:.0f} s")
    return int(not fine)


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
