"""Read and write what the bot remembers about itself."""

from __future__ import annotations

from ..dialects import insert
from ..schema import LOOKED_AFTER_BY, Fact
from ..transactions import Transactions


class FactRepository:
    """Named values: small things that the bot must remember."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def find(self, name: str) -> str | None:
        """Return the value of a name, or None."""
        async with self._transactions.reading() as session:
            row = await session.get(Fact, name)
        return row.value if row else None

    async def record(self, name: str, value: str) -> None:
        """Set the value of a name."""
        async with self._transactions.writing() as session:
            await session.merge(Fact(name=name, value=value))

    async def claim_housekeeping(self, bot: int) -> bool:
        """Return whether a bot, by its id, is the one that ends polls and deletes leftovers here.

        A file belongs to the bot that has opened it. On a shared database, it is the first bot that
        asks, because other bots cannot tell what has been left behind.
        """
        if not self._transactions.shared:
            return True
        known = await self.find(LOOKED_AFTER_BY)
        if known is None:
            async with self._transactions.writing() as session:
                first = insert(session, Fact).on_conflict_do_nothing()
                await session.execute(first, [{"name": LOOKED_AFTER_BY, "value": str(bot)}])
                known = (await session.get_one(Fact, LOOKED_AFTER_BY)).value
        return known == str(bot)
