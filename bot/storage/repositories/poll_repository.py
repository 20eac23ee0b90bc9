"""Read and write polls: the takes of a line, and the votes for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select, update

from ...errors import HeadMoved
from ...screenplay.drafts import Draft
from ..line_tree import insert_lines
from ..schema import Line, Poll, Script, Vote
from .line_repository import swap_head
from .repository import Repository


class PollRepository(Repository):
    """The polls of all scripts, from which the asker or a vote chooses one take."""

    async def find_poll(self, poll: int) -> Poll | None:
        """Return a poll by its id, or None if it was deleted."""
        return await self._get(Poll, poll)

    async def find_poll_by_message(self, message: int) -> Poll | None:
        return await self._scalar(select(Poll).where(Poll.message == message))

    async def find_poll_of_line(self, line: int) -> Poll | None:
        """Return the poll that has a line in one of its takes, open or closed, or None."""
        wanted = select(Poll).join(Line, Line.delivery == Poll.delivery).where(Line.id == line)
        return await self._scalar(wanted)

    async def list_unannounced_polls(self) -> list[Poll]:
        """Return the polls with a vote, over or not, whose result has not been announced."""
        wanted = select(Poll).where(Poll.ends.is_not(None), ~Poll.announced)
        return await self._scalars(wanted.order_by(Poll.id))

    async def list_open_poll_messages(self, script: int) -> list[int]:
        """Return the messages that show the open polls of a script."""
        wanted = select(Poll.message).where(Poll.script == script, ~Poll.closed)
        return [message for message in await self._scalars(wanted) if message is not None]

    async def load_takes(self, poll: Poll) -> dict[int, list[Line]]:
        """Load the lines of a poll's takes, by take from 0."""
        takes: dict[int, list[Line]] = {}
        wanted = select(Line).where(Line.delivery == poll.delivery)
        for line in await self._scalars(wanted.order_by(Line.take, Line.ordinal)):
            takes.setdefault(line.take, []).append(line)
        return takes

    async def open_poll(
        self,
        script: Script,
        takes: Sequence[Sequence[Draft]],
        delivery: str,
        asker: int,
        ends: dt.datetime | None,
    ) -> Poll:
        """Add takes of the same lines below the head, which stays, and open a poll, all or nothing.

        Raises AlreadyWritten if the interaction ``delivery`` has written takes before, and
        HeadMoved if text above the head was removed since ``script`` was read.
        """
        async with self._database.writing() as session:
            erased = await session.scalar(select(Script.erased).where(Script.id == script.id))
            if erased != script.erased:
                raise HeadMoved
            head = script.head
            for number, take in enumerate(takes):
                await insert_lines(session, script, head, take, delivery, asker, take=number)
            poll = Poll(script=script.id, parent=head, delivery=delivery, asker=asker, ends=ends)
            session.add(poll)
        return poll

    async def record_message(self, poll: int, message: int) -> None:
        async with self._database.writing() as session:
            (await session.get_one(Poll, poll)).message = message

    async def record_vote(self, poll: int, person: int, take: int) -> None:
        """Record a person's vote for a take, instead of an earlier one."""
        async with self._database.writing() as session:
            await session.merge(Vote(poll=poll, person=person, take=take))

    async def load_votes(self, poll: int) -> dict[int, int]:
        """Load the takes for which people vote, by the people's ids."""
        votes = await self._scalars(select(Vote).where(Vote.poll == poll))
        return {vote.person: vote.take for vote in votes}

    async def close_poll(
        self, poll: int, take: int | None, script: Script, head: int | None
    ) -> None:
        """Close a poll with the chosen take or none, and move the head, all or nothing.

        Raises HeadMoved if the head is not where ``script`` has it, or the poll was closed before.
        """
        async with self._database.writing() as session:
            closed = await session.scalar(
                update(Poll)
                .where(Poll.id == poll, ~Poll.closed)
                .values(closed=True, chosen=take)
                .returning(Poll.id)
            )
            if closed is None:
                raise HeadMoved
            if head != script.head:
                await swap_head(session, script, head)

    async def close_passed(self, script: int) -> list[int]:
        """Close open polls without a vote that do not stand at a script's head; return them."""
        head = select(Script.head).where(Script.id == script).scalar_subquery()
        passed = Poll.ends.is_(None) & Poll.parent.is_distinct_from(head)
        closing = update(Poll).where(Poll.script == script, ~Poll.closed, passed)
        async with self._database.writing() as session:
            return list(await session.scalars(closing.values(closed=True).returning(Poll.id)))

    async def list_passed_votes(self, script: int) -> list[int]:
        """Return the open polls with a vote that do not stand at a script's head."""
        head = select(Script.head).where(Script.id == script).scalar_subquery()
        passed = Poll.ends.is_not(None) & Poll.parent.is_distinct_from(head)
        wanted = select(Poll.id).where(Poll.script == script, ~Poll.closed, passed)
        return await self._scalars(wanted)

    async def mark_announced(self, poll: int) -> None:
        """Record that the channel was told the result of a poll."""
        await self._write(update(Poll).where(Poll.id == poll).values(announced=True))
