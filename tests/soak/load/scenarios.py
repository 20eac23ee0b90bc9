"""Measure a bot that many people use at once."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

from tests.fake_discord.conditions import BETWEEN_IDENTIFIES, CONCURRENCY
from tests.fake_discord.people import PATIENCE, Discord
from tests.fake_discord.processes import fake_discord
from tests.soak import machine
from tests.soak.faults import Outcome, judge
from tests.tools.tables import format_table

from .findings import MEMORY, Finding, Report, bots, percentile, resident, waits
from .house import House
from .public import Public, spread_places

NEAR, FAR = 0.05, 0.2
"""The range of the latency [s] of an event, and of a request with its answer."""

ACKNOWLEDGED, FINISHED = 0.5, 2.0
"""The largest allowed 99th percentiles of the times to a first answer and to the result [s]."""

IN_TIME = 3.0
"""Seconds after which Discord reports that the bot did not respond."""

SOON, UNFINISHED, AT_ONCE = 1.5, 90.0, 1.0
"""The seconds until 999 of 1,000 first answers, until each command has ended, and until a refusal.
They also hold on a shared core."""

MEMORY_WITH_VOICES = 250e6
"""The most resident memory [bytes] of a bot that writes with all its voices."""

MILLISECONDS = "{:,.0f} ms"


@dataclass(frozen=True)
class Scale:
    """The size of a scenario, and its random seed."""

    channels: int
    guilds: int
    seed: int
    to_answer: float = IN_TIME
    """Seconds until the first answer is due."""


@dataclass
class Spent:
    """The processor time and memory of a measurement."""

    seconds: float = 0.0
    """The duration of the measurement."""
    each: dict[str, float] = field(default_factory=dict)
    """Processor time [s] by the name of the process."""
    memory: list[int] = field(default_factory=list)
    """The memory [bytes] of each process of the bot at the end."""
    counts: dict[str, int] = field(default_factory=dict)
    """What Discord has counted."""

    def table(self) -> str:
        """Return a table of the processor time, also as shares of one core."""
        rows = [("processor", "seconds", "of a core")]
        rows += [
            (who, f"{used:,.1f}", f"{used / self.seconds:.0%}") for who, used in self.each.items()
        ]
        return format_table(rows)


@dataclass
class Stage:
    """A bot at a Discord with realistic latencies."""

    discord: Discord
    public: Public
    bots: list[int]
    """The bot's process ids by shard."""
    database: int | None
    """The process id of the database's server, if it has one."""

    @asynccontextmanager
    async def measured(self) -> AsyncIterator[Spent]:
        """Measure what all processes spend within the context."""
        spent = Spent()
        who = dict(zip(bots(len(self.bots)), self.bots, strict=True))
        who["the fake Discord"] = await self.discord.process()

        def used() -> dict[str, float]:
            each = {name: machine.cpu_seconds(process) for name, process in who.items()}
            if self.database:
                each["PostgreSQL"] = sum(map(machine.cpu_seconds, machine.family(self.database)))
            return each | {"the people": time.process_time()}

        began, before = time.perf_counter(), used()
        yield spent
        spent.seconds, after = time.perf_counter() - began, used()
        spent.each = {name: after[name] - before[name] for name in before}
        spent.memory = [machine.memory(bot) for bot in self.bots]
        spent.counts = await self.discord.counts()


@asynccontextmanager
async def staged(house: House, scale: Scale, voices: Sequence[str] = ()) -> AsyncIterator[Stage]:
    """Yield a bot with a script in each channel, by these voices in turn."""
    # The limits of identifies hold from the beginning.
    identifies = {"concurrency": CONCURRENCY, "identify_every": BETWEEN_IDENTIFIES}
    with fake_discord(scale.to_answer, **identifies) as address:
        async with Discord(address) as discord:
            people = await spread_places(discord, scale.guilds, scale.channels)
            public = Public(discord, people, chance=random.Random(scale.seed), voices=voices)
            with house.running(address) as processes:
                await discord.bot_is_ready()
                await public.begin()
                await discord.conditions(NEAR, FAR, limited=True, seed=scale.seed)
                yield Stage(discord, public, processes, house.database.process)


async def steady(house: House, scale: Scale, rate: float, minutes: float) -> Report:
    """Measure a steady rate of commands [1/s] over many channels, with all voices of the bot."""
    report, public = await _let_come(house, scale, rate, minutes)
    _judge_times(report, public, finished=True)
    return report


async def shared(house: House, scale: Scale, rate: float, minutes: float) -> Report:
    """Measure a bot on one core that it shares with another busy program, with all its voices."""
    with machine.sharing_a_core() as core:
        house = replace(house, first=partial(os.sched_setaffinity, 0, {core}))
        report, _ = await _let_come(house, scale, rate, minutes)
    report.title += ", on one core that another program keeps busy"
    return report


async def _let_come(
    house: House, scale: Scale, rate: float, minutes: float
) -> tuple[Report, Public]:
    """Let people come at a mean rate [1/s] to scripts by all voices, and judge what they saw."""
    voices = sorted(path.stem for path in house.voice.parent.glob("*.onnx"))
    report = Report(
        f"{rate:g} commands a second for {minutes:g} minutes, over {scale.channels:,} channels of "
        f"{scale.guilds:,} servers and by {len(voices)} voices"
    )
    async with staged(house, scale, voices) as stage, stage.measured() as spent:
        await stage.public.come(rate, 60 * minutes)
        await _wait_for_ends(stage.public, UNFINISHED - PATIENCE)
    _judge_ends(report, stage.public)
    await _judge_lines(report, stage.public, house)
    _add_results(report, stage.public, spent, MEMORY_WITH_VOICES)
    return report, stage.public


async def _wait_for_ends(public: Public, seconds: float) -> None:
    """Wait until all that people have asked for has ended, for at most so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not all(act.ended() for act in public.measured.values()):  # noqa: ASYNC110 - of many acts
                await asyncio.sleep(0.1)


def _judge_ends(report: Report, public: Public) -> None:
    """Judge that each command is acknowledged soon, and finished, or refused at once."""
    acts = list(public.measured.values())
    acknowledged = [act.seconds_until(act.asked.answered) for act in acts]
    ended = [act.seconds_until(act.ended()) for act in acts]
    refused = [seconds for act, seconds in zip(acts, ended, strict=True) if act.is_refused_as_busy]
    late = sum(seconds > SOON for seconds in acknowledged)
    report.findings += [
        Finding("acknowledged after 1.5 s, of 1,000", 1000 * late / len(acts), 1, "{:.1f}"),
        Finding("unfinished after 90 s", sum(seconds > UNFINISHED for seconds in ended), 0),
        Finding("refused as busy, of 100", 100 * len(refused) / len(acts), 10, "{:.1f}"),
        Finding("refused as busy after a second", sum(seconds > AT_ONCE for seconds in refused), 0),
    ]
    report.tables.append(waits({"acknowledged": acknowledged, "ended": ended, "refused": refused}))


async def burst(house: House, scale: Scale, commands: int) -> Report:
    """Measure a number of commands within one second, each in a channel of its own."""
    report = Report(f"{commands:,} commands within one second")
    own = replace(scale, channels=commands, guilds=min(scale.guilds, commands))
    async with staged(house, own) as stage, stage.measured() as spent:
        await stage.public.continue_within(1.0)
    _judge_times(report, stage.public, finished=False)
    await _judge_lines(report, stage.public, house)
    _add_results(report, stage.public, spent)
    return report


def _judge_times(report: Report, public: Public, *, finished: bool) -> None:
    """Judge how long people waited, including Discord's latencies."""
    first, last = (
        {name: [seconds for of in times.values() for seconds in of]} | dict(sorted(times.items()))
        for name, times in public.times().items()
    )
    all_first, all_last = first["acknowledged"], last["finished"]
    report.findings.append(_wait("acknowledged, the slowest", percentile(all_first, 100), IN_TIME))
    if finished:
        report.findings += [
            _wait("acknowledged, 99 %", percentile(all_first, 99), ACKNOWLEDGED),
            _wait("finished, 99 %", percentile(all_last, 99), FINISHED),
        ]
    report.tables += [waits(first), waits(last)]


def _wait(what: str, seconds: float, most: float) -> Finding:
    return Finding(what, 1000 * seconds, 1000 * most, MILLISECONDS)


async def _judge_lines(report: Report, public: Public, house: House) -> None:
    """Judge, after the bot has stopped, whether all lines are stored once and all were answered."""
    outcome = judge(Outcome(), public, await house.database_check())
    report.findings += [
        Finding("lines lost", outcome.lost, 0),
        Finding("lines doubled", outcome.doubled, 0),
        Finding("states that do not match the text", outcome.wrong, 0),
        Finding("commands without an end", outcome.without_end, 0),
        Finding("commands that were not acknowledged in time", outcome.refused, 0),
    ]


def _add_results(report: Report, public: Public, spent: Spent, most_memory: float = MEMORY) -> None:
    """Add the remaining results to the report."""
    report.findings += resident(spent.memory, most_memory)
    refusals = public.refusals()
    rows = [("refusals", "times")]
    rows += [(sentence, f"{times:,}") for sentence, times in refusals.most_common()]
    late = f"People came at most {1000 * max(public.late, default=0):,.0f} ms late."
    at_discord = [(what, f"{count:,}") for what, count in sorted(spent.counts.items())]
    report.tables += [
        format_table(rows),
        format_table([("at Discord", "times"), *at_discord]),
        f"{spent.table()}\n{late}",
    ]
