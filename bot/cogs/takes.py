"""Takes: pick a take, vote for one, or read one in full."""

from __future__ import annotations

from ..i18n.catalogue import say
from ..ui.ballots import TAKE_ID, WHOLE_ID, whole_take
from ..ui.components import Handler, Interaction, selected
from ..ui.delivery import Channel, reply_to, whispered
from ..ui.responses import check_permissions
from .feature import FeatureCog, answered
from .requester import writer_of


class Takes(FeatureCog, name="OnBook.takes"):
    """Choose a take."""

    def listeners(self) -> dict[str, Handler]:
        """Listen to the buttons and the menu under takes."""
        return {
            TAKE_ID: lambda interaction, found: self.choose(
                interaction, int(found["ballot"]), int(found["take"])
            ),
            WHOLE_ID: lambda interaction, found: self.read_take(interaction, int(found["ballot"])),
        }

    @answered
    async def choose(self, interaction: Interaction, ballot: int, take: int) -> None:
        """Pick a take, from 0, or vote for it where there is a vote."""
        check_permissions(interaction)
        await self.turns.meet_ballot(interaction, ballot)
        room = self.services.room(interaction)
        if (await room.ballots.find(ballot)).ends:
            await self._vote(interaction, ballot, take)
            return
        await room.ballots.check_pick(writer_of(interaction), ballot, take)
        await self.turns.play(
            interaction, lambda room, writer: room.ballots.pick(writer, ballot, take)
        )
        if isinstance(interaction.channel, Channel):
            await self.services.messages.repaint_ballot(interaction.channel, room, ballot)

    @answered
    async def read_take(self, interaction: Interaction, ballot: int) -> None:
        """Show the selected take in full, to the person who selected the take alone."""
        take = int(selected(interaction)[0])
        await self.turns.meet_ballot(interaction, ballot)
        room = self.services.room(interaction)
        found = await room.ballots.find(ballot)
        await room.library.find(found.script)
        first, *rest = whole_take(take, (await self.store.polls.load_takes(found))[take])
        await reply_to(interaction).send_message(first, ephemeral=True)
        for more in rest:
            await whispered(interaction, more)

    async def _vote(self, interaction: Interaction, ballot: int, take: int) -> None:
        room = self.services.room(interaction)
        await room.ballots.vote(writer_of(interaction), ballot, take)
        self.services.polls.recount(ballot)
        await reply_to(interaction).send_message(
            say(
                "Vote for take {take} counted. You can still change it.",
                take=take + 1,
            ),
            ephemeral=True,
        )
