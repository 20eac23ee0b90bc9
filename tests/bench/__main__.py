"""Compare the bot's speed with the network alone and with eager PyTorch.

    python -m tests.bench

All measurements alternate, round after round, with the same number of threads, so that other load
of the machine affects all of them alike. A figure is the median of its rounds, and a comparison the
median of the rounds' ratios. The exit code is always 0; the table shows which bounds are missed.
"""

import statistics
import sys
from asyncio import run
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from tyro.conf import DisallowNone, FlagCreatePairsOff

from bot.inference.engine import Engine
from bot.inference.model import Model
from tests.voice_option import STAGE, VoiceFile
from training.data.corpora import shakespeare

from . import eager, report, service, speed
from .report import Finding, limited
from .service import Started

ROWS = (1, 2, 4, 8, 16, 32, 64)

NUCLEUS, CONTROLLED = "temperature, top-p", "all controls"
BARE = "network alone"
LSTM = "eager nn.LSTM"

DELAY, SHORT, READING = "delay", "short line", "reading"

LONG_SCRIPT = 20_000
"""The number of characters that are read in the measurement of reading."""

STARTS = 5
"""The number of times that the bot is started."""

Measures = Mapping[str, Callable[[], list[float]]]
Results = Mapping[str, list[list[float]]]
"""The figures of each measure, round by round."""


@dataclass(frozen=True)
class Pace:
    """The number of rounds and the durations [s] of the measurements."""

    rounds: int
    seconds: float
    """The time for which each contestant writes in a round."""
    watching: float
    """The time for which delays are measured in a round."""
    idle: float
    """The time for which the bot idles."""


def main(
    *,
    voice: VoiceFile = STAGE,
    rounds: int | None = None,
    threads: int = 2,
    plot: Path | None = None,
    quick: bool = False,
) -> None:
    """Run the benchmarks and print their results.

    Args:
        voice: The voice file.
        rounds: The number of rounds, instead of 7, or 3 with --quick.
        threads: The number of threads.
        plot: Plot the speeds in this file.
        quick: Measure less exactly, in about two minutes.
    """
    pace = Pace(3, 0.3, 1.0, 10.0) if quick else Pace(7, 1.0, 4.0, 60.0)
    if rounds:
        pace = replace(pace, rounds=rounds)
    results = measured(voice, threads, pace)
    starts = [service.started(voice, threads) for _ in range(STARTS)]
    idled = service.started(voice, threads, pace.idle)
    _progress("")
    findings = [*judged_speed(results), *judged_service(results, starts, idled)]
    curves = {name: curve(results, name) for name in (BARE, NUCLEUS, CONTROLLED)}
    about = report.where(threads, pace.rounds, voice.name)
    print(", ".join(f"{name} {value}" for name, value in about.items()), end="\n\n")
    print(report.table(findings), report.curve_table(curves), sep="\n\n")
    if plot:
        report.draw(curves, plot, about)


def measured(voice: Path, threads: int, pace: Pace) -> Results:
    """Run all measurements of this process, one after another, round by round."""
    model = Model.load(voice, threads)
    engine = Engine(model)
    with eager.in_process(len(model.vocabulary), threads) as contestant:
        # No voice was trained on this play.
        script = shakespeare.convert(shakespeare.find_sources()["twelfth-night"])
        measures = contest(engine, script, contestant, pace)
        results: dict[str, list[list[float]]] = {name: [] for name in measures}
        for number in range(pace.rounds):
            for name, measure in measures.items():
                _progress(f"round {number + 1} of {pace.rounds}: {name}")
                results[name].append(measure())
    _progress("the bot by itself")
    engine.close()
    return results


def contest(
    engine: Engine, script: str, eagerly: Callable[[int], speed.Contestant], pace: Pace
) -> Measures:
    """Return the measurements of a round by name; ``eagerly`` makes eager contestants."""
    model = engine.model
    beginning = script[:LONG_SCRIPT]
    nucleus = speed.Lines(model, beginning, controlled=False)
    controlled = speed.Lines(model, beginning, controlled=True)
    contestants: dict[str, speed.Contestant] = {}
    for rows in ROWS:
        contestants[f"{BARE}, {rows}"] = speed.bare(model, script, rows)
        contestants[f"{NUCLEUS}, {rows}"] = speed.engine(engine, nucleus, rows)
        contestants[f"{CONTROLLED}, {rows}"] = speed.engine(engine, controlled, rows)
        if rows in (1, 64):
            contestants[f"{LSTM}, {rows}"] = eagerly(rows)

    def timed(write: speed.Contestant) -> Callable[[], list[float]]:
        return lambda: [write(pace.seconds)]

    measures = {name: timed(write) for name, write in contestants.items()}
    measures[DELAY] = lambda: run(service.loop_delays(engine, controlled, 64, pace.watching))
    measures[SHORT] = lambda: run(service.short_lines(engine, nucleus, 63, pace.watching))
    measures[READING] = lambda: run(service.reading(engine, script, LONG_SCRIPT))
    return measures


def judged_speed(results: Results) -> list[Finding]:
    """Compare the speeds with their bounds."""
    return [
        _beside(results, NUCLEUS, LSTM, 1, 25),
        _beside(results, NUCLEUS, LSTM, 64, 3.6),
        _beside(results, NUCLEUS, BARE, 64, 0.75),
        _beside(results, CONTROLLED, BARE, 64, 0.55),
        _beside(results, NUCLEUS, BARE, 1, 0.5),
        _beside(results, CONTROLLED, BARE, 1, 0.35),
    ]


def _beside(results: Results, ours: str, theirs: str, rows: int, asked: float) -> Finding:
    """Compare two speeds [characters/s] round by round, with the network alone in per cent."""
    mine, others = ([speed for [speed] in results[f"{name}, {rows}"]] for name in (ours, theirs))
    return Finding(
        f"{rows} row{'s' if rows > 1 else ''}, {ours}",
        f"{statistics.median(mine):,.0f} characters/s",
        statistics.median(a / b for a, b in zip(mine, others, strict=True)),
        asked,
        "{:.1%}" if theirs == BARE else "{:.2f} times",
        at_least=True,
        against=f"{statistics.median(others):,.0f} {theirs}",
    )


def judged_service(results: Results, starts: Sequence[Started], idled: Started) -> list[Finding]:
    """Compare the figures that people notice with their bounds."""
    delay, line = (1000 * _percentile(results[name], 99) for name in (DELAY, SHORT))
    read = _percentile(results[READING], 50)
    megabytes = statistics.median(start.memory for start in starts) / 1e6
    ready = statistics.median(start.ready for start in starts)
    return [
        limited("64 rows, all controls: delay of the event loop, 99 %", delay, 10, "{:,.1f} ms"),
        limited("a line of 60 characters beside 63 rows, 99 %", line, 200, "{:,.0f} ms"),
        limited("a script of 20,000 characters is read", read, 2, "{:.2f} s"),
        limited("idle after a burst, of one core", idled.idle, 0.01, "{:.2%}"),
        limited("resident memory, started, one voice", megabytes, 200, "{:,.0f} MB"),
        limited("from start to ready, without the network", ready, 2, "{:.2f} s"),
    ]


def curve(results: Results, name: str) -> dict[int, float]:
    """Return the speeds [characters/s] by the number of rows."""
    return {rows: _percentile(results[f"{name}, {rows}"], 50) for rows in ROWS}


def _percentile(rounds: Sequence[Sequence[float]], share: float) -> float:
    together = [value for values in rounds for value in values]
    return float(np.percentile(together, share)) if together else float("nan")


def _progress(doing: str) -> None:
    """Show the current measurement on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{doing}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    tyro.cli(
        main,
        prog="python -m tests.bench",
        description=__doc__,
        config=(DisallowNone, FlagCreatePairsOff),
    )
