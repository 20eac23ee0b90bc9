"""Readers: which voice has read each script last, so that a change of voice is said, and once."""

from __future__ import annotations

from .openings import Reading


class Readers:
    """What this process knows of it; where it has not seen a script yet, the store tells."""

    def __init__(self) -> None:
        self._last: dict[int, str] = {}
        self._unsaid: dict[int, str] = {}

    def knows(self, script: int) -> bool:
        """Whether a script was read since the process began."""
        return script in self._last

    def note(self, script: int, reading: Reading, before: str | None = None) -> None:
        """Notes that a voice reads a script.

        ``before`` is the fingerprint of the one that read it in an earlier process, if any did.
        """
        before = self._last.get(script) or before
        self._last[script] = reading.fingerprint
        if before and before != reading.fingerprint:
            self._unsaid[script] = reading.model.name

    def news(self, script: int) -> str:
        """The name of a voice that reads a script instead of another, if nobody was told yet."""
        return self._unsaid.pop(script, "")
