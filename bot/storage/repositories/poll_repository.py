"""Read and write polls: the takes of a line, and the votes for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select, update

from ...screenplay.drafts import Draft
from .. import line_tree
from ..deletion import delete_card_facts
from ..line_tree import HeadMoved
from ..schema import Ballot, Line, Script, Vote
from ..state_eviction import state_bytes
from ..transactions import Transactions


class PollRepository:
    """The polls of all scripts, from which the asker or a vote chooses one take."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def find(self, poll: int) -> Ballot | None:
        """Return a poll by its id, or None if it was deleted."""
        async with self._transactions.reading() as session:
            return await session.get(Ballot, poll)

    async def find_by_message(self, message: int) -> Ballot | None:
        """Return the poll that a message shows, or None."""
        async with self._transactions.reading() as session:
            return await session.scalar(select(Ballot).where(Ballot.message == message))

    async def list_unannounced(self) -> list[Ballot]:
        """Return the polls with a vote whose result was not announced, over or not."""
        wanted = select(Ballot).where(Ballot.ends.is_not(None), ~Ballot.announced)
        async with self._transactions.reading() as session:
            return list(await session.scalars(wanted.order_by(Ballot.id)))

    async def list_messages(self, script: int) -> list[int]:
        """Return the messages that show the open polls of a script."""
        wanted = select(Ballot.message).where(Ballot.script == script, ~Ballot.closed)
        async with self._transactions.reading() as session:
            return [message for message in await session.scalars(wanted) if message is not None]

    async def load_takes(self, poll: Ballot) -> dict[int, list[Line]]:
        """Load the lines of a poll's takes, by take from 0."""
        takes: dict[int, list[Line]] = {}
        wanted = select(Line).where(Line.delivery == poll.delivery)
        async with self._transactions.reading() as session:
            for line in await session.scalars(wanted.order_by(Line.take, Line.ordinal)):
                takes.setdefault(line.take, []).append(line)
        return takes

    async def offer(
        self,
        script: Script,
        takes: Sequence[Sequence[Draft]],
        delivery: str,
        asker: int,
        ends: dt.datetime | None,
    ) -> Ballot:
        """Add takes of the same lines below the head, which stays, and open a poll, all or nothing.

        Raises:
            AlreadyWritten: The interaction ``delivery`` has written takes before.
            HeadMoved: Text above the head was removed since ``script`` was read.
        """
        drafts = [draft for take in takes for draft in take]
        async with self._transactions.adding_states(state_bytes(drafts)) as session:
            unchanged = select(Script.id).where(
                Script.id == script.id, Script.erased == script.erased
            )
            if await session.scalar(unchanged) is None:
                raise HeadMoved
            for number, take in enumerate(takes):
                await line_tree.append_lines(
                    session, script, script.head, take, delivery, number, asker
                )
            poll = Ballot(
                script=script.id, parent=script.head, delivery=delivery, asker=asker, ends=ends
            )
            session.add(poll)
        return poll

    async def record_message(self, poll: int, message: int) -> None:
        """Record which message shows a poll."""
        async with self._transactions.writing() as session:
            (await session.get_one(Ballot, poll)).message = message

    async def vote(self, poll: int, person: int, take: int) -> None:
        """Record a person's vote for a take, instead of an earlier one."""
        async with self._transactions.writing() as session:
            await session.merge(Vote(ballot=poll, person=person, take=take))

    async def load_votes(self, poll: int) -> dict[int, int]:
        """Load the takes for which people vote, by the people's ids."""
        async with self._transactions.reading() as session:
            votes = await session.scalars(select(Vote).where(Vote.ballot == poll))
            return {vote.person: vote.take for vote in votes}

    async def choose(self, poll: int, take: int, script: Script, head: int | None) -> None:
        """Close a poll with the chosen take, and move the head there, all or nothing.

        Args:
            poll: The poll's id.
            take: The chosen take, from 0.
            script: The script, as it was read.
            head: The new head; that of ``script`` to leave it.

        Raises:
            HeadMoved: The head is no longer where ``script`` has it, or the poll was closed before.
        """
        async with self._transactions.writing() as session:
            closed = await session.scalar(
                update(Ballot)
                .where(Ballot.id == poll, ~Ballot.closed)
                .values(closed=True, chosen=take)
                .returning(Ballot.id)
            )
            if closed is None:
                raise HeadMoved
            if head != script.head:
                await line_tree.move_head(session, script, head)

    async def mark_announced(self, poll: int) -> None:
        """Record that the channel was told the result of a poll."""
        async with self._transactions.writing() as session:
            announced = update(Ballot).where(Ballot.id == poll).values(announced=True)
            await session.execute(announced)
            await delete_card_facts(session, select(Ballot.id).where(Ballot.id == poll))
