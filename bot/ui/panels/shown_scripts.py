"""Describe what channels have shown last, to fill windows at once.

Discord takes a window only as the first answer to an interaction, within three seconds. So nothing
is read for it: whatever is no longer true, the submission finds out, and gives the text back.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...storage.schema import Line, Rotation, Script

MOST_CHANNELS = 256
"""The channels that are remembered, at some kilobytes each."""


@dataclass(frozen=True)
class ShownScript:
    """What a channel shows: its running script, with the panel, and the newest line."""

    script: Script
    rotation: Rotation | None = None
    """The order in which people write, unless a sprint suspends it."""
    line: Line | None = None
    message: int = 0
    """The message that shows the line."""

    @property
    def last_line(self) -> Line | None:
        """Return the script's last line, unless a later one could not be shown."""
        return self.line if self.line and self.line.id == self.script.head else None
