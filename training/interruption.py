"""Catch Ctrl-C, so that a training can save before it ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SAVING = b"\nSaving. A second Ctrl-C ends at once and loses all since the last checkpoint.\n"


@contextmanager
def catch_interruption() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of ending the process; a second signal ends it at once."""
    caught: list[int] = []

    def note(number: int, _frame: object) -> None:
        if caught:
            os._exit(130)
        caught.append(number)
        # Do not print, because the signal can come in the middle of another print.
        with suppress(OSError):
            os.write(2, SAVING)

    before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
