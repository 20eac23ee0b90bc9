"""Stop a job by the button below its progress."""

from __future__ import annotations

from ..errors import RequestError
from ..i18n.catalogue import phrase
from ..ui.components import LINES, LISTEN, REPLAY, SCRIPT, STOP_ID, Handler, Interaction
from ..ui.delivery import FirstResponse
from .feature import FeatureCog, answer_errors

REPLAY_ENDED = phrase(
    "That replay has ended. If its message shows no result, use {/script replay} again."
)
LISTEN_ENDED = phrase(
    "That table read has ended. If its message has no file, use {/script listen} again."
)
ENDED_SENTENCES = {
    LINES: (
        phrase("That turn was interrupted, and nothing was added. Try again."),
        phrase("That is already written. See it in {/script history}."),
    ),
    SCRIPT: (
        phrase("That start was interrupted, and there is no script. Use {/start} again."),
        phrase("That script has already started. See it in {/script list}."),
    ),
    REPLAY: (REPLAY_ENDED, REPLAY_ENDED),
    LISTEN: (LISTEN_ENDED, LISTEN_ENDED),
}
"""The answers where a work has ended: without a result that was stored, and with one."""


class Stopping(FeatureCog, name="OnBook.stopping"):
    """Stop work in progress."""

    def listeners(self) -> dict[str, Handler]:
        """Listen to the button under work in progress."""
        return {
            STOP_ID: lambda interaction, match: self.stop(
                interaction, int(match["turn"]), match["work"]
            )
        }

    @answer_errors
    async def stop(self, interaction: Interaction, interaction_id: int, kind: str) -> None:
        """Stop a job, by the id of its interaction; ``kind`` is one of `JOB_KINDS`."""
        job = self.services.in_flight.jobs.get(interaction_id)
        if job is None:
            # The turn may have ended with another process, which had no time to show its end.
            raise RequestError(
                ENDED_SENTENCES[kind][await self.store.lines.is_delivered(str(interaction_id))]
            )
        await FirstResponse(interaction).defer()
        job.stop()
