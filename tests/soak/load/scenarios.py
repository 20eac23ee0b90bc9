"""Measure a bot that many people use at once."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial

from tests.fake_discord.conditions import BETWEEN_IDENTIFIES, CONCURRENCY
from tests.fake_discord.people import PATIENCE, Discord
from tests.fake_discord.processes import fake_discord
from tests.soak import machine
from tests.soak.faults import Outcome, judge, play
from tests.tools.tables import format_table

from .findings import MEMORY, Finding, Report, bots, percentile, percentiles, resident, waits
from .house import House
from .public import Public, Unlucky, make_places

NEAR, FAR = 0.05, 0.2
"""The range of the latency [s] of an event, and of a request with its answer."""

ACKNOWLEDGED, FINISHED = 0.5, 2.0
"""The 99th percentiles of the times to a first answer and to the result that are allowed [s]."""

IN_TIME = 3.0
"""Seconds after which Discord reports that the bot did not respond."""

SOON, UNFINISHED, AT_ONCE = 1.5, 90.0, 1.0
"""The seconds until 999 of 1,000 first answers, until each command has ended, and until a refusal,
on a shared core, too."""

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
    memory: list[machine.Memory] = field(default_factory=list)
    """The memory of each process of the bot at the end."""

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
    async def measured(self, spent: Spent) -> AsyncIterator[None]:
        """Measure the processor time of all processes."""
        who = dict(zip(bots(len(self.bots)), self.bots, strict=True))
        who["the fake Discord"] = await self.discord.process()

        def used() -> dict[str, float]:
            each = {name: machine.cpu_seconds(process) for name, process in who.items()}
            if self.database:
                each["PostgreSQL"] = sum(map(machine.cpu_seconds, machine.family(self.database)))
            return each | {"the people": time.process_time()}

        began, before = time.perf_counter(), used()
        yield
        spent.seconds, after = time.perf_counter() - began, used()
        spent.each = {name: after[name] - before[name] for name in before}
        spent.memory = [machine.memory(bot) for bot in self.bots]


@asynccontextmanager
async def staged(house: House, scale: Scale, voices: Sequence[str] = ()) -> AsyncIterator[Stage]:
    """Yield a bot with a script in each channel, by these voices in turn."""
    with _discord(scale) as address:
        async with Discord(address) as discord:
            people = await make_places(discord, scale.guilds, scale.channels)
            public = Public(discord, people, chance=random.Random(scale.seed), voices=voices)
            with house.running(address) as processes:
                await discord.bot_is_ready()
                await public.begin()
                await discord.conditions(NEAR, FAR, limited=True, seed=scale.seed)
                yield Stage(discord, public, processes, house.database.process)


def _discord(scale: Scale) -> AbstractContextManager[str]:
    """Return a Discord whose limits of identifies hold from the beginning."""
    return fake_discord(scale.to_answer, concurrency=CONCURRENCY, identify_every=BETWEEN_IDENTIFIES)


async def steady(house: House, scale: Scale, rate: float, minutes: float) -> Report:
    """Measure a steady rate of commands [1/s] over many channels, with all voices of the bot."""
    voices = _find_voices(house)
    report = Report(
        f"{rate:g} commands a second for {minutes:g} minutes, over {scale.channels:,} channels of "
        f"{scale.guilds:,} servers and by {len(voices)} voices"
    )
    spent = Spent()
    async with staged(house, scale, voices) as stage:
        counts = await _come(stage, spent, rate, minutes)
    _judge_times(report, stage.public, finished=True)
    await _report_with_voices(report, stage.public, house, counts, spent)
    return report


async def shared(house: House, scale: Scale, rate: float, minutes: float) -> Report:
    """Measure a bot on one core that it shares with another busy program, with all its voices."""
    voices = _find_voices(house)
    report = Report(
        f"{rate:g} commands a second for {minutes:g} minutes, over {scale.channels:,} channels and "
        f"by {len(voices)} voices, on one core that another program keeps busy"
    )
    spent = Spent()
    with machine.sharing_a_core() as core:
        house = replace(house, first=partial(os.sched_setaffinity, 0, {core}))
        async with staged(house, scale, voices) as stage:
            counts = await _come(stage, spent, rate, minutes)
    await _report_with_voices(report, stage.public, house, counts, spent)
    return report


def _find_voices(house: House) -> list[str]:
    """Return the names of all voices of the bot."""
    return sorted(path.stem for path in house.voice.parent.glob("*.onnx"))


async def _come(stage: Stage, spent: Spent, rate: float, minutes: float) -> dict[str, int]:
    """Let people come at a mean rate [1/s], and return Discord's counts."""
    async with stage.measured(spent):
        await stage.public.come(rate, 60 * minutes)
        await _wait_for_ends(stage.public, UNFINISHED - PATIENCE)
    return await stage.discord.counts()


async def _report_with_voices(
    report: Report, public: Public, house: House, counts: dict[str, int], spent: Spent
) -> None:
    """Add to the report what a bot did that writes with all its voices."""
    _judge_ends(report, public)
    await _judge_lines(report, public, house)
    _add_results(report, public, counts, spent, MEMORY_WITH_VOICES)


async def _wait_for_ends(public: Public, seconds: float) -> None:
    """Wait until all that people have asked for has ended, for at most so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not all(act.ended() for act in public.measured.values()):  # noqa: ASYNC110 - of many acts
                await asyncio.sleep(0.1)


def _judge_ends(report: Report, public: Public) -> None:
    """Judge that each command is acknowledged soon, and finished, or refused at once."""
    acts = list(public.measured.values())
    acknowledged = [act.seconds_until(act.acknowledged()) for act in acts]
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
    spent = Spent()
    async with staged(house, own) as stage:
        async with stage.measured(spent):
            await stage.public.come_within(1.0, "/continue")
        counts = await stage.discord.counts()
    _judge_times(report, stage.public, finished=False)
    await _judge_lines(report, stage.public, house)
    _add_results(report, stage.public, counts, spent)
    return report


async def unlucky(house: House, scale: Scale, rate: float, times: int) -> Report:
    """Measure a number of faults, which `tests.soak.faults` describes, while people come.

    A command that came while the bot was disconnected is delivered when it resumes, which may be
    too late for an answer. A command between two sessions is never delivered.
    """
    with _discord(scale) as address:
        async with Discord(address) as discord:
            writers = Unlucky(discord, await make_places(discord, scale.guilds, scale.channels))
            writers.rate = rate
            random.seed(scale.seed)
            with house.running(address) as processes:
                await discord.bot_is_ready()
                await writers.begin()
                await discord.conditions(NEAR, FAR, limited=True, seed=scale.seed)
                outcome = await play(writers, times)
                counts = await discord.counts()
                memory = [machine.memory(process) for process in processes]
    outcome = await asyncio.to_thread(judge, outcome, writers, await house.database_check())
    begun, lost = counts["identifies"], counts.get("lost sessions", 0)
    report = Report(f"{times:,} faults while {rate:g} commands a second arrive")
    report.findings = [
        *_lines(outcome),
        Finding(
            f"identifies beyond the first, with {lost:,} sessions lost",
            begun - house.processes,
            lost,
        ),
        Finding("identifies too soon", counts.get("identifies too soon", 0), 0),
        *resident(memory),
    ]
    report.tables = [f"{writers.came:,} commands arrived.\n{outcome}", _counted(counts)]
    every = [seconds for of in outcome.away.values() for seconds in of]
    report.tables += [_away(writers), waits({"until the bot was back": every} | outcome.away)]
    report.numbers = {
        "outcome": vars(outcome),
        "counts": counts,
        "memory": [asdict(usage) for usage in memory],
    }
    return report


def _away(writers: Unlucky) -> str:
    """Return a table of unanswered commands while the bot was connected, and while it was not."""
    away = writers.while_away
    here = [request for request, _ in writers.asked.values() if request not in away]
    rows = [("the bot was", "commands", "without an answer")]
    for where, asked in (("connected", here), ("disconnected", away)):
        rows.append((where, f"{len(asked):,}", f"{sum(sent.how is None for sent in asked):,}"))
    return format_table(rows)


def _judge_times(report: Report, public: Public, *, finished: bool) -> None:
    """Judge how long people waited, including Discord's latencies."""
    times = public.times()
    first, last = (
        [seconds for of in times[name].values() for seconds in of]
        for name in ("acknowledged", "finished")
    )
    report.findings.append(_wait("acknowledged, the slowest", percentile(first, 100), IN_TIME))
    if finished:
        report.findings += [
            _wait("acknowledged, 99 %", percentile(first, 99), ACKNOWLEDGED),
            _wait("finished, 99 %", percentile(last, 99), FINISHED),
        ]
    own = public.times(own=True)
    for name in times:
        for said, found in (("", times), (", without Discord's latencies", own)):
            every = [seconds for of in found[name].values() for seconds in of]
            by_kind = {f"{name}{said}": every} | (
                dict(sorted(found[name].items())) if not said else {}
            )
            report.tables.append(waits(by_kind))
            report.numbers[f"{name}{said}"] = {
                what: percentiles(values) for what, values in by_kind.items()
            }


def _wait(what: str, seconds: float, most: float) -> Finding:
    return Finding(what, 1000 * seconds, 1000 * most, MILLISECONDS)


async def _judge_lines(report: Report, public: Public, house: House) -> None:
    """Judge, after the bot's end, whether all lines are stored once and everybody was answered."""
    outcome = judge(Outcome(), public, await house.database_check())
    late = Finding("commands that were not acknowledged in time", outcome.refused, 0)
    report.findings += [*_lines(outcome), late]
    report.numbers["outcome"] = vars(outcome)


def _lines(outcome: Outcome) -> list[Finding]:
    """Judge the counts of lines and of unanswered commands."""
    return [
        Finding("lines lost", outcome.lost, 0),
        Finding("lines doubled", outcome.doubled, 0),
        Finding("states that do not match the text", outcome.wrong, 0),
        Finding("commands without an end", outcome.without_end, 0),
    ]


def _add_results(
    report: Report,
    public: Public,
    counts: dict[str, int],
    spent: Spent,
    most_memory: float = MEMORY,
) -> None:
    """Add the remaining results to the report."""
    report.findings += resident(spent.memory, most_memory)
    refusals = public.refusals()
    rows = [("refusals", "times")]
    rows += [(sentence, f"{times:,}") for sentence, times in refusals.most_common()]
    late = f"People came at most {1000 * max(public.late, default=0):,.0f} ms late."
    report.tables += [format_table(rows), _counted(counts), f"{spent.table()}\n{late}"]
    report.numbers |= {
        "commands": len(public.measured),
        "refusals": dict(refusals),
        "counts": counts,
        "processor": asdict(spent),
        "late": percentiles(public.late),
    }


def _counted(counts: dict[str, int]) -> str:
    rows = [(what, f"{count:,}") for what, count in sorted(counts.items())]
    return format_table([("at Discord", "times"), *rows])
