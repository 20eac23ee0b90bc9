"""Stop a job with the button below its progress."""

from __future__ import annotations

from re import Match

from ..errors import RequestError
from ..i18n.catalogue import phrase
from ..interactions.requester import get_channel, get_requester
from ..session.permissions import check_may_write
from ..ui.components import LINES, LISTEN, REPLAY, SCRIPT, STOP_ID, Interaction
from ..ui.delivery.sending import FirstResponse
from .feature import FeatureCog, listens_to

REPLAY_ENDED = phrase(
    "That replay has ended. If its message shows no result, use {/script stats} again."
)
LISTEN_ENDED = phrase(
    "That table read has ended. If its message has no file, use {/script listen} again."
)
ENDED_SENTENCES = {
    LINES: (
        phrase("That turn was interrupted, and nothing was added. Try again."),
        phrase("That has already been written. See it in {/script history}."),
    ),
    SCRIPT: (
        phrase("That start was interrupted, so no script was started. Use {/start} again."),
        phrase("That script has already started. See it in {/script list}."),
    ),
    REPLAY: (REPLAY_ENDED, REPLAY_ENDED),
    LISTEN: (LISTEN_ENDED, LISTEN_ENDED),
}
"""The answers if some work has ended: without a stored result, and with one."""


class Stopping(FeatureCog, name="OnBook.stopping"):
    """Stop work in progress."""

    @listens_to(STOP_ID)
    async def stop(self, interaction: Interaction, match: Match[str]) -> None:
        """Stop a job, by the id of its interaction or message, for a requester who may write.

        A requester may always stop a job that they asked for, and never a job whose button they
        cannot see.
        """
        channel, requester = get_channel(interaction), get_requester(interaction)
        session = self.sessions.get(channel)
        stoppable = self.services.in_flight.jobs.get(int(match["request"]))
        await FirstResponse(interaction).defer()
        if stoppable is None or not stoppable.is_shown_to(requester.id, channel):
            # The job may have ended with another process, which had no time to show its end.
            is_delivered = await session.continuation.is_delivered(match["request"])
            raise RequestError(ENDED_SENTENCES[match["work"]][is_delivered])
        is_theirs = requester.id == stoppable.requester
        if not is_theirs and (script := await session.library.find_running()):
            check_may_write(script, requester)
        stoppable.job.stop()
