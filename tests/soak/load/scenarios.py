"""Scenarios: what is measured of a bot that many people use at once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace

from tests.fake_discord.conditions import BETWEEN_IDENTIFIES, CONCURRENCY
from tests.fake_discord.people import Discord
from tests.fake_discord.processes import fake_discord
from tests.soak import machine
from tests.soak.faults import Outcome, judged, play

from .findings import Finding, Report, bots, percentile, percentiles, resident, table, waits
from .house import House
from .public import Public, Unlucky, places

NEAR, FAR = 0.05, 0.2
"""Least and most seconds of latency of an event of Discord's, and of a request with its answer."""

ACKNOWLEDGED, FINISHED = 0.5, 2.0
"""Seconds within which 99 of 100 should see a first answer, and the result."""

IN_TIME = 3.0
"""Seconds after which Discord says that the bot did not respond."""

MILLISECONDS = "{:,.0f} ms"


@dataclass(frozen=True)
class Scale:
    """The size of a scenario, and its random seed."""

    channels: int
    guilds: int
    seed: int
    to_answer: float = IN_TIME
    """Seconds in which the bot must answer first."""


@dataclass
class Spent:
    """Processor seconds of all processes that share the machine's cores during a measurement."""

    seconds: float = 0.0
    each: dict[str, float] = field(default_factory=dict)
    """Processor seconds by the name of the process."""
    memory: list[machine.Memory] = field(default_factory=list)
    """Memory of each process of the bot at the end."""

    def table(self) -> str:
        """Return a table of the processor time, as shares of one core."""
        rows = [("processor", "seconds", "of a core")]
        rows += [
            (who, f"{used:,.1f}", f"{used / self.seconds:.0%}") for who, used in self.each.items()
        ]
        return table(rows)


@dataclass
class Stage:
    """A bot at a Discord with realistic latencies."""

    discord: Discord
    public: Public
    bots: list[int]
    """The bot's process ids, by their shards."""
    database: int | None
    """The process id of the database's server, if it has one."""

    @asynccontextmanager
    async def measured(self, spent: Spent) -> AsyncIterator[None]:
        """Count the processor time of all processes."""
        who = dict(zip(bots(len(self.bots)), self.bots, strict=True))
        who["the fake Discord"] = await self.discord.process()

        def used() -> dict[str, float]:
            each = {name: machine.cpu_seconds(one) for name, one in who.items()}
            if self.database:
                each["PostgreSQL"] = sum(map(machine.cpu_seconds, machine.family(self.database)))
            return each | {"the people": time.process_time()}

        began, before = time.perf_counter(), used()
        yield
        spent.seconds, after = time.perf_counter() - began, used()
        spent.each = {name: after[name] - before[name] for name in before}
        spent.memory = [machine.memory(one) for one in self.bots]


@asynccontextmanager
async def staged(house: House, scale: Scale) -> AsyncIterator[Stage]:
    """Yield a bot with a script in each channel."""
    with _discord(scale) as address:
        async with Discord(address) as discord:
            people = await places(discord, scale.guilds, scale.channels)
            public = Public(discord, people, chance=random.Random(scale.seed))
            with house.running(address) as processes:
                await discord.bot_is_ready()
                await public.begin()
                await discord.conditions(NEAR, FAR, limited=True, seed=scale.seed)
                yield Stage(discord, public, processes, house.database.process)


def _discord(scale: Scale) -> AbstractContextManager[str]:
    """Return a Discord whose shards identify one after the other, from the beginning."""
    return fake_discord(scale.to_answer, concurrency=CONCURRENCY, identify_every=BETWEEN_IDENTIFIES)


async def steady(house: House, scale: Scale, rate: float, minutes: float) -> Report:
    """Measure so many commands a second, over many channels."""
    spent = Spent()
    async with staged(house, scale) as stage:
        async with stage.measured(spent):
            await stage.public.come(rate, 60 * minutes)
        counts = await stage.discord.counts()
    public = stage.public
    title = (
        f"{rate:g} commands a second for {minutes:g} minutes, over {scale.channels:,} channels of "
        f"{scale.guilds:,} servers"
    )
    report = Report(title)
    _timed(report, public, finished=True)
    await _true(report, public, house)
    _told(report, public, counts, spent)
    return report


async def burst(house: House, scale: Scale, commands: int) -> Report:
    """Measure so many commands within one second, each in a channel of its own."""
    spent = Spent()
    own = replace(scale, channels=commands, guilds=min(scale.guilds, commands))
    async with staged(house, own) as stage:
        async with stage.measured(spent):
            await stage.public.come_within(1.0, "/continue")
        counts = await stage.discord.counts()
    report = Report(f"{commands:,} commands within one second")
    _timed(report, stage.public, finished=False)
    await _true(report, stage.public, house)
    _told(report, stage.public, counts, spent)
    return report


async def unlucky(house: House, scale: Scale, rate: float, times: int) -> Report:
    """Measure so many faults, while people come; see `tests.soak.faults` for the faults.

    The bot hears of a command that came while it had no connection when it has resumed, and answers
    if the three seconds are not over by then. It never hears of a command between two sessions.
    """
    with _discord(scale) as address:
        async with Discord(address) as discord:
            writers = Unlucky(discord, await places(discord, scale.guilds, scale.channels))
            writers.rate = rate
            random.seed(scale.seed)
            with house.running(address) as processes:
                await discord.bot_is_ready()
                await writers.begin()
                await discord.conditions(NEAR, FAR, limited=True, seed=scale.seed)
                outcome = await play(writers, times)
                counts = await discord.counts()
                memory = [machine.memory(one) for one in processes]
    outcome = await asyncio.to_thread(judged, outcome, writers, await house.truth())
    begun, lost = counts["identifies"], counts.get("lost sessions", 0)
    report = Report(f"{times:,} faults while {rate:g} commands a second arrive")
    report.findings = [
        Finding("lines lost", outcome.lost, 0),
        Finding("lines doubled", outcome.doubled, 0),
        Finding("states that are not those of the text", outcome.wrong, 0),
        Finding("commands without an end", outcome.without_end, 0),
        Finding(
            f"identifies beyond the first, with {lost:,} sessions lost",
            begun - house.processes,
            lost,
        ),
        Finding("identifies too soon", counts.get("identifies too soon", 0), 0),
        *resident(memory),
    ]
    report.tables = [f"{writers.came:,} commands arrived.\n{outcome}", _counted(counts)]
    every = [one for of in outcome.away.values() for one in of]
    report.tables += [_away(writers), waits({"until the bot heard again": every} | outcome.away)]
    report.numbers = {
        "outcome": vars(outcome),
        "counts": counts,
        "memory": [asdict(one) for one in memory],
    }
    return report


def _away(writers: Unlucky) -> str:
    """Return how many got no answer, of those who came while the bot was away, and of others."""
    away = writers.while_away
    here = [one for one, _ in writers.asked.values() if one not in away]
    rows = [("the bot was", "asked", "not responded")]
    for where, asked in (("there", here), ("away", away)):
        rows.append((where, f"{len(asked):,}", f"{sum(one.how is None for one in asked):,}"))
    return table(rows)


def _timed(report: Report, public: Public, *, finished: bool) -> None:
    """Judge how long people waited, with Discord's latencies."""
    times = public.times()
    first, last = (
        [one for of in times[name].values() for one in of] for name in ("acknowledged", "finished")
    )
    if finished:
        report.findings += [
            _wait("acknowledged, 99 %", percentile(first, 99), ACKNOWLEDGED),
            _wait("acknowledged, the slowest", percentile(first, 100), IN_TIME),
            _wait("finished, 99 %", percentile(last, 99), FINISHED),
        ]
    else:
        report.findings.append(_wait("acknowledged, the slowest", percentile(first, 100), IN_TIME))
    own = public.times(own=True)
    for name in times:
        for said, found in (("", times), (", without Discord's latencies", own)):
            every = [one for of in found[name].values() for one in of]
            by_kind = {f"{name}{said}": every} | (
                dict(sorted(found[name].items())) if not said else {}
            )
            report.tables.append(waits(by_kind))
            report.numbers[f"{name}{said}"] = {
                what: percentiles(values) for what, values in by_kind.items()
            }


def _wait(what: str, seconds: float, most: float) -> Finding:
    return Finding(what, 1000 * seconds, 1000 * most, MILLISECONDS)


async def _true(report: Report, public: Public, house: House) -> None:
    """Judge whether all lines are stored once and all people answered, after the bot's end."""
    outcome = judged(Outcome(), public, await house.truth())
    report.findings += [
        Finding("lines lost", outcome.lost, 0),
        Finding("lines doubled", outcome.doubled, 0),
        Finding("states that are not those of the text", outcome.wrong, 0),
        Finding("commands that were not acknowledged in time", outcome.refused, 0),
        Finding("commands without an end", outcome.without_end, 0),
    ]
    report.numbers["outcome"] = vars(outcome)


def _told(report: Report, public: Public, counts: dict[str, int], spent: Spent) -> None:
    """Add the remaining results to the report."""
    report.findings += resident(spent.memory)
    refusals = public.refusals()
    rows = [("answered by a sentence that says why not", "times")]
    rows += [(sentence, f"{times:,}") for sentence, times in refusals.most_common()]
    late = (
        f"People came at most {1000 * max(public.late, default=0):,.0f} ms later than they should."
    )
    report.tables += [table(rows), _counted(counts), f"{spent.table()}\n{late}"]
    report.numbers |= {
        "commands": len(public.deeds),
        "refusals": dict(refusals),
        "counts": counts,
        "processor": asdict(spent),
        "late": percentiles(public.late),
    }


def _counted(counts: dict[str, int]) -> str:
    return table(
        [("at Discord", "times"), *((what, f"{n:,}") for what, n in sorted(counts.items()))]
    )
