"""Open the database of scripts, and hold its repositories."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from sqlalchemy import URL

from ..telemetry import Meter
from .backends import open_database
from .database import Database, Guard
from .repositories.banned_word_repository import BannedWordRepository
from .repositories.guild_repository import GuildRepository
from .repositories.key_value_repository import KeyValueRepository
from .repositories.line_repository import LineRepository
from .repositories.message_repository import MessageRepository
from .repositories.person_repository import PersonRepository
from .repositories.poll_repository import PollRepository
from .repositories.script_repository import ScriptRepository
from .repositories.state_repository import StateRepository
from .state_eviction import StateBudget
from .transactions import Transactions

STATE_BUDGET = 832 * 2**20
"""The most bytes of all states by default: at 8 KB each, those of 100,000 heads and of the latest
5,000 other lines."""


class Store:
    """All that the bot keeps, in a file or on a server.

    Each method of a repository is a unit of work that is on the disk when the method returns.
    Concurrent turns of several channels share a transaction.
    """

    def __init__(self, database: Database, state_budget: int = STATE_BUDGET) -> None:
        self._database = database
        self._transactions = transactions = Transactions(database, StateBudget(state_budget))
        self.scripts = ScriptRepository(transactions)
        self.lines = LineRepository(transactions)
        self.states = StateRepository(transactions)
        self.polls = PollRepository(transactions)
        self.messages = MessageRepository(transactions)
        self.people = PersonRepository(transactions)
        self.guilds = GuildRepository(transactions)
        self.banned_words = BannedWordRepository(transactions)
        self.key_values = KeyValueRepository(transactions)

    @classmethod
    async def open(
        cls, address: Path | URL, state_budget: int = STATE_BUDGET, guard: Guard | None = None
    ) -> Self:
        """Open the database, or make it.

        Args:
            address: The path of a SQLite file, or the address of any database in `backends`.
            state_budget: The most bytes of all states.
            guard: Is called at the beginning of every transaction that writes to a shared database,
                and may raise TransactionFailed.

        Raises:
            StoreError: The database cannot be used.
        """
        return cls(await open_database(address, guard), state_budget)

    def report_to(self, meter: Meter) -> None:
        """Report to ``meter`` how long transactions take."""
        self._database.meter = meter

    async def close(self) -> None:
        """Close the database, so that another process can open it."""
        await self._transactions.close()
