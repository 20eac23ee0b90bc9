"""Count the processor cores that this process may use, and choose the threads of a model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MOST_THREADS = 2
"""The threads of a model if there are enough cores: more hardly make a small network faster."""

CGROUPS, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
"""The files of Linux's control groups, and the groups of this process."""


def choose_threads() -> int:
    """Return the threads of a model: no more than there are cores, because each needs its own."""
    return min(MOST_THREADS, count_cores())


def count_cores() -> int:
    """Return the cores that this process may use, at least 1: by its affinity and its quotas.

    A container or a service with ``CPUQuota`` sees all cores of the machine, and is stopped for the
    rest of each tenth of a second once its threads have used up its quota.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, int(min([cores or 1, *_read_quotas()])))


def _read_quotas() -> Iterator[float]:
    """Yield the quotas of the process's control groups and of those above them, in cores."""
    with suppress(OSError):
        for line in MEMBERSHIP.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            # Version 2 has one tree and no controllers here; version 1 has a tree for each
            # controller.
            if not controllers:
                yield from _read_tree(CGROUPS, path, "cpu.max")
            elif "cpu" in controllers.split(","):
                yield from _read_tree(
                    CGROUPS / "cpu", path, "cpu.cfs_quota_us", "cpu.cfs_period_us"
                )


def _read_tree(root: Path, path: str, *names: str) -> Iterator[float]:
    """Yield the quotas of a group and of those above it, from the files with these names.

    In a container the group's own folder is often not visible, but is the root of the tree.
    """
    group = root / path.strip("/")
    for folder in (group, *group.parents):
        with suppress(OSError, ValueError):  # no such file, or "max" for no quota
            texts = [(folder / name).read_text(encoding="utf-8") for name in names]
            quota, period = map(int, " ".join(texts).split())
            if quota > 0:
                yield quota / period
        if folder == root:
            return
