"""Stopping: the button that stops lines, a new script or a replay in the middle."""

from __future__ import annotations

from ..i18n.catalogue import phrase, say
from ..session.turn import SessionError
from ..ui.components import LINES, REPLAY, SCRIPT, STOP_ID, Handler, Interaction
from ..ui.delivery import FirstResponse
from .feature import FeatureCog, answered

REPLAY_OVER = phrase(
    "That replay has ended: use {/script replay} once more if its message does not tell what came "
    "of it."
)
OVER = {
    LINES: (
        phrase("That has ended, and nothing of it is in the script: ask for it again."),
        phrase("That is written already: see it in {/history}."),
    ),
    SCRIPT: (
        phrase("That has ended, and no script was begun: use {/start} once more."),
        phrase("That script has begun already: see it in {/scripts}."),
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
        job = self.services.in_flight.jobs.get(turn)
        if job is None:
            # The turn may have ended with another process, which had no time to show its end.
            raise SessionError(say(OVER[work][await self.store.lines.was_delivered(str(turn))]))
        await FirstResponse(interaction).defer()
        job.stop()
