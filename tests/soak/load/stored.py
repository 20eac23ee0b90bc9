"""Measure a bot with a large database: its size, and the bot's memory."""

import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from tests.fake_discord.people import Asked, Channel, Discord, Person
from tests.fake_discord.processes import UNLIMITED, fake_discord
from tests.soak import machine

from .findings import MB, Finding, Report, resident, waits
from .house import House
from .public import MeasuredAct

IN_A_SERVER = 100
"""The number of channels in a server."""

DATABASE = 2e9
"""The largest acceptable size of the database [bytes]."""

COLD = 1.5
"""The largest acceptable ratio of a line's time in an unused channel to that in a used one."""


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
    """Many channels, their people, and the bot."""

    places: list[tuple[int, Person, Channel]] = field(default_factory=list)
    """The id of a server, a member of it, and one of its channels."""
    bots: list[int] = field(default_factory=list)
    """The bot's process ids by shard."""
    ready: float = 0.0
    """The time from the bot's start until it was connected [s]."""


async def stored(house: House, channels: int, lines: int, pairs: int) -> Report:
    """Measure a bot with many stored channels."""
    house = replace(house, settings={**house.settings, **UNLIMITED})
    async with _town(house, channels, lines) as town:
        found = await _compare(house, town, pairs)
        memory = [machine.memory(bot) for bot in town.bots]
    report = Report(f"{channels:,} stored channels of {lines} lines each")
    size = house.database.size()
    ratio = statistics.median(found.cold) / statistics.median(found.warm)
    report.findings = [
        *resident(memory),
        Finding("database", size / 1e6, DATABASE / 1e6, MB),
        Finding("/continue, cold beside warm", ratio, COLD, "{:.2f} times"),
        Finding("lines that differ, cold and warm", len(found.others), 0),
    ]
    report.tables = [
        f"Connected after {town.ready:.1f} s.",
        waits({"/continue, warm": found.warm, "/continue, cold": found.cold}),
    ]
    return report


@asynccontextmanager
async def _town(house: House, channels: int, lines: int) -> AsyncIterator[Town]:
    """Yield a bot with stored channels. Discord has no latencies, which would hide the bot's."""
    with fake_discord() as address:
        async with Discord(address) as discord:
            town = Town()
            for number in range(0, channels, IN_A_SERVER):
                guild = await discord.guild(f"House {number}")
                pat = await guild.person("Pat")
                names = map(str, range(number, min(number + IN_A_SERVER, channels)))
                made = await guild.channels(*names)
                town.places += [(guild.id, pat, channel) for channel in made]
            where = [(channel.id, guild) for guild, _, channel in town.places]
            await house.database.fill(house.voice, where, lines)
            began = time.perf_counter()
            with house.running(address) as town.bots:
                await discord.bot_is_ready()
                town.ready = time.perf_counter() - began
                yield town


async def _compare(house: House, town: Town, pairs: int) -> Lines:
    """Write the same lines of the play in a warm channel and in cold ones, in turn.

    The warm channel of each process of the bot is its first one.
    """
    found = Lines()
    for shard in range(house.processes):
        here = [(pat, place) for guild, pat, place in town.places if house.shard_of(guild) == shard]
        count = max(1, pairs // house.processes) + 2
        warm, *others = here[:: max(1, len(here) // count)][:count]
        # The first pair fills the caches of statements.
        for pair, cold in enumerate(others):
            wanted = [(cold, found.cold), (warm, found.warm)]
            texts = list[str]()
            for place, times in wanted if pair % 2 else reversed(wanted):
                took, asked = await _took(*place, "continue")
                seen = [(line.author, line.text) for line in asked.results() if line.is_line]
                texts.append(str(seen))
                times += [took] if pair else []
            if texts[0] == "[]" or texts[0] != texts[1]:
                found.others += texts
            await _took(*warm, "undo")
    return found


async def _took(person: Person, channel: Channel, command: str) -> tuple[float, Asked]:
    """Use a command; return the time until its end [s], and the request."""
    asked = await person.slash(channel, command)
    act = MeasuredAct(command, asked)
    ended = await asked.discord.until(act.ended, lambda: f"/{command}: {asked}", [asked.id])
    return ended - asked.began, asked
