"""Read and write which lines Discord's messages show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from .. import erasure, line_tree
from ..database import Database
from ..dialects import insert
from ..schema import ROOT_LINE, Line, Poll, PostedLine, Script, StaleMessage


class MessageRepository:
    """The messages that show lines, and those of them that are stale."""

    def __init__(self, transactions: Database) -> None:
        self._transactions = transactions

    async def find_posted_lines(self, message: int) -> tuple[int, list[Line]] | None:
        """Return the id of the script that a message shows, and its lines there, or None."""
        async with self._transactions.reading() as session:
            rows = await session.execute(
                select(PostedLine.script, Line)
                .outerjoin(Line, Line.id == PostedLine.line)
                .where(PostedLine.message == message)
                .order_by(Line.id)
            )
            found = [(script, line) for script, line in rows]
        return (found[0][0], [line for _, line in found if line]) if found else None

    async def load_messages_showing(
        self, script: Script, lines: Iterable[int], messages: Iterable[int] = ()
    ) -> dict[int, list[Line]]:
        """Load ``messages`` and those that show any of ``lines``, each with all of its lines.

        Only the script's channel is searched, in which other scripts may share its lines. The
        latest message is the last one.
        """
        shown = dict[int, list[Line]]()
        async with self._transactions.reading() as session:
            wanted = line_tree.query_messages_showing(script, lines, messages)
            ids = sorted(await session.scalars(wanted))
            for start in range(0, len(ids), line_tree.BATCH):
                rows = await session.execute(
                    select(PostedLine.message, Line)
                    .outerjoin(Line, Line.id == PostedLine.line)
                    .where(PostedLine.message.in_(ids[start : start + line_tree.BATCH]))
                    .order_by(PostedLine.message, Line.id)
                )
                for message, line in rows:
                    shown.setdefault(message, []).extend([line] if line else [])
        return shown

    async def record_message(self, message: int, script: int, lines: Sequence[Line]) -> None:
        """Record the lines that a message shows; none for the message that begins a script.

        The message is stale if a name or text was erased since the lines were read.
        """
        shown = [line.id for line in lines] or [ROOT_LINE]
        rows = [{"message": message, "script": script, "line": line} for line in shown]

        async def change(session: AsyncSession) -> None:
            if await session.scalar(select(Script.id).where(Script.id == script)) is None:
                return  # the script was deleted before its message could be recorded
            await session.execute(insert(session, PostedLine).on_conflict_do_nothing(), rows)
            if await erasure.were_erased(session, lines):
                stale = insert(session, StaleMessage).values(message=message, script=script)
                await session.execute(stale.on_conflict_do_nothing())

        await self._transactions.commit(change)

    async def delete_message(self, message: int) -> None:
        """Record that a message was deleted."""
        async with self._transactions.writing() as session:
            await session.execute(delete(PostedLine).where(PostedLine.message == message))

    async def delete_all_messages(self) -> None:
        """Record that all messages are gone, as after the end of a simulated Discord."""
        async with self._transactions.writing() as session:
            await session.execute(delete(PostedLine))
            await session.execute(delete(StaleMessage))
            await session.execute(update(Poll).values(message=None))

    async def list_stale_messages(self) -> dict[int, list[int]]:
        """Return the messages that show erased names or text, by script, the oldest first."""
        found: dict[int, list[int]] = {}
        async with self._transactions.reading() as session:
            for stale in await session.scalars(select(StaleMessage).order_by(StaleMessage.message)):
                found.setdefault(stale.script, []).append(stale.message)
        return found

    async def mark_messages_redrawn(self, messages: Iterable[int]) -> None:
        """Record that stale messages were edited or deleted."""
        async with self._transactions.writing() as session:
            await session.execute(
                delete(StaleMessage).where(StaleMessage.message.in_(list(messages)))
            )
