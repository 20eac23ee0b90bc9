"""Pick a take, vote for one, or read one in full."""

from __future__ import annotations

from re import Match

from ..interactions.option_checks import parse_choice
from ..interactions.requester import get_requester
from ..interactions.turns import Turn
from ..ui.components import Interaction
from ..ui.delivery.responses import check_bot_permissions
from ..ui.delivery.sending import complete_response, send_ephemeral
from ..ui.panels.poll_messages import READ_TAKE_ID, TAKE_ID, format_take
from .feature import ADD_ANYWAY, FeatureCog, asks_during_vote, listens_to


class Takes(FeatureCog, name="OnBook.takes"):
    """Choose a take."""

    @listens_to(TAKE_ID)
    async def choose(self, interaction: Interaction, match: Match[str]) -> None:
        """Pick a take, or vote for it if there is a vote."""
        poll, take = int(match["poll"]), int(match["take"])
        check_bot_permissions(interaction)
        session = await self.open_session(interaction)  # the button itself shows the new count
        await self.turns.record_pressed_poll(interaction, session, poll)
        if (await session.polls.find(poll)).ends:
            if await session.polls.vote(get_requester(interaction), poll, take):
                self.services.live_polls.end_now(poll)
            else:
                self.services.live_polls.recount(poll)
            return
        # If possible, refuse a pick here, before it waits for the turn in progress.
        await session.polls.load_pickable_take(get_requester(interaction), poll, take)
        await self._pick(await self.turns.admit(interaction), poll, take)

    @asks_during_vote(ADD_ANYWAY)
    async def _pick(self, turn: Turn, poll: int, take: int) -> None:
        await self.turns.show(turn, await turn.session.polls.pick(turn.requester, poll, take))

    @listens_to(READ_TAKE_ID)
    async def read_take(self, interaction: Interaction, match: Match[str]) -> None:
        """Show the selected take in full, only to the person who selected it."""
        poll = int(match["poll"])
        session = await self.open_session(interaction, thinking=True, ephemeral=True)
        await self.turns.record_pressed_poll(interaction, session, poll)
        poll_row = await session.polls.find(poll)
        await session.library.find(poll_row.script)
        takes = await session.polls.load_takes(poll_row)
        take = int(parse_choice(interaction, map(str, takes)))
        first, *rest = format_take(take, takes[take])
        await complete_response(interaction, content=first)
        for message in rest:
            await send_ephemeral(interaction, message)
