"""Measure the bot under load from many channels, over real HTTP and WebSockets.

    python -m tests.soak.load                    # all four scenarios
    python -m tests.soak.load steady burst       # some of them
    python -m tests.soak.load steady --rate 5 --minutes 60
    python -m tests.soak.load --postgres --processes 2

    steady   a steady rate of commands for some minutes, over many channels of many servers
    shared   the same, over few channels, on one core that another program keeps busy
    burst    many commands within one second
    stored   a database with many channels: its size, the bot's memory, and slow commands

The program prints each figure with its bound. Its exit code is 1 if a line was lost or stored
twice, or a bound was missed. The fake Discord has realistic latencies (50 to 200 ms) and limits.
The bot, its database, the fake Discord and the people share --cores cores; use an idle machine.
"""

import asyncio
import os
import platform
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

import tyro
from tyro.conf import DisallowNone, FlagCreatePairsOff, Positional

from bot.generation.provenance import find_processor_name
from bot.storage.store import Store
from tests.fake_discord.processes import whole_interpreters
from tests.soak import machine
from tests.tools.postgres_server import DEFAULTS, server
from tests.voice_option import STAGE, VoiceFile

from . import scenarios, stored
from .databases import Database, OneFile, OnServer
from .findings import Report
from .house import House
from .scenarios import Scale

SHARED_GUILDS = 8
"""The number of servers of ``shared``."""

Scenario = Literal["steady", "shared", "burst", "stored"]


@dataclass(frozen=True)
class Options:
    """The load that the bot bears, and the machine."""

    scenarios: Positional[tuple[Scenario, ...]] = ()
    """Some of the scenarios, instead of all."""
    channels: int = 1000
    """The number of channels, except of ``shared`` and ``stored``."""
    guilds: int = 100
    """The number of servers."""
    rate: float = 20.0
    """``steady``: commands per second."""
    minutes: float = 5.0
    """``steady``: the duration."""
    shared_channels: int = 40
    """``shared``: the number of channels."""
    shared_rate: float = 4.5
    """``shared``: commands per second."""
    shared_minutes: float = 25.0
    """``shared``: the duration."""
    commands: int = 100
    """``burst``: the number of commands."""
    stored: int = 100_000
    """``stored``: the number of channels."""
    lines: int = 20
    """``stored``: the lines in each channel."""
    pairs: int = 60
    """``stored``: the pairs of a cold and a warm line."""
    threads: int | None = None
    """The threads of the voice, instead of what the bot chooses."""
    processes: int = 1
    """The processes of the bot, which divide the shards; several need --postgres."""
    cores: int = 2
    """The cores for everything together."""
    seed: int = 1
    """The seed of the random choices."""
    voice: VoiceFile = STAGE
    """The voice file."""
    postgres: bool = False
    """Use PostgreSQL instead of SQLite."""
    folder: Path | None = None
    """The parent of the databases, instead of the temporary folder."""

    def __post_init__(self) -> None:
        if self.processes > 1 and not self.postgres:
            raise ValueError("A file belongs to one process: add --postgres.")


def main(options: Options) -> int:
    """Run the scenarios; return the exit code: 1 if anything was lost, or a bound was missed."""
    machine.keep_to(options.cores)
    about = where(options)
    print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    reports: list[Report] = []
    for name in options.scenarios or get_args(Scenario):
        reports.append(run(name, options))
        print(f"\n{reports[-1]}", flush=True)
    short = [finding for report in reports for finding in report.findings if not finding.met]
    print(f"\n{len(short)} of the bounds were missed.")
    return int(bool(short))


def run(name: Scenario, options: Options) -> Report:
    """Run one scenario with a bot and a folder of its own."""
    before = os.getloadavg()[0]
    scale = Scale(options.channels, options.guilds, options.seed)
    with ExitStack() as stack:
        stack.enter_context(whole_interpreters())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        database: Database = OneFile(folder)
        if options.postgres:
            # With PostgreSQL's default flushing.
            started = stack.enter_context(server(DEFAULTS, options.folder))
            database = OnServer(folder, started, started.create())
        settings = {} if options.threads is None else {"threads": options.threads}
        asyncio.run(make_tables(database))
        house = House(folder, options.voice.resolve(), database, settings, options.processes)
        match name:
            case "steady":
                measured = scenarios.steady(house, scale, options.rate, options.minutes)
            case "shared":
                few = replace(scale, channels=options.shared_channels, guilds=SHARED_GUILDS)
                measured = scenarios.shared(house, few, options.shared_rate, options.shared_minutes)
            case "burst":
                measured = scenarios.burst(house, scale, options.commands)
            case _:
                measured = stored.stored(house, options.stored, options.lines, options.pairs)
        report = asyncio.run(measured)
    after = os.getloadavg()[0]
    report.tables.append(f"The load average was {before:.2f} before and {after:.2f} after.")
    return report


async def make_tables(database: Database) -> None:
    """Make the tables, for which a bot imports more than it needs later."""
    store = await Store.open(database.path if isinstance(database, OneFile) else database.url)
    await store.close()


def where(options: Options) -> dict[str, object]:
    return {
        "processor": find_processor_name(),
        "cores": f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
        "discord.py": version("discord.py"),
        "onnxruntime": version("onnxruntime"),
        "voice": options.voice.stem,
        "threads": options.threads or "by default",
        "processes": options.processes,
        "database": "PostgreSQL" if options.postgres else "SQLite",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def run_command() -> int:
    """Read the options, and run the scenarios; return the exit code."""
    prog, config = "python -m tests.soak.load", (DisallowNone, FlagCreatePairsOff)
    return main(tyro.cli(Options, prog=prog, description=__doc__, config=config))
