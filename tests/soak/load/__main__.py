"""Measure the bot under load from many channels, over real HTTP and WebSockets.

    python -m tests.soak.load                    # all four scenarios
    python -m tests.soak.load steady burst       # some of them
    python -m tests.soak.load --postgres --processes 2

    steady   a steady rate of commands for some minutes, over many channels of many servers
    burst    many commands within one second
    faults   faults of the network and of Discord while commands arrive
    stored   a database with many channels: its size, the bot's memory, and slow commands

The program prints each figure with its bound. Its exit code is 1 if a line was lost or stored
twice, or a bound was missed. The fake Discord has realistic latencies (50 to 200 ms) and limits.
The bot, its database, the fake Discord and the people share --cores cores; use an idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bot.settings import SHIPPED_MODELS
from tests.fake_discord.processes import whole_interpreters
from tests.soak import machine

from . import scenarios, stored
from .databases import Database, OneFile, on_a_server
from .findings import Report
from .house import House
from .scenarios import Scale

SCENARIOS = ("steady", "burst", "faults", "stored")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios; return the exit code: 1 if anything was lost, or a bound was missed."""
    command = parser()
    options = command.parse_args(arguments)
    if options.processes > 1 and not options.postgres:
        command.error("a file belongs to one process: add --postgres")
    machine.keep_to(options.cores)
    about = where(options)
    print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    reports: list[Report] = []
    for name in options.scenario or SCENARIOS:
        reports.append(run(name, options))
        print(f"\n{reports[-1]}", flush=True)
    short = [one for report in reports for one in report.findings if not one.met]
    print(f"\n{len(short)} of the bounds were missed.")
    if options.json:
        found = {"where": about, "reports": [one.document() for one in reports]}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(bool(short))


def run(name: str, options: argparse.Namespace) -> Report:
    """Run one scenario with a bot and a folder of its own."""
    before = os.getloadavg()[0]
    scale = Scale(options.channels, options.guilds, options.seed)
    with ExitStack() as stack:
        stack.enter_context(whole_interpreters())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        database: Database = OneFile(folder)
        if options.postgres:
            database = stack.enter_context(on_a_server(folder, options.folder))
        settings = {"threads": options.threads}
        house = House(folder, options.voice.resolve(), database, settings, options.processes)
        match name:
            case "steady":
                measured = scenarios.steady(house, scale, options.rate, options.minutes)
            case "burst":
                measured = scenarios.burst(house, scale, options.commands)
            case "faults":
                measured = scenarios.unlucky(house, scale, options.fault_rate, options.faults)
            case _:
                measured = stored.stored(house, options.stored, options.lines, options.pairs)
        report = asyncio.run(measured)
    after = os.getloadavg()[0]
    report.tables.append(f"The load average was {before:.2f} before and {after:.2f} after.")
    report.numbers["load average"] = {"before": before, "after": after}
    return report


def where(options: argparse.Namespace) -> dict[str, object]:
    """Describe the machine, the software and the date."""
    return {
        "processor": machine.processor(),
        "cores": f"{machine.cores()} of {os.cpu_count()}",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
        "discord.py": version("discord.py"),
        "onnxruntime": version("onnxruntime"),
        "voice": options.voice.stem,
        "threads": options.threads,
        "processes": options.processes,
        "database": "PostgreSQL" if options.postgres else "SQLite",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def parser() -> argparse.ArgumentParser:
    one = argparse.ArgumentParser(
        prog="python -m tests.soak.load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # argparse looks for an empty list among the choices when no scenario is named.
    choices = [*SCENARIOS, []]
    one.add_argument(
        "scenario", nargs="*", choices=choices, metavar="SCENARIO", help="see above (all)"
    )

    def number(name: str, default: float, what: str) -> None:
        one.add_argument(name, type=type(default), default=default, help=f"{what} (%(default)s)")

    number("--channels", 1000, "channels")
    number("--guilds", 100, "servers")
    number("--rate", 20.0, "steady: commands a second")
    number("--minutes", 5.0, "steady: duration")
    number("--commands", 100, "burst: commands")
    number("--faults", 500, "faults: number of faults")
    number("--fault-rate", 5.0, "faults: commands a second")
    number("--stored", 100_000, "stored: channels")
    number("--lines", 20, "stored: lines in each channel")
    number("--pairs", 60, "stored: pairs of a cold and a warm line")
    number("--threads", 2, "threads of the voice")
    number("--processes", 1, "processes of the bot, which divide the shards")
    number("--cores", 2, "cores for everything together")
    number("--seed", 1, "seed of the random choices")
    one.add_argument("--voice", type=Path, default=SHIPPED_MODELS / "stage.onnx")
    one.add_argument("--postgres", action="store_true", help="use PostgreSQL instead of SQLite")
    one.add_argument("--folder", type=Path, help="parent of the databases (the temporary folder)")
    one.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file")
    return one


if __name__ == "__main__":
    sys.exit(main())
