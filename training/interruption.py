"""Turn Ctrl-C and SIGTERM into a request to stop, so that nothing is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from torch import distributed


@contextmanager
def interruption() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of ending the process; a second signal ends it at once.

    Under torchrun a second signal is collected too, because torchrun passes on each Ctrl-C that the
    terminal has already sent to every process, and itself ends the processes that take too long.
    """
    caught: list[int] = []

    def note(number: int, _frame: object) -> None:
        if caught and not distributed.is_torchelastic_launched():
            os._exit(130)
        caught.append(number)

    before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
