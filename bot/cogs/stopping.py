"""Stopping: the button that stops lines, a new script or a replay in the middle."""

from __future__ import annotations

from ..i18n.catalogue import phrase, say
from ..session.turn import RoomError
from ..ui.components import LINES, REPLAY, SCRIPT, STOP_ID, Handler, Interaction
from ..ui.delivery import reply_to
from .feature import FeatureCog, answered

REPLAY_OVER = phrase(
    "That replay has ended. If its message shows no result, use {/script replay} again."
)
OVER = {
    LINES: (
        phrase("That turn was interrupted, and nothing was added. Try again."),
        phrase("That is already written. See it in {/history}."),
    ),
    SCRIPT: (
        phrase("That start was interrupted, and there is no script. Use {/start} again."),
        phrase("That script has already started. See it in {/scripts}."),
    ),
    REPLAY: (REPLAY_OVER, REPLAY_OVER),
}
"""The answers where a work has ended: without a result that was stored, and with one."""


class Stopping(FeatureCog, name="OnBook.stopping"):
    """Stop work in progress."""

    def listeners(self) -> dict[str, Handler]:
        """Listen to the button under work in progress."""
        return {
            STOP_ID: lambda interaction, found: self.stop(
                interaction, int(found["turn"]), found["work"]
            )
        }

    @answered
    async def stop(self, interaction: Interaction, turn: int, work: str) -> None:
        """Stop a turn, by the id of its interaction; ``work`` is one of `components.WORKS`."""
        patience = self.services.in_flight.turns.get(turn)
        if patience is None:
            # The turn may have ended with another process, which had no time to show its end.
            raise RoomError(say(OVER[work][await self.store.lines.is_delivered(str(turn))]))
        await reply_to(interaction).defer()
        patience.stop()
