"""``python -m tests.bench.table_reads``: how fast table reads are recorded, on one thread.

It prints how long the models of speech take to load, and for a table read as long as can be how
many seconds of sound a second makes: of the clock, and of a processor.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import time

from bot.audio.table_read import record_table_read
from bot.screenplay.elements import Element, Kind

ROUNDS = 3

SCENE = [
    Element(Kind.HEADING, "INT. FERRY - NIGHT"),
    Element(Kind.ACTION, "Rain on the windows. MAYA counts the lifeboats, and begins again."),
    Element(Kind.DIALOGUE, "MAYA\n(quietly)\nThere were eleven of them when we left the harbour."),
    Element(Kind.DIALOGUE, "JONAS\nThen somebody has gone home early. I wish it had been me."),
] * 12


def main() -> None:
    """Record, and print the figures."""
    began = time.perf_counter(), time.process_time()
    asyncio.run(record_table_read(SCENE[:1]))
    clock, processor = time.perf_counter() - began[0], time.process_time() - began[1]
    print(f"first sentence: {clock:.1f} s, {processor:.1f} s of a processor")
    clocks, processors = list[float](), list[float]()
    for _ in range(ROUNDS):
        began = time.perf_counter(), time.process_time()
        recorded = asyncio.run(record_table_read(SCENE))
        assert recorded
        clocks.append(recorded.seconds / (time.perf_counter() - began[0]))
        processors.append(recorded.seconds / (time.process_time() - began[1]))
    clock, processor = statistics.median(clocks), statistics.median(processors)
    print(f"{recorded.seconds:.0f} s of sound, {len(recorded.mp3) / 1e6:.2f} MB")
    print(f"{clock:.0f} times real time by the clock, {processor:.0f} by the processor")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB of memory at most")


if __name__ == "__main__":
    main()
