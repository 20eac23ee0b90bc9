"""Keep the messages of a channel in sync with its script: one message a line, and the panel.

Every line is committed before it is shown. A sync reads the lines that are stored and the messages
that were recorded, and removes the difference, so it does not matter which turns it follows,
whether an earlier sync has failed, or in which process it runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import discord

from ...errors import TransactionFailed
from ...recent import Recent
from ...session.channel_session import ChannelSession
from ...session.posts import Posts
from ...session.preferences import LOOK
from ...settings import Look
from ...storage.records import ChannelContent
from ...storage.schema import Line, PostedLine, Script
from ..delivery.sending import (
    CONNECTION_ERRORS,
    NONCE_SECONDS,
    MessageChannel,
    is_refusal,
    is_transient,
    post_message,
)
from ..lines.line_messages import LineMessages, make_name
from ..panels.panel import Panel, ShownScript, delete_message, is_panel
from ..panels.poll_messages import redraw_poll

log = logging.getLogger("onbook.message_sync")

MAX_REPOSTED = 10
"""Messages at the end that are posted again to change the name of one; above them, only the text
is edited."""

RETRY_PAUSE = 0.5
"""Seconds before a webhook posts a message again."""

MAX_ORPHANS = 500
"""The most messages that are searched for those that were posted but not recorded, in requests of
100: as many as people may write between two lines."""

MINUTE = 60_000 << 22
"""The difference between the ids of messages that are posted a minute apart."""


class MessageSync:
    """Show the scripts of all channels."""

    def __init__(self, client: discord.Client, posts: Posts, look: str, *, hears: bool) -> None:
        self.client = client
        self.posts = posts
        self.line_messages = LineMessages(client)
        self._look = look
        self.shown = Recent[int, ShownScript](256)
        """The latest content of each channel, for the channels used last, at some kilobytes
        each."""
        self.panel = Panel(posts, self.shown, hears=hears)
        self._checked: set[int] = set()
        """The channels already searched for messages that were posted but not recorded."""

    async def sync(
        self,
        channel: MessageChannel,
        session: ChannelSession,
        note: str = "",
        announcement: str = "",
        above: int = 0,
    ) -> int:
        """Make a channel show its running script: each line once, in order, above the panel.

        The panel shows the ``note`` until something else happens. A separate message shows the
        ``announcement`` for good, such as which script goes on here now. The panel goes below the
        message ``above``, which has announced something.

        Return the number of messages that should now be gone, but which the bot may not delete.

        Raises:
            discord.HTTPException: Discord refuses all messages. The next sync tries again.
            aiohttp.ClientError: Or another of `CONNECTION_ERRORS`, likewise.
        """
        # One sync at a time, each from what is then stored, so that a slow one cannot undo a later
        # one.
        async with session.drawing:
            content = await self.posts.load_content(session.channel)
            await self._check(channel, content)
            if announcement:
                above = await _announce(channel, announcement)
            try:
                undeleted = await self._show_lines(channel, content)
            except TransactionFailed:
                self._checked.discard(channel.id)  # because a message may not have been recorded
                raise
            finally:
                if refusal := self.line_messages.refusals.pop(channel.id, ""):
                    note = "\n".join(filter(None, (note, f"-# {refusal}")))
                await self.panel.place(channel, content, note, above)
        return undeleted

    async def show_stored_lines(self, channel: MessageChannel, session: ChannelSession) -> None:
        """Show the lines that a turn has stored so far, without a panel.

        Failures are ignored, because the next sync tries again.
        """
        async with session.drawing:
            content = await self.posts.load_content(session.channel)
            try:
                await self._check(channel, content)
                await self.panel.retire(channel)
                content.panel = 0  # as the next process reads it, whose nonces must be the same
                await self._show_lines(channel, content)
            except TransactionFailed:  # which the store has logged
                self._checked.discard(channel.id)
            except (discord.HTTPException, *CONNECTION_ERRORS) as error:
                log.warning("could not show the lines of channel %d yet: %s", channel.id, error)

    # Lines

    async def _show_lines(self, channel: MessageChannel, content: ChannelContent) -> int:
        """Show the lines of the script that runs; keep `content.newest_post` up to date.

        Return the number of surplus messages that the bot may not delete.
        """
        undeleted, is_done = 0, False
        while not is_done:
            more, is_done = await self._show_until_blocked(channel, content)
            undeleted += more
        return undeleted

    async def _show_until_blocked(
        self, channel: MessageChannel, content: ChannelContent
    ) -> tuple[int, bool]:
        """Show lines until the message of another line is in the way, and delete that message.

        Return the number of surplus messages that stay, and whether all lines are shown.
        """
        script = content.script
        if script is None:
            return 0, True
        posts, path, last_lines = await self.posts.compare(script)
        kept = min(len(posts), len(path))
        pairs = enumerate(zip(posts, path, strict=False))
        changed = {number: (post, line) for number, (post, line) in pairs if post.line != line}
        first = next(iter(changed), kept)
        below_first = [post.line for post in posts[first + 1 : first + 2]]
        wanted = {*path[kept:], *below_first}
        for post, line in changed.values():
            wanted |= {post.line, line}
        lines = {line.id: line for line in last_lines}
        missing = await self.posts.load_lines(wanted - lines.keys())
        lines |= {line.id: line for line in missing}
        if first < kept and lines[path[first]].original in {lines[i].original for i in below_first}:
            # A line was cut; the messages below it still show what they should.
            return await self._delete(channel, [posts[first]], content), False
        for number, (post, line) in changed.items():
            # A message's name cannot change, so it and the messages below it are posted again.
            is_near = len(posts) - number <= MAX_REPOSTED
            if is_near and post.name not in (None, make_name(script, lines[line].element)):
                kept = number
                lines |= {line.id: line for line in await self.posts.load_lines(path[kept:])}
                break
        edited = [pair for number, pair in changed.items() if number < kept]
        if lost := await self._edit(channel, script, edited, lines):
            return await self._delete(channel, [lost], content), False
        undeleted = await self._delete(channel, posts[kept:], content)
        newest = max(content.newest_post, content.panel)
        last = posts[kept - 1] if kept else None
        for line in path[kept:]:
            last = post = await self._post(channel, script, lines[line], newest)
            await self.posts.record(post, lines[line])
            newest = content.newest_post = post.message
        if last and path and path[-1] in lines:
            newest_line = lines[path[-1]]
            self.shown[channel.id] = ShownScript(script, line=newest_line, message=last.message)
        return undeleted, True

    async def _delete(
        self, channel: MessageChannel, posts: Sequence[PostedLine], content: ChannelContent
    ) -> int:
        """Delete messages, the last one first; return the number of those that stay as surplus.

        Then the newest message of ``content`` is read again.
        """
        undeleted = 0
        for post in reversed(posts):
            is_deleted = await self.line_messages.delete(channel, post)
            await self.posts.record_deletion(post.message, is_deleted=is_deleted)
            undeleted += not is_deleted
        if posts:
            content.newest_post = (await self.posts.load_content(channel.id)).newest_post
        return undeleted

    async def _post(
        self, channel: MessageChannel, script: Script, line: Line, newest: int
    ) -> PostedLine:
        """Post the message of a line below the newest recorded message, exactly once.

        A webhook's message has no nonce. If it may have been posted twice, or it is unknown whether
        it was posted, what stands below the newest recorded message is deleted. What arrives later
        is deleted by `delete_unrecorded`, or else by the next sync.
        """
        clock = asyncio.get_running_loop().time
        deadline, is_repeated = clock() + NONCE_SECONDS, False
        while True:
            wanted = LOOK.of(script) or self._look
            look = await self.line_messages.choose_look(channel, script, line, wanted)
            try:
                post, is_sure = await self.line_messages.post(channel, script, line, look, newest)
            except (discord.HTTPException, *CONNECTION_ERRORS) as error:
                self._checked.discard(channel.id)
                may_retry = look is Look.CHARACTERS and is_transient(error)
                if not may_retry or clock() > deadline:
                    raise
                await asyncio.sleep(RETRY_PAUSE)
                await self._delete_orphans(channel, look, newest)
                is_repeated = True
                continue
            if is_repeated or not is_sure:
                self._checked.discard(channel.id)
                await self._delete_orphans(channel, look, newest, keep=[post.message])
            return post

    async def _edit(
        self,
        channel: MessageChannel,
        script: Script,
        changed: Sequence[tuple[PostedLine, int]],
        lines: Mapping[int, Line],
    ) -> PostedLine | None:
        """Show the lines that an edit has put in place of others, each in its message.

        Stop at a message that cannot be edited, because it or its webhook is gone, and return it.
        """
        copied = {
            post.message: line
            for post, line in changed
            if lines[post.line].element == lines[line].element
        }
        await self.posts.replace_lines(copied)
        for post, line in changed:
            if post.message in copied:
                continue
            if not await self.line_messages.edit(channel, script, post, lines[line]):
                return post
            await self.posts.replace_lines({post.message: line})
        return None

    async def _check(self, channel: MessageChannel, content: ChannelContent) -> None:
        """Delete what was posted in a channel but not recorded, by an earlier process or late."""
        if channel.id in self._checked:
            return
        script = content.script
        # A late copy of the newest line stands above the panel that was posted in the meantime.
        after = max(content.newest_post, content.panel - MINUTE)
        if after <= 0 and script is not None:
            after = discord.utils.time_snowflake(script.begun)
        if after > 0:
            look = (script and LOOK.of(script)) or self._look
            keep = [content.panel, self.panel.find_progress(channel.id)]
            await self._delete_orphans(channel, look, after, keep)
        self._checked.add(channel.id)

    async def _delete_orphans(
        self, channel: MessageChannel, look: str, after: int, keep: Collection[int] = ()
    ) -> None:
        """Delete panels and messages of the webhook ``after`` a message, except those to keep."""
        if not self.may_read_history(channel):
            return  # then nonces alone prevent duplicate messages
        webhook = await self._find_webhook(channel, look)
        newer = channel.history(limit=MAX_ORPHANS, after=discord.Object(after), oldest_first=True)
        for message in [message async for message in newer if message.id not in keep]:
            is_own = message.author == self.client.user and message.webhook_id is None
            if webhook is not None and message.webhook_id == webhook.id:
                await self.line_messages.delete_spoken(channel, message.id, webhook.id)
            elif is_own and is_panel(message):
                await delete_message(channel, message.id)

    async def delete_unrecorded(
        self, channel: MessageChannel, session: ChannelSession, message: int, webhook: int
    ) -> None:
        """Delete a new message of On Book's webhook that is the late copy of another one.

        Raises TransactionFailed if another process may have recorded it.
        """
        # What a sync has posted is recorded before the sync ends.
        async with session.drawing:
            if await self.posts.find(message):
                return
            content = await self.posts.load_content(session.channel)
            if not content.newest_post:
                return  # another bot with the same token may play here
            await self.posts.check_may_write()
            look = (content.script and LOOK.of(content.script)) or self._look
            own = await self._find_webhook(channel, look)
            if own is not None and own.id == webhook:
                await self.line_messages.delete_spoken(channel, message, webhook)

    async def _find_webhook(self, channel: MessageChannel, look: str) -> discord.Webhook | None:
        """Return the webhook whose messages show lines in a channel, or None in other looks."""
        if look != Look.CHARACTERS:
            return None
        return await self.line_messages.webhooks.find_to_change(channel)

    def may_read_history(self, channel: MessageChannel) -> bool:
        found = self.client.get_channel(channel.id) or channel
        if isinstance(found, discord.abc.GuildChannel | discord.Thread):
            return found.permissions_for(found.guild.me).read_message_history
        return not isinstance(found, discord.PartialMessageable)

    # Messages that changed otherwise

    async def redraw(self, channel: MessageChannel, session: ChannelSession, message: int) -> bool:
        """Redraw a message, and return whether it is now correct, or deleted."""
        if poll := await session.polls.find_by_message(message):
            return await redraw_poll(channel, session, poll.id)
        async with session.drawing:
            if post := await self.posts.find(message):
                return await self._redraw_line(channel, post)
            content = await self.posts.load_content(session.channel)
            return content.panel != message or await self.panel.place(channel, content)

    async def redraw_late(
        self, channel: MessageChannel, session: ChannelSession, message: int, edited: datetime
    ) -> None:
        """Redraw the message of a line if an earlier edit was carried out after the last one.

        Raises TransactionFailed if another process may show the line.
        """
        # An edit is remembered before its sync ends.
        async with session.drawing:
            last = self.line_messages.edited.get(message)
            post = await self.posts.find(message)
            if post and last and edited > last:
                await self.posts.check_may_write()
                await self._redraw_line(channel, post)

    async def _redraw_line(self, channel: MessageChannel, post: PostedLine) -> bool:
        self.shown.pop(channel.id, None)  # the text was erased, perhaps by another process
        found = await self.posts.find_script_line(post)
        if found is None:
            return True
        script, line = found
        try:
            if not post.surplus and await self.line_messages.edit(channel, script, post, line):
                return True
            if not await self.line_messages.delete(channel, post):
                return False
        except (discord.HTTPException, *CONNECTION_ERRORS) as error:
            log.warning("could not draw message %d again: %s", post.message, error)
            return False
        await self.posts.record_deletion(post.message, is_deleted=True)
        return True


async def _announce(channel: MessageChannel, announcement: str) -> int:
    """Post an announcement, and return its id, or 0 if Discord refuses what it says."""
    try:
        return (await post_message(channel, announcement)).id
    except discord.HTTPException as error:
        if not is_refusal(error):
            raise
        log.warning("could not announce in channel %d: %s", channel.id, error)
        return 0
