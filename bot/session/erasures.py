"""Remember what limits need of people who were forgotten, until the bot restarts."""

from __future__ import annotations

import datetime as dt

from ..recent import Recent
from ..storage.records import ErasureResult

MAX_REQUESTS = 10_000
"""The most requests, and the most lines, that are remembered."""


class Erasures:
    """Keep the last requests of forgotten people, so that *Forget me* lifts no limit.

    They are kept longer than the sessions, but not longer than the process.
    """

    def __init__(self) -> None:
        self._requests: Recent[tuple[int, int], dt.datetime] = Recent(MAX_REQUESTS)
        """The times of last requests, by script and person."""
        self._authors: Recent[int, int] = Recent(MAX_REQUESTS)
        """The people who wrote the last lines of scripts, by the `original` of the line."""

    def record(self, person: int, erased: ErasureResult) -> None:
        """Record what a person's erasure has removed."""
        for script, when in erased.requests.items():
            self._requests[script, person] = when
        for line in erased.last_lines:
            self._authors[line] = person

    def find_last_request_time(self, script: int, person: int) -> dt.datetime | None:
        """Return when a person last requested a line before being forgotten, or None."""
        return self._requests.get((script, person))

    def has_written(self, line: int, person: int) -> bool:
        """Return whether a last line was a person's before they were forgotten."""
        return self._authors.get(line) == person
