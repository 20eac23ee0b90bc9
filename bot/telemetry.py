"""Telemetry: what the parts of a bot tell of their work, to whoever counts it.

Who tells knows nothing of what becomes of it, and nobody need listen. Only what happens is told;
how things stand, such as who waits for an engine, can be read where it is known.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum

import aiohttp


class Outcome(StrEnum):
    """How something that somebody asked for has ended."""

    DONE = "done"
    REFUSED = "refused"
    """It could not be so, and a sentence said why."""
    LIMITED = "limited"
    """It was more than a limit allows, or too many waited already."""
    FAILED = "failed"
    """The bot, its disk or the network did not do their part."""
    UNANSWERED = "unanswered"
    """It came a second time, or too late to be answered."""
    ABANDONED = "abandoned"
    """The bot ended first."""


class Meter:
    """Is told what happens in a bot, and does nothing with it: whoever counts makes another.

    Every bot has its own. All times are seconds.
    """

    http_trace: aiohttp.TraceConfig | None = None
    """What listens to the requests that are sent to Discord."""

    def heard(self, act: str) -> None:
        """Somebody asks for something, as with the command ``act``."""

    def acknowledged(self, act: str, seconds: float) -> None:
        """Discord has the first answer, so long after the bot has heard of it."""

    def finished(self, act: str, outcome: Outcome, seconds: float) -> None:
        """It has ended, so long after the bot has heard of it."""

    def transaction(self, purpose: str) -> AbstractContextManager[None]:
        """A transaction is asked for here, and ends with this; the purpose is to read or write."""
        return nullcontext()

    def gateway(self, event: str) -> None:
        """The connection to Discord's gateway was made, resumed or lost."""

    def late(self, seconds: float) -> None:
        """The event loop did something so much later than it was to."""


SILENT = Meter()
"""The meter of a bot whose work nobody counts."""
