"""Read and write which messages show lines, and which message is the panel of a channel."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from .. import erasure, line_tree
from ..database import Database
from ..dialects import insert
from ..schema import Channel, Line, Poll, PostedLine, Script, StaleMessage


class MessageRepository:
    """The messages that show lines, those of them that are stale, and the panels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_post(self, message: int) -> PostedLine | None:
        """Return the record of a message that shows a line, or None."""
        async with self._database.reading() as session:
            return await session.get(PostedLine, message)

    async def load_posts(self, script: Script, limit: int | None = None) -> list[PostedLine]:
        """Load the messages in a script's channel that show its lines, the newest one last.

        A ``limit`` leaves out the older ones.
        """
        wanted = (
            select(PostedLine)
            .join(Line, Line.id == PostedLine.line)
            .where(PostedLine.channel == script.channel, line_tree.is_in_tree(script))
            .order_by(PostedLine.message.desc())
            .limit(limit)
        )
        async with self._database.reading() as session:
            return list(reversed(list(await session.scalars(wanted))))

    async def record_post(self, post: PostedLine, line: Line) -> None:
        """Record the message that shows a line; it is stale if the text was erased meanwhile."""
        columns = {column.key: getattr(post, column.key) for column in PostedLine.__table__.columns}

        async def change(session: AsyncSession) -> None:
            if await session.scalar(select(Line.id).where(Line.id == line.id)) is None:
                return  # the script was deleted before its message could be recorded
            await session.execute(insert(session, PostedLine).on_conflict_do_nothing(), columns)
            if await erasure.was_erased(session, line):
                stale = insert(session, StaleMessage).values(message=post.message)
                await session.execute(stale.on_conflict_do_nothing())

        await self._database.commit(change)

    async def replace_lines(self, lines: Mapping[int, int]) -> None:
        """Record that messages, by their ids, show other lines than before."""
        rows = [{"message": message, "line": line} for message, line in lines.items()]
        if rows:
            async with self._database.writing() as session:
                await session.execute(update(PostedLine), rows)

    async def delete_posts(self, messages: Collection[int]) -> None:
        """Record that messages were deleted."""
        if messages:
            async with self._database.writing() as session:
                await session.execute(delete(PostedLine).where(PostedLine.message.in_(messages)))

    async def delete_all_messages(self) -> None:
        """Record that all messages are gone, as after the end of a simulated Discord."""
        async with self._database.writing() as session:
            for table in (PostedLine, StaleMessage, Channel):
                await session.execute(delete(table))
            await session.execute(update(Poll).values(message=None))

    async def list_unshown_scripts(self) -> list[Script]:
        """Return the running scripts whose last line no message shows, or whose panel is gone.

        Scripts of private channels, whose numbers are negative, are shown in answers alone.
        """
        shown = select(PostedLine.line).where(
            PostedLine.line == Script.head, PostedLine.channel == Script.channel
        )
        gone = select(Channel.id).where(Channel.id == Script.channel, Channel.panel.is_(None))
        is_unshown = or_(~shown.exists(), gone.exists())
        wanted = select(Script).where(
            Script.channel > 0, Script.running, Script.head.is_not(None), is_unshown
        )
        async with self._database.reading() as session:
            return list(await session.scalars(wanted.order_by(Script.id)))

    # Channels

    async def find_channel(self, channel: int) -> Channel | None:
        """Return what the bot keeps of a channel, or None."""
        async with self._database.reading() as session:
            return await session.get(Channel, channel)

    async def record_panel(self, channel: int, guild: int | None, message: int | None) -> None:
        """Record which message is the panel of a channel."""
        await self._update_channel(channel, guild, panel=message)

    async def record_asked_for_webhooks(self, channel: int, guild: int | None) -> None:
        """Record that somebody was told that the bot may not manage webhooks in a channel."""
        await self._update_channel(channel, guild, asked_for_webhooks=True)

    async def find_newest_messages(self, channel: int) -> tuple[int, int]:
        """Return a channel's newest message that shows a line, and its panel, each of them or 0."""
        post = select(func.max(PostedLine.message)).where(PostedLine.channel == channel)
        panel = select(Channel.panel).where(Channel.id == channel)
        wanted = select(
            func.coalesce(post.scalar_subquery(), 0), func.coalesce(panel.scalar_subquery(), 0)
        )
        async with self._database.reading() as session:
            newest, known = (await session.execute(wanted)).one()
        return newest, known

    async def _update_channel(self, channel: int, guild: int | None, **columns: object) -> None:
        async with self._database.writing() as session:
            row = insert(session, Channel).values(id=channel, guild=guild, **columns)
            await session.execute(row.on_conflict_do_update(index_elements=["id"], set_=columns))

    # Stale messages

    async def list_stale_messages(self) -> dict[int, list[int]]:
        """Return the messages that show erased names or text, by script, the oldest first."""
        owner = func.coalesce(Line.script, Poll.script, Script.id)
        wanted = (
            select(StaleMessage.message, owner)
            .outerjoin(PostedLine, PostedLine.message == StaleMessage.message)
            .outerjoin(Line, Line.id == PostedLine.line)
            .outerjoin(Poll, Poll.message == StaleMessage.message)
            .outerjoin(Channel, Channel.panel == StaleMessage.message)
            .outerjoin(Script, and_(Script.channel == Channel.id, Script.running))
            .where(owner.is_not(None))
            .order_by(StaleMessage.message)
        )
        found: dict[int, list[int]] = {}
        async with self._database.reading() as session:
            for message, script in await session.execute(wanted):
                found.setdefault(script, []).append(message)
        return found

    async def mark_messages_redrawn(self, messages: Iterable[int]) -> None:
        """Record that stale messages were edited or deleted."""
        async with self._database.writing() as session:
            await session.execute(
                delete(StaleMessage).where(StaleMessage.message.in_(list(messages)))
            )
