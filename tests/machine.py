"""The machine on which something is measured, and what processes take of it (Linux)."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


def processor() -> str:
    """Its name, as the system knows it."""
    names = PROC / "cpuinfo"
    for line in names.read_text(encoding="utf-8").splitlines() if names.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """How many of its cores this process may use, and those that it starts."""
    return len(os.sched_getaffinity(0))


def keep_to(most: int) -> None:
    """Lets this process use so many cores at the most, and those that it starts from now on."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:most])


def cpu_seconds(process: int) -> float:
    """The processor time that a process has used, all threads together, and children that ended."""
    # What stands before is the name, in which there may be anything.
    fields = (PROC / str(process) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def family(process: int) -> list[int]:
    """A process and its children that are there now."""
    children = PROC / str(process) / "task" / str(process) / "children"
    return [process, *map(int, children.read_text(encoding="utf-8").split())]


@dataclass(frozen=True)
class Memory:
    """What a process has in memory now, in bytes."""

    resident: int
    """RSS: what it shares with others counts in full."""
    proportional: int
    """PSS: what it shares counts in parts."""


def memory(process: int) -> Memory:
    """What a process has in memory now."""
    rows = (PROC / str(process) / "smaps_rollup").read_text(encoding="utf-8").splitlines()
    sizes = {row.split()[0]: int(row.split()[1]) * 1024 for row in rows[1:]}
    return Memory(sizes["Rss:"], sizes["Pss:"])
