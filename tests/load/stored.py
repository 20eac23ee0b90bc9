"""Stored: a bot whose database is large before it begins: its size, memory, and what is slow."""

from __future__ import annotations

import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests import machine
from tests.discord.people import Asked, Channel, Discord, Person
from tests.discord.processes import fake_discord
from tests.kills.crowd import BLOCK, card_of

from . import filling
from .findings import Finding, Report, percentiles, table, waits
from .house import OneProcess
from .public import Deed

IN_A_SERVER = 100
"""Channels of a server. The bot hears of all of them, as of all that a server has."""

MEMORY, DATABASE = 400e6, 2e9
"""Bytes that the bot and its database may take."""

COLD = 1.5
"""How many times as long a line may take in a channel that nobody has used yet."""

SLOWER = 3.0
"""How many times as long as in a small database a command takes that is told of."""

FEW = 40
"""Channels of the small one."""

COMMANDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("start", {"title": "Another", "heading": "INT. ROOF - NIGHT"}),
    ("continue", {"seed": 1}),
    ("write", {"text": "It rains."}),
    ("undo", {}),
    ("retry", {}),
    ("edit", {}),
    ("fork", {"title": "A fork"}),
    ("history", {}),
    ("scripts", {}),
    ("script show", {}),
    ("script export", {"format": "fountain"}),
    ("script stats", {}),
    ("script replay", {}),
    ("surprise", {}),
    ("cast list", {}),
    ("cast add", {"names": "MAYA"}),
    ("settings show", {}),
    ("settings turns", {"cooldown": 0}),
    ("settings banned", {"add": "rain"}),
    ("model list", {}),
    ("model info", {}),
    ("privacy about", {}),
    ("privacy export", {}),
    ("help", {}),
)
"""What is asked once in a large database and in a small one, each in a channel of its own."""


@dataclass
class Seen:
    """What was measured of one bot."""

    ready: float = 0.0
    """Seconds from its start until it is connected, with its commands known."""
    begun: machine.Memory = field(default_factory=lambda: machine.Memory(0, 0))
    used: machine.Memory = field(default_factory=lambda: machine.Memory(0, 0))
    commands: dict[str, float] = field(default_factory=dict)
    """Seconds that each command took."""
    warm: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    """Seconds that the same lines took, one after the other in one channel, and each in a channel
    of its own."""
    refused: list[str] = field(default_factory=list)
    """What was said instead of a line."""


@dataclass(frozen=True)
class Town:
    """A Discord with many channels, and who writes there."""

    address: str
    discord: Discord
    channels: list[Channel]
    guilds: list[int]
    people: list[Person]
    """One in each server."""

    def at(self, number: int) -> tuple[Person, Channel]:
        """A channel, and somebody who is there."""
        return self.people[number // IN_A_SERVER], self.channels[number]


async def stored(house: OneProcess, channels: int, lines: int, pairs: int) -> Report:
    """A bot with so many channels of so many lines, beside one with few."""
    with tempfile.TemporaryDirectory(dir=house.folder) as folder:
        few = await _seen(replace(house, folder=Path(folder)), min(FEW, channels), lines, 0)
    began = time.perf_counter()
    large = await _seen(house, channels, lines, pairs)
    report = Report(f"{channels:,} stored channels of {lines} lines each")
    size = house.database.stat().st_size
    ratio = statistics.median(large.cold) / statistics.median(large.warm)
    report.findings = [
        Finding("memory of the bot after use (RSS)", large.used.resident / 1e6, MEMORY / 1e6, MB),
        Finding("database", size / 1e6, DATABASE / 1e6, MB),
        Finding("/continue, cold beside warm", ratio, COLD, "{:.2f} times"),
        Finding("lines that were refused", len(large.refused), 0),
    ]
    report.tables = [
        _memory(few, large),
        waits({"/continue, warm": large.warm, "/continue, cold": large.cold}),
        _slower(few, large),
        _parts(house.database),
    ]
    report.numbers = {
        "bytes": size,
        "seconds": time.perf_counter() - began,
        "warm": percentiles(large.warm),
        "cold": percentiles(large.cold),
        "few": _numbers(few),
        "large": _numbers(large),
    }
    return report


MB = "{:,.0f} MB"


async def _seen(house: OneProcess, channels: int, lines: int, pairs: int) -> Seen:
    """Fills a database, and looks at a bot that has it."""
    seen = Seen()
    async with _town(channels) as town:
        places = [(one.id, town.guilds[n // IN_A_SERVER]) for n, one in enumerate(town.channels)]
        await filling.fill(house.database, house.voice, places, lines)
        _forget_pages(house.database)
        began = time.perf_counter()
        with house.running(town.address) as [bot]:
            await town.discord.bot_is_ready()
            seen.ready = time.perf_counter() - began
            seen.begun = machine.memory(bot)
            await _compare(town, seen, pairs)
            # Where nobody was yet, from the end on, and not where they are compared.
            for number, (command, options) in enumerate(COMMANDS, 1):
                person, channel = town.at(channels - number)
                asked = await person.slash(channel, command, **options)
                seen.commands[command] = await _took(Deed(command, asked))
            seen.used = machine.memory(bot)
    return seen


@asynccontextmanager
async def _town(channels: int) -> AsyncIterator[Town]:
    """So many channels, of servers that have as many as are usual; nobody is far away here.

    What takes long in the bot would else be hidden behind what takes long at Discord.
    """
    with fake_discord() as address:
        async with Discord(address) as discord:
            town = Town(address, discord, [], [], [])
            for number in range(0, channels, IN_A_SERVER):
                guild = await discord.guild(f"House {number}")
                town.guilds.append(guild.id)
                town.people.append(await guild.person("Pat"))
                town.channels.extend(await guild.channels(min(IN_A_SERVER, channels - number)))
            yield town


async def _compare(town: Town, seen: Seen, pairs: int) -> None:
    """The same line in the same place of the same play, in one channel and in many, in turn."""
    person, warm = town.at(0)
    for pair in range(pairs + 1):
        wanted = [(town.at((pair + 1) * filling.PLAYS), seen.cold), ((person, warm), seen.warm)]
        texts = set[str]()
        for (who, channel), times in wanted if pair % 2 else reversed(wanted):
            asked = await who.slash(channel, "continue", seed=pair)
            took = await _took(Deed("/continue", asked))
            texts.add(_lines_of(asked))
            # The first of them fill what is kept of statements.
            times += [took] if pair else []
        # Where they began with the same, they have written the same.
        seen.refused += [] if len(texts) == 1 and texts != {""} else sorted(texts)
        await _took(Deed("/undo", await person.slash(warm, "undo")))


async def _took(deed: Deed) -> float:
    """The seconds until it has ended."""
    ended = await deed.asked.discord.until(deed.ended, lambda: deed.what, [deed.asked.id])
    return ended.at - deed.asked.began


def _lines_of(asked: Asked) -> str:
    return "".join(card_of(one) for one in asked.answers() if BLOCK in one.content)


def _forget_pages(path: Path) -> None:
    """Lets the system forget what it has read of a file, so that it must be read from the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)


def _memory(few: Seen, large: Seen) -> str:
    rows = [("MB", "few channels", "all channels")]
    for when in ("begun", "used"):
        for name, what in (("resident", "RSS"), ("proportional", "PSS")):
            sizes = (getattr(getattr(one, when), name) / 1e6 for one in (few, large))
            rows.append((f"{what}, {when}", *(f"{size:,.0f}" for size in sizes)))
    rows.append(("seconds until it is ready", f"{few.ready:.1f}", f"{large.ready:.1f}"))
    return table(rows)


def _slower(few: Seen, large: Seen) -> str:
    """The commands that take much longer than in a small database."""
    rows = [(f"more than {SLOWER:g} times as slow", "few, ms", "all, ms", "times")]
    for command, took in large.commands.items():
        ratio = took / few.commands[command]
        if ratio > SLOWER:
            before = 1000 * few.commands[command]
            rows.append((f"/{command}", f"{before:,.0f}", f"{1000 * took:,.0f}", f"{ratio:.1f}"))
    return table(rows) if len(rows) > 1 else f"No command is {rows[0][0]}."


def _parts(path: Path) -> str:
    """What of a database takes how much."""
    with closing(sqlite3.connect(path)) as database:
        try:
            found = database.execute(
                "SELECT name, sum(pgsize), sum(ncell) FROM dbstat WHERE aggregate = 1 GROUP BY name"
                " ORDER BY 2 DESC LIMIT 12"
            ).fetchall()
        except sqlite3.OperationalError:
            return "This SQLite cannot tell what takes how much."
    rows = [("in the database", "MB", "rows and pages")]
    rows += [(name, f"{size / 1e6:,.0f}", f"{cells:,}") for name, size, cells in found]
    return table(rows)


def _numbers(seen: Seen) -> dict[str, Any]:
    return {
        "ready": seen.ready,
        "begun": vars(seen.begun),
        "used": vars(seen.used),
        "commands": seen.commands,
    }
