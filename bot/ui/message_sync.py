"""Keep the messages of a channel in sync with its script: one message a line, and the panel.

Every line is committed before it is shown. A sync reads the lines that are stored and the messages
that were recorded, and makes the difference good, so that it does not matter which turns it
follows, whether an earlier sync has failed, or in which process.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress

import discord

from ..session.channel_session import ChannelSession
from ..storage.schema import Line, PostedLine, Script
from ..storage.store import Store
from .delivery import CONNECTION_ERRORS, MessageChannel, post_message
from .line_messages import LineMessages
from .panel import Panel, delete_message, is_panel
from .poll_messages import PollMessages
from .responses import UNKNOWN_MESSAGE

log = logging.getLogger("onbook.message_sync")

WINDOW = 100
"""Messages of a script that a sync looks at, unless the script has changed above them."""

MAX_FIRST_LINES = 10
"""Lines that are shown of a script of which a channel shows none yet: as many as a turn writes."""

MAX_ORPHANS = 50
"""Messages that are looked at for those that a lost process could not record."""


class MessageSync:
    """Show the scripts of all channels."""

    def __init__(self, client: discord.Client, store: Store, polls: PollMessages) -> None:
        self.client = client
        self.store = store
        self.polls = polls
        self.lines = LineMessages()
        self.panel = Panel(store)
        self._checked: set[int] = set()
        """The channels without messages that an earlier process has not recorded."""

    async def sync(
        self,
        channel: MessageChannel,
        session: ChannelSession,
        note: str = "",
        announcement: str = "",
    ) -> None:
        """Make a channel show its running script: each line once, in order, above the panel.

        Args:
            channel: The channel.
            session: The channel's session.
            note: What has just happened, which the panel says until something else happens.
            announcement: Which script goes on here now, which a message of its own says for good.

        Raises:
            discord.HTTPException: Discord refuses a message. The next sync tries again.
            aiohttp.ClientError: Or another of `CONNECTION_ERRORS`, likewise.
        """
        # One at a time, each from what is stored then, so that a slow one cannot undo a later one.
        async with session.drawing:
            script = await self.store.scripts.find_running_script(session.channel)
            await self._delete_orphans(channel, script)
            above = (await post_message(channel, announcement)).id if announcement else 0
            try:
                if script is not None:
                    await self._show_lines(channel, script)
            finally:
                await self.panel.place(channel, script, note, above)

    # Lines

    async def _show_lines(self, channel: MessageChannel, script: Script) -> None:
        """Show the lines of a script."""
        posts, path = await self._load(script)
        changed = [
            (post, line) for post, line in zip(posts, path, strict=False) if post.line != line
        ]
        surplus, missing = posts[len(path) :], path[len(posts) :]
        wanted = {*missing, *(line for post, line in changed for line in (post.line, line))}
        lines = {line.id: line for line in await self.store.lines.load_lines(wanted)}
        try:
            await self._edit(channel, changed, lines)
        except discord.NotFound as error:
            if error.code != UNKNOWN_MESSAGE:
                raise
            # The message is recorded no more, and the lines of the others move up.
            await self._show_lines(channel, script)
            return
        for post in reversed(surplus):
            await self._delete(channel, post)
        newest = await self._find_newest(channel) if missing else 0
        for line in missing:
            post = await self.lines.post(channel, lines[line], newest)
            await self.store.messages.record_post(post, lines[line])
            newest = post.message

    async def _load(self, script: Script) -> tuple[list[PostedLine], list[int]]:
        """Load the messages that show a script, and the lines that must stand in their places.

        The lines may be fewer, so that the last messages are surplus, or more, so that messages are
        missing at the end.
        """
        posts = await self.store.messages.load_posts(script, WINDOW)
        if not posts:
            path = await self.store.lines.load_path_ids(script.head)
            return [], path[-MAX_FIRST_LINES:]
        path = await self.store.lines.load_path_ids(script.head, posts[0].line)
        if path[:1] == [posts[0].line]:
            return posts, path
        # The script has changed above these messages: begin with the first one that shows it.
        posts = await self.store.messages.load_posts(script)
        before = set(await self.store.lines.load_path_ids(posts[0].line)) - {posts[0].line}
        path = await self.store.lines.load_path_ids(script.head)
        return posts, [line for line in path if line not in before] or path[-1:]

    async def _edit(
        self,
        channel: MessageChannel,
        changed: Collection[tuple[PostedLine, int]],
        lines: dict[int, Line],
    ) -> None:
        """Show lines in the messages of others: what an edit has put in their places."""
        copied = {
            post.message: line
            for post, line in changed
            if lines[post.line].element == lines[line].element
        }
        await self.store.messages.replace_lines(copied)
        for post, line in changed:
            if post.message not in copied:
                await self._redraw(channel, post, lines[line])
                await self.store.messages.replace_lines({post.message: line})

    async def _redraw(self, channel: MessageChannel, post: PostedLine, line: Line) -> None:
        try:
            await self.lines.edit(channel, post, line)
        except discord.NotFound:
            await self.store.messages.delete_posts([post.message])
            raise

    async def _delete(self, channel: MessageChannel, post: PostedLine) -> None:
        with suppress(discord.NotFound):
            await self.lines.delete(channel, post)
        await self.store.messages.delete_posts([post.message])

    async def _delete_orphans(self, channel: MessageChannel, script: Script | None) -> None:
        """Delete messages that an earlier process has posted and could not record, once."""
        if channel.id in self._checked:
            return
        after = await self._find_newest(channel)
        if not after and script is not None:
            after = discord.utils.time_snowflake(script.begun)
        # Without Read Message History, nonces alone prevent messages that stand twice.
        if after and self._may_read_history(channel):
            newer = channel.history(
                limit=MAX_ORPHANS, after=discord.Object(after), oldest_first=True
            )
            for message in [message async for message in newer]:
                if is_panel(message) and message.author == self.client.user:
                    await delete_message(channel, message.id)
        self._checked.add(channel.id)

    def _may_read_history(self, channel: MessageChannel) -> bool:
        found = self.client.get_channel(channel.id) or channel
        if isinstance(found, discord.abc.GuildChannel | discord.Thread):
            return found.permissions_for(found.guild.me).read_message_history
        return not isinstance(found, discord.PartialMessageable)

    async def _find_newest(self, channel: MessageChannel) -> int:
        """Return the newest recorded message of a channel, or 0."""
        known = await self.store.messages.find_channel(channel.id)
        panel = known.panel if known else None
        return max(panel or 0, await self.store.messages.find_newest_post(channel.id))

    # Messages that changed otherwise

    async def redraw_messages(
        self, channel: MessageChannel, session: ChannelSession, messages: Collection[int]
    ) -> set[int]:
        """Redraw messages, and return those that are now correct, or deleted."""
        redrawn = set[int]()
        for message in messages:
            poll = await self.store.polls.find_poll_by_message(message)
            if poll is None or await self.polls.redraw(channel, session, poll.id):
                redrawn.add(message)
            post = await self.store.messages.find_post(message)
            if post is None:
                continue
            async with session.drawing:
                line = await self.store.lines.find_line(post.line)
                try:
                    if line is not None:
                        await self._redraw(channel, post, line)
                except discord.NotFound:
                    pass
                except (discord.HTTPException, *CONNECTION_ERRORS) as error:
                    log.warning("could not draw message %d again: %s", message, error)
                    redrawn.discard(message)
        return redrawn
