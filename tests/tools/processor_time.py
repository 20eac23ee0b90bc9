"""Print the seconds of processor time of each file of tests, with what its tests start (Linux).

    python -m pytest -p tests.tools.processor_time tests/bot/test_load.py

A busy machine changes these figures less than it changes wall time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

spent = Counter[str]()
"""Seconds by file, and for what precedes the tests."""


def seconds() -> float:
    """Return the processor time of this process group, and of its children that have ended."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        # The fields before are skipped because the name may contain anything.
        with suppress(OSError):  # it has ended
            fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[2]) == os.getpgrp():
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def pytest_collection_finish() -> None:
    """Note what it took to import all tests."""
    spent["imports"] = seconds()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Add the seconds of a test to those of its file."""
    began = seconds()
    try:
        return (yield)
    finally:
        spent[item.nodeid.partition("::")[0]] += seconds() - began


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the files, the longest first."""
    for name, taken in spent.most_common():
        terminalreporter.write_line(f"{taken:8.2f}  {name}")
