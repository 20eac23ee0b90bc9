"""Print the processor time of each test file, including the processes of its tests (Linux).

    python -m pytest -p tests.tools.processor_time tests/bot/soak/test_load.py

A busy machine changes processor time less than it changes wall time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

spent = Counter[str]()
"""Processor time by file [s], and that of the imports."""


def seconds() -> float:
    """Return the processor time of this process group, with its ended children [s]."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        # The name of the process comes first, and may contain anything.
        with suppress(OSError):  # it has ended
            fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[2]) == os.getpgrp():
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def pytest_collection_finish() -> None:
    """Record the processor time of the imports."""
    spent["imports"] = seconds()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Add the processor time of a test to that of its file."""
    began = seconds()
    try:
        return (yield)
    finally:
        spent[item.nodeid.partition("::")[0]] += seconds() - began


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the files, those with the most processor time first."""
    for name, taken in spent.most_common():
        terminalreporter.write_line(f"{taken:8.2f}  {name}")
