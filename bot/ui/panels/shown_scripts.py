"""Remember what channels have shown last, to fill windows at once.

Discord takes a window only as the first answer to an interaction, within three seconds. So nothing
is read for it: whatever is no longer true, the submission finds out, and gives the text back.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...recent import Recent
from ...storage.schema import Line, Rotation, Script

MOST_CHANNELS = 256
"""The channels that are remembered, at some kilobytes each."""


@dataclass
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


class ShownScripts:
    """What each channel has shown last, of the channels that were used last."""

    def __init__(self) -> None:
        self._channels: Recent[int, ShownScript] = Recent(MOST_CHANNELS)

    def find(self, channel: int) -> ShownScript | None:
        """Return what a channel shows, if it is remembered."""
        return self._channels.get(channel)

    def record_line(self, channel: int, script: Script, line: Line, message: int) -> None:
        """Remember the newest line that a channel shows, and its message."""
        self._channels[channel] = ShownScript(script, line=line, message=message)

    def record_panel(self, channel: int, script: Script, rotation: Rotation | None) -> None:
        """Remember the panel of a channel."""
        known = self._channels.get(channel)
        if known is None or known.script.id != script.id:
            known = ShownScript(script)
        known.script, known.rotation = script, rotation
        self._channels[channel] = known

    def forget(self, channel: int) -> None:
        """Forget a channel, because it shows something else."""
        self._channels.pop(channel, None)

    def forget_all(self) -> None:
        """Forget all channels, because somebody's text was erased."""
        self._channels.clear()
