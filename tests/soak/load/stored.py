"""Measure a bot with a large database: its size, the bot's memory, and slow commands."""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fake_discord.people import Asked, Channel, Discord, Person
from tests.fake_discord.processes import UNLIMITED, fake_discord
from tests.soak import machine
from tests.tools.tables import format_table

from .findings import MB, Finding, Report, bots, percentiles, resident, waits
from .house import House
from .public import MeasuredAct

IN_A_SERVER = 100
"""The number of channels in a server."""

DATABASE = 2e9
"""The largest acceptable size of the database [bytes]."""

COLD = 1.5
"""The largest acceptable ratio of a line's time in an unused channel to that in a used one."""

SLOWER = 3.0
"""The ratio to its time in a small database above which a command is reported as slow."""

TIMES = 3
"""The number of uses of each command; the median counts."""

FEW = 100
"""The number of channels in the small database."""

COMMANDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("start", {"title": "Another", "heading": "A roof at night"}),
    ("continue", {}),
    ("write", {"text": "It rains."}),
    ("undo", {}),
    ("script edit", {}),
    ("script fork", {"title": "A fork"}),
    ("script history", {}),
    ("script list", {}),
    ("script show", {}),
    ("script export", {"format": "fountain"}),
    ("script stats", {}),
    ("script stats", {"what": "replay"}),
    ("script stats", {"what": "guesses"}),
    ("cast", {}),
    ("cast", {"add": "MAYA"}),
    ("settings", {"setting": "everything"}),
    ("settings", {"setting": "cooldown", "value": "0"}),
    ("banned", {"add": "rain"}),
    ("voice", {}),
    ("privacy", {}),
    ("help", {}),
)
"""The commands that are compared in a large database and in a small one."""


@dataclass
class Lines:
    """The same lines, written in one channel in turn, and each in a channel of its own."""

    warm: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    """The time of each line [s]."""
    others: list[str] = field(default_factory=list)
    """The lines that differed."""


@dataclass
class Town:
    """A Discord with many channels, their people, and the bot."""

    discord: Discord
    channels: list[Channel] = field(default_factory=list)
    guilds: list[int] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    """One person in each server."""
    bots: list[int] = field(default_factory=list)
    """The bot's process ids by shard."""
    ready: float = 0.0
    """The time from the bot's start until it was connected [s]."""
    begun: list[int] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    """The memory [bytes] of each process once connected, and after use."""

    def at(self, number: int) -> tuple[Person, Channel]:
        """Return a channel and a member of it, by an index, which may be negative."""
        return self.people[number % len(self.channels) // IN_A_SERVER], self.channels[number]

    def memory(self) -> list[int]:
        """Return the memory of each process of the bot [bytes]."""
        return [machine.memory(bot) for bot in self.bots]


async def stored(house: House, channels: int, lines: int, pairs: int) -> Report:
    """Compare a bot with many stored channels with one with few."""
    began = time.perf_counter()
    house = replace(house, settings={**house.settings, **UNLIMITED})
    with house.database.another() as other:
        async with (
            _town(house, channels, lines) as town,
            _town(replace(house, database=other), min(FEW, channels), lines) as small,
        ):
            found = await _compare(house, town, pairs)
            took = await _ask_all(small, town)
            for place in (town, small):
                place.used = place.memory()
    report = Report(f"{channels:,} stored channels of {lines} lines each")
    size = house.database.size()
    ratio = statistics.median(found.cold) / statistics.median(found.warm)
    report.findings = [
        *resident(town.used),
        Finding("database", size / 1e6, DATABASE / 1e6, MB),
        Finding("/continue, cold beside warm", ratio, COLD, "{:.2f} times"),
        Finding("lines that differ, cold and warm", len(found.others), 0),
    ]
    report.tables = [
        _memory(small, town),
        waits({"/continue, warm": found.warm, "/continue, cold": found.cold}),
        _slower(took),
    ]
    report.numbers = {
        "bytes": size,
        "seconds": time.perf_counter() - began,
        "warm": percentiles(found.warm),
        "cold": percentiles(found.cold),
        "others": found.others,
        "commands, few and all": took,
        "memory": {
            name: {"ready": place.ready, "begun": place.begun, "used": place.used}
            for name, place in (("few", small), ("all", town))
        },
    }
    return report


@asynccontextmanager
async def _town(house: House, channels: int, lines: int) -> AsyncIterator[Town]:
    """Yield a bot with stored channels. Discord has no latencies, which would hide the bot's."""
    with fake_discord() as address:
        async with Discord(address) as discord:
            town = Town(discord)
            for number in range(0, channels, IN_A_SERVER):
                guild = await discord.guild(f"House {number}")
                town.guilds.append(guild.id)
                town.people.append(await guild.person("Pat"))
                names = map(str, range(number, min(number + IN_A_SERVER, channels)))
                town.channels.extend(await guild.channels(*names))
            where = [
                (channel.id, town.guilds[n // IN_A_SERVER])
                for n, channel in enumerate(town.channels)
            ]
            await house.database.fill(house.voice, where, lines)
            began = time.perf_counter()
            with house.running(address) as town.bots:
                await discord.bot_is_ready()
                town.ready, town.begun = time.perf_counter() - began, town.memory()
                yield town


async def _compare(house: House, town: Town, pairs: int) -> Lines:
    """Write the same lines of the play in a warm channel and in cold ones, in turn.

    The warm channel of each process of the bot is its first one.
    """
    found = Lines()
    for shard in range(house.processes):
        here = [
            number
            for number in range(len(town.channels))
            if house.shard_of(town.guilds[number // IN_A_SERVER]) == shard
        ]
        count = max(1, pairs // house.processes) + 2
        warm, *others = here[:: max(1, len(here) // count)][:count]
        # The first pair fills the caches of statements.
        for pair, cold in enumerate(others):
            wanted = [(town.at(cold), found.cold), (town.at(warm), found.warm)]
            texts = list[str]()
            for place, times in wanted if pair % 2 else reversed(wanted):
                took, asked = await _took(*place, "continue", {})
                seen = [(line.author, line.text) for line in asked.results() if line.is_line]
                texts.append(str(seen))
                times += [took] if pair else []
            if texts[0] == "[]" or texts[0] != texts[1]:
                found.others += texts
            await _took(*town.at(warm), "undo", {})
    return found


async def _ask_all(*towns: Town) -> dict[str, list[float]]:
    """Return the median time of each command in each town [s].

    Each use is in an unused channel, from the end on, and in the towns in turn.
    """
    found: dict[str, list[float]] = {}
    for number, (command, options) in enumerate(COMMANDS):
        took: list[list[float]] = [[] for _ in towns]
        for before in range(number, TIMES * len(COMMANDS), len(COMMANDS)):
            for town, times in zip(towns, took, strict=True):
                place = town.at(-1 - before % len(town.channels))
                times.append((await _took(*place, command, options))[0])
        name = " ".join((command, *map(str, options.values())))
        found[name] = [statistics.median(times) for times in took]
    return found


async def _took(
    person: Person, channel: Channel, command: str, options: dict[str, Any]
) -> tuple[float, Asked]:
    """Use a command; return the time until its end [s], and the request."""
    asked = await person.slash(channel, command, **options)
    act = MeasuredAct(command, asked)
    ended = await asked.discord.until(act.ended, lambda: f"/{command}: {asked}", [asked.id])
    return ended - asked.began, asked


def _memory(*towns: Town) -> str:
    rows = [("MB", "few channels", "all channels")]
    for shard, who in enumerate(bots(len(towns[0].bots))):
        for when in ("begun", "used"):
            sizes = (getattr(town, when)[shard] / 1e6 for town in towns)
            rows.append((f"{who}, {when}", *(f"{size:,.0f}" for size in sizes)))
    rows.append(("seconds until ready", *(f"{town.ready:.1f}" for town in towns)))
    return format_table(rows)


def _slower(took: Mapping[str, Sequence[float]]) -> str:
    """Return a table of the commands that take much longer than in a small database."""
    rows = [(f"more than {SLOWER:g} times as slow", "few, ms", "all, ms", "times")]
    for command, (few, large) in took.items():
        if large > SLOWER * few:
            cells = f"{1000 * few:,.0f}", f"{1000 * large:,.0f}", f"{large / few:.1f}"
            rows.append((f"/{command}", *cells))
    return format_table(rows) if len(rows) > 1 else f"No command is {rows[0][0]}."
