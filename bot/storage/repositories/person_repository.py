"""List and erase what is kept of people."""

from __future__ import annotations

from dataclasses import dataclass

from .. import erasure
from ..erasure import Kept
from ..transactions import Transactions


@dataclass(frozen=True)
class Forgotten:
    """The result of erasing a person."""

    lines: int
    """How many lines named the person."""
    gone: bool
    """Whether all of it is gone from the disk; if not, it is purged later."""


class PersonRepository:
    """The people of whom anything is kept."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def load_kept(self, person: int) -> Kept:
        """Load all that is kept of a person."""
        async with self._transactions.reading() as session:
            return await erasure.load_kept(session, person)

    async def forget(self, person: int, *, text: bool) -> Forgotten:
        """Remove a person's name everywhere, and the text of their lines if ``text``.

        The messages that show any of it become stale. If an error is raised, nothing was removed.
        """
        async with self._transactions.erasing() as session:
            lines = await erasure.forget_person(session, person, text=text)
        return Forgotten(lines, await self._transactions.purge())
