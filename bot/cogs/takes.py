"""The buttons under takes: one is picked, or everybody votes for one."""

from __future__ import annotations

from ..i18n.catalogue import say
from ..ui import takes
from ..ui.components import Interaction
from ..ui.delivery import Channel, reply_to, whispered
from ..ui.responses import check_permissions
from .commands import answered, writer_of
from .turns import Turns


class Takes(Turns):
    """Choose a take."""

    @answered
    async def choose(self, interaction: Interaction, ballot: int, take: int) -> None:
        """The button for a take was pressed: where there is a vote, that is one."""
        check_permissions(interaction)
        await self._meet_ballot(interaction, ballot)
        room = self._room(interaction)
        if (await room.ballots.find(ballot)).ends:
            await self._vote(interaction, ballot, take)
            return
        await room.ballots.check_pick(writer_of(interaction), ballot, take)
        await self._play(interaction, lambda room, writer: room.ballots.pick(writer, ballot, take))
        if isinstance(interaction.channel, Channel):
            await self.board.repaint_ballot(interaction.channel, room, ballot)

    @answered
    async def read_take(self, interaction: Interaction, ballot: int, take: int) -> None:
        """A take was chosen that is to be read whole, by whoever chose it alone."""
        await self._meet_ballot(interaction, ballot)
        room = self._room(interaction)
        found = await room.ballots.find(ballot)
        await room.library.find(found.script)
        first, *rest = takes.whole(take, (await self.store.polls.load_takes(found))[take])
        await reply_to(interaction).send_message(first, ephemeral=True)
        for more in rest:
            await whispered(interaction, more)

    async def _vote(self, interaction: Interaction, ballot: int, take: int) -> None:
        await self._room(interaction).ballots.vote(writer_of(interaction), ballot, take)
        self.polls.recount(ballot)
        await reply_to(interaction).send_message(
            say(
                "You are for take {take} now. Press another button to change your vote.",
                take=take + 1,
            ),
            ephemeral=True,
        )
