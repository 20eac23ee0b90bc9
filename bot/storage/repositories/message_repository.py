"""Read and write which messages show lines, and which message is the panel of a channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import and_, bindparam, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from .. import line_tree
from ..dialects import insert
from ..records import ChannelContent
from ..schema import ROOT_LINE, Channel, Line, Poll, PostedLine, Script, StaleMessage
from .repository import Repository


class MessageRepository(Repository):
    """The messages that show lines, the stale ones among them, and the panels."""

    async def find_post(self, message: int) -> PostedLine | None:
        return await self._get(PostedLine, message)

    async def find_message(self, channel: int, line: int) -> int | None:
        """Return the newest message that shows a line in a channel, or None."""
        shown = PostedLine.channel == channel, PostedLine.line == line, ~PostedLine.surplus
        return await self._scalar(select(func.max(PostedLine.message)).where(*shown))

    async def load_posts(self, script: Script) -> list[PostedLine]:
        """Load the messages in a script's channel that show its lines, the newest one last.

        Surplus messages are left out.
        """
        async with self._database.reading() as session:
            return await _load_posts(session, script)

    async def load_posts_and_path(
        self, script: Script, limit: int
    ) -> tuple[list[PostedLine], list[int], list[Line]]:
        """Load a script's newest messages and its path from their first line on, at one moment.

        Returns:
            The messages as `load_posts` does; the ids of the path, none without messages; and the
            lines of the path after the last message's.
        """
        async with self._database.reading() as session:
            posts = await _load_posts(session, script, limit)
            if not posts:
                return [], [], []
            since = {"since": posts[0].line, "shown": posts[-1].line}
            path = line_tree.query_path_with_last_lines()
            rows = (await session.execute(path, {"head": script.head or ROOT_LINE, **since})).all()
        return posts, [number for number, _ in rows], [line for _, line in rows if line]

    async def record_post(self, post: PostedLine, line: Line) -> None:
        """Record the message that shows a line; it is stale if the text has been erased since."""
        columns = [column for column in PostedLine.__table__.columns if column.default is None]
        values = (literal(getattr(post, column.key), column.type) for column in columns)
        # There is no such line if the script was deleted before its message could be recorded.
        stored = select(*values).where(select(Line.id).where(Line.id == line.id).exists())
        is_removed = select(Line.removed).where(Line.id == line.id).scalar_subquery()

        async def change(session: AsyncSession) -> None:
            row = insert(session, PostedLine).from_select(columns, stored)
            recorded = row.on_conflict_do_nothing().returning(is_removed)
            if await session.scalar(recorded) and not line.removed:
                await session.merge(StaleMessage(message=post.message))

        await self._database.commit(change)

    async def replace_lines(self, lines: Mapping[int, int]) -> None:
        """Record that messages, by their ids, show other lines than before.

        Messages that are no longer recorded, because their script was deleted, are left out.
        """
        rows = [{"number": message, "shown": line} for message, line in lines.items()]
        change = update(PostedLine).where(PostedLine.message == bindparam("number"))
        if rows:
            async with self._database.writing() as session:
                # Not by the session, which would raise StaleDataError for a missing row.
                connection = await session.connection()
                await connection.execute(change.values(line=bindparam("shown")), rows)

    async def delete_post(self, message: int) -> None:
        """Record that a message was deleted."""
        await self._write(delete(PostedLine).where(PostedLine.message == message))

    async def mark_surplus(self, message: int) -> None:
        """Record that a message no longer belongs where it is, but could not be deleted."""
        async with self._database.writing() as session:
            marked = update(PostedLine).where(PostedLine.message == message).values(surplus=True)
            await session.execute(marked)
            await session.merge(StaleMessage(message=message))

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
        is_here = PostedLine.channel == Script.channel, ~PostedLine.surplus
        shown = select(PostedLine.line).where(PostedLine.line == Script.head, *is_here)
        gone = select(Channel.id).where(Channel.id == Script.channel, Channel.panel.is_(None))
        wanted = select(Script).where(Script.channel > 0, Script.running, Script.head.is_not(None))
        is_unshown = or_(~shown.exists(), gone.exists())
        return await self._scalars(wanted.where(is_unshown).order_by(Script.id))

    # Channels

    async def find_channel(self, channel: int) -> Channel | None:
        """Return what the bot keeps about a channel, or None."""
        return await self._get(Channel, channel)

    async def list_channels_with_panels(self) -> list[Channel]:
        """Return the channels in which the bot shows a running script."""
        return await self._scalars(select(Channel).where(Channel.panel.is_not(None)))

    async def record_panel(self, channel: int, guild: int | None, message: int | None) -> None:
        """Record which message is the panel of a channel; a known channel keeps its guild."""
        await self._update_channel(channel, guild, panel=message)

    async def record_asked_for_webhooks(self, channel: int, guild: int | None) -> None:
        """Record that somebody was told that the bot may not manage webhooks in a channel."""
        await self._update_channel(channel, guild, asked_for_webhooks=True)

    async def load_content(self, channel: int) -> ChannelContent:
        """Load what a channel shows."""
        post = select(func.max(PostedLine.message)).where(PostedLine.channel == channel)
        panel = select(Channel.panel).where(Channel.id == channel)
        wanted = (
            select(
                Script,
                func.coalesce(post.scalar_subquery(), 0),
                func.coalesce(panel.scalar_subquery(), 0),
            )
            .select_from(select(literal(1)).subquery())
            .outerjoin(Script, and_(Script.channel == channel, Script.running))
        )
        [content] = await self._rows(wanted)
        return ChannelContent(*content)

    async def _update_channel(self, channel: int, guild: int | None, **columns: object) -> None:
        async with self._database.writing() as session:
            row = insert(session, Channel).values(id=channel, guild=guild, **columns)
            await session.execute(row.on_conflict_do_update(index_elements=["id"], set_=columns))

    # Stale messages

    async def list_stale_messages(self) -> dict[tuple[int, int | None], list[int]]:
        """Return the messages to redraw or to delete, by channel and server, the oldest first."""
        # The script that wrote a line may be in another channel of the server than its fork.
        place = func.coalesce(PostedLine.channel, Script.channel)
        is_shown = Script.id == func.coalesce(Line.script, Poll.script)
        wanted = (
            select(StaleMessage.message, place, Script.guild)
            .outerjoin(PostedLine, PostedLine.message == StaleMessage.message)
            .outerjoin(Line, Line.id == PostedLine.line)
            .outerjoin(Poll, Poll.message == StaleMessage.message)
            .outerjoin(Channel, Channel.panel == StaleMessage.message)
            .join(Script, or_(is_shown, and_(Script.channel == Channel.id, Script.running)))
            .order_by(StaleMessage.message)
        )
        found: dict[tuple[int, int | None], list[int]] = {}
        for message, channel, guild in await self._rows(wanted):
            found.setdefault((channel, guild), []).append(message)
        return found

    async def mark_messages_redrawn(self, messages: Iterable[int]) -> None:
        """Record that stale messages were edited or deleted; forget those that are gone anyway."""
        recorded = (
            select(column).where(column == StaleMessage.message).exists()
            for column in (PostedLine.message, Poll.message, Channel.panel)
        )
        is_redrawn = StaleMessage.message.in_(list(messages))
        await self._write(delete(StaleMessage).where(or_(is_redrawn, ~or_(*recorded))))


async def _load_posts(
    session: AsyncSession, script: Script, limit: int | None = None
) -> list[PostedLine]:
    wanted = (
        select(PostedLine)
        .join(Line, Line.id == PostedLine.line)
        .where(
            PostedLine.channel == script.channel, ~PostedLine.surplus, line_tree.is_in_tree(script)
        )
        .order_by(PostedLine.message.desc())
        .limit(limit)
    )
    return list(reversed((await session.scalars(wanted)).all()))
