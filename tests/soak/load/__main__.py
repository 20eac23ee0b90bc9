"""How the bot bears many channels, over real HTTP and WebSocket.

    python -m tests.soak.load                    # all four scenarios
    python -m tests.soak.load steady burst       # some of them
    python -m tests.soak.load --postgres --processes 2

    steady   so many commands a second for some minutes, over many channels of many servers
    burst    so many commands within one second
    faults   so many faults of the network and of Discord's, while commands arrive
    stored   a database with many channels: its size, the bot's memory, and what is slow there

It prints what was seen beside what is asked, and returns 1 where a line was lost or doubled, or a
bound was missed. Discord is as far away as it is (50 to 200 ms), and as strict. The bot, its
database, the fake Discord and the people share so many cores; measure on a machine that does
nothing else.
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
    """Run one scenario, with a bot and a folder of its own."""
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
    report.tables.append(f"The load average was {before:.2f} before it, and {after:.2f} after it.")
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
    """Return the parser of the command line."""
    one = argparse.ArgumentParser(
        prog="python -m tests.soak.load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # argparse looks for an empty list among the choices when no scenario is named.
    choices = [*SCENARIOS, []]
    one.add_argument("scenario", nargs="*", choices=choices, metavar="SCENARIO", help="or all")
    one.add_argument("--channels", type=int, default=1000, help="(%(default)s)")
    one.add_argument("--guilds", type=int, default=100, help="servers (%(default)s)")
    one.add_argument("--rate", type=float, default=20, help="steady: a second (%(default)s)")
    one.add_argument("--minutes", type=float, default=5, help="steady: for so long (%(default)s)")
    one.add_argument("--commands", type=int, default=100, help="burst: so many (%(default)s)")
    one.add_argument("--faults", type=int, default=500, help="faults: so many (%(default)s)")
    one.add_argument("--fault-rate", type=float, default=5, help="faults: a second (%(default)s)")
    one.add_argument("--stored", type=int, default=100_000, help="stored: channels (%(default)s)")
    one.add_argument("--lines", type=int, default=20, help="stored: in each (%(default)s)")
    one.add_argument("--pairs", type=int, default=60, help="stored: cold and warm (%(default)s)")
    one.add_argument("--voice", type=Path, default=SHIPPED_MODELS / "stage.onnx")
    one.add_argument("--threads", type=int, default=2, help="of the voice (%(default)s)")
    one.add_argument("--postgres", action="store_true", help="on a server, not in a file")
    one.add_argument(
        "--processes", type=int, default=1, help="each with a part of the shards (%(default)s)"
    )
    one.add_argument("--cores", type=int, default=2, help="for everything (%(default)s)")
    one.add_argument("--seed", type=int, default=1, help="of all chance (%(default)s)")
    one.add_argument("--folder", type=Path, help="where databases are made; for temporary files")
    one.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")
    return one


if __name__ == "__main__":
    sys.exit(main())
