"""Record which messages show the lines of scripts, and which is the panel of each channel."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ..errors import RequestError
from ..storage.records import ChannelContent, PanelState
from ..storage.schema import Line, PostedLine, Script
from ..storage.store import Store

WINDOW = 100
"""The number of a script's messages that are compared, unless it has changed above them."""

MAX_FIRST_LINES = 10
"""The lines shown of a script if its channel shows none of them yet: as many as a turn writes."""


class Posts:
    """The messages of all channels that show scripts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._messages = store.messages

    async def load_content(self, channel: int) -> ChannelContent:
        return await self._messages.load_content(channel)

    async def compare(self, script: Script) -> tuple[list[PostedLine], list[int], list[Line]]:
        """Load the messages that show a script's end, with the lines that should be shown.

        Returns:
            The messages; the ids of the lines from the first message's line on, fewer than the
            messages if the last messages are surplus, more if messages are missing at the end; and
            some of the last lines.
        """
        lines = self._store.lines
        posts, path, last_lines = await self._messages.load_posts_and_path(script, WINDOW)
        if not posts:
            path = await lines.load_path_ids(script.head)
            return [], path[-MAX_FIRST_LINES:], []
        if path[:1] == [posts[0].line]:
            return posts, path, last_lines
        # The script has changed above these messages: begin with the first one that shows it.
        posts = await self._messages.load_posts(script)
        path = await lines.load_path_ids(script.head)
        before = set(await lines.load_path_ids(posts[0].line)) - {posts[0].line}
        if before and (copy := await lines.find_copy(posts[0].line, script.head)):
            return posts, path[path.index(copy) :], last_lines
        below = [line for line in path if line not in before]
        return posts, below or path[-1:], last_lines

    async def has_messages(self, script: Script) -> bool:
        """Return whether messages in its channel show lines of a script."""
        posts, *_ = await self._messages.load_posts_and_path(script, 1)
        return bool(posts)

    async def load_lines(self, lines: Iterable[int]) -> list[Line]:
        """Load lines by their ids, in the order in which they were written."""
        return await self._store.lines.load_lines(lines)

    async def load_path_ids(self, script: Script) -> list[int]:
        """Return the ids of a script's lines, from the first to the last."""
        return await self._store.lines.load_path_ids(script.head)

    async def load_originals(self, script: Script) -> list[int]:
        """Return the ids of a script's lines in order; for a copy, the id of its original."""
        return await self._store.lines.load_path_originals(script.head)

    # Messages of lines

    async def find(self, message: int) -> PostedLine | None:
        return await self._messages.find_post(message)

    async def find_message(self, channel: int, line: int) -> int | None:
        """Return the message that shows a line in a channel, or None."""
        return await self._messages.find_message(channel, line)

    async def load_line(self, message: int) -> Line:
        """Return the line that a message shows, by its id; raise RequestError if it shows none."""
        post = await self._messages.find_post(message)
        line = post and await self._store.lines.find_line(post.line)
        if not line:
            raise RequestError(
                "That message does not show a line of a script. Choose one that does."
            )
        return line

    async def find_script_line(self, post: PostedLine) -> tuple[Script, Line] | None:
        """Return the line that a message shows, and its script, or None if it was deleted."""
        line = await self._store.lines.find_line(post.line)
        script = await self._store.scripts.find_script(line.script) if line else None
        return (script, line) if script and line else None

    async def record(self, post: PostedLine, line: Line) -> None:
        """Record the message that shows a line; it is stale if the text was erased meanwhile."""
        await self._messages.record_post(post, line)

    async def replace_lines(self, lines: Mapping[int, int]) -> None:
        """Record that messages, by their ids, show other lines than before."""
        await self._messages.replace_lines(lines)

    async def record_deletion(self, message: int, *, is_deleted: bool) -> None:
        """Record that a message no longer shows a line, and whether it could be deleted."""
        if is_deleted:
            await self._messages.delete_post(message)
        else:
            await self._messages.mark_surplus(message)

    async def record_redrawn(self, messages: Collection[int]) -> None:
        """Record that stale messages were edited or deleted."""
        await self._messages.mark_messages_redrawn(messages)

    async def check_may_write(self) -> None:
        """Raise TransactionFailed if another process may hold the channels of this one."""
        await self._store.check_may_write()

    # Panels

    async def load_panel_state(self, script: Script) -> tuple[PanelState, int]:
        """Load what a script's panel shows besides the script, and count its sprint's lines."""
        state, lines = await self._store.scripts.load_panel_state(script), list[Line]()
        if state.sprint:
            lines = await self._store.lines.load_lines_after(script.head, state.sprint.after)
        return state, len(lines)

    async def find_panel(self, channel: int) -> int:
        """Return the message that is the panel of a channel, or 0."""
        known = await self._messages.find_channel(channel)
        return (known and known.panel) or 0

    async def record_panel(self, channel: int, guild: int | None, message: int | None) -> None:
        await self._messages.record_panel(channel, guild, message)

    async def claim_webhook_hint(self, channel: int, guild: int | None) -> bool:
        """Return, once per channel, whether to say that the bot may not manage webhooks there."""
        known = await self._messages.find_channel(channel)
        if known and known.asked_for_webhooks:
            return False
        await self._messages.record_asked_for_webhooks(channel, guild)
        return True
