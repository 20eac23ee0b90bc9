"""Limit processes to cores, and measure their processor time and memory (Linux)."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc")


def keep_to(most: int) -> None:
    """Limit this process and its future children to a number of cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:most])


@contextmanager
def sharing_a_core() -> Iterator[int]:
    """Keep a program busy on one of this process's cores, and yield that core.

    This process and its future children keep to the other cores, if there are any.
    """
    before = os.sched_getaffinity(0)
    core = max(before)
    program = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        os.sched_setaffinity(program.pid, {core})
        os.sched_setaffinity(0, before - {core} or before)
        yield core
    finally:
        os.sched_setaffinity(0, before)
        program.kill()
        program.wait()


def cpu_seconds(process: int) -> float:
    """Return the processor time of a process [s], with all its threads and ended children."""
    # The name of the process comes first, and may contain anything.
    fields = (PROC / str(process) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def family(process: int) -> list[int]:
    """Return the ids of a process and of its running children."""
    children = PROC / str(process) / "task" / str(process) / "children"
    return [process, *map(int, children.read_text(encoding="utf-8").split())]


def memory(process: int) -> int:
    """Return the resident memory (RSS) of a process [bytes]."""
    rows = (PROC / str(process) / "smaps_rollup").read_text(encoding="utf-8").splitlines()
    [kilobytes] = [row.split()[1] for row in rows if row.startswith("Rss:")]
    return int(kilobytes) * 1024
