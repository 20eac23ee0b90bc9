"""Post, edit and delete the messages that show one line each."""

from __future__ import annotations

import hashlib

import discord

from ..storage.schema import Line, PostedLine
from .delivery import EDIT_SECONDS, MessageChannel, edit_message, post_message, send_with_retries
from .looks import Look, format_block


def make_nonce(*parts: object) -> str:
    """Return the nonce of a message, which is the same for the same parts in every process."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()


class LineMessages:
    """The messages of lines, in the look of each channel."""

    async def post(self, channel: MessageChannel, line: Line, newest: int) -> PostedLine:
        """Post the message of a line.

        Args:
            channel: The channel.
            line: The line.
            newest: The newest recorded message of the channel. A second attempt after the same
                message posts nothing new, as when a process died before it recorded the first one.
        """
        message = await post_message(
            channel, format_block(line.element), make_nonce(line.id, newest)
        )
        return PostedLine(
            message=message.id, channel=channel.id, line=line.id, look=Look.TYPEWRITER, name=None
        )

    async def edit(self, channel: MessageChannel, post: PostedLine, line: Line) -> None:
        """Show a line in a message that was posted for another one."""
        await edit_message(channel, post.message, content=format_block(line.element))

    async def delete(self, channel: MessageChannel, post: PostedLine) -> None:
        """Delete the message of a line."""
        message = discord.PartialMessage(channel=channel, id=post.message)
        await send_with_retries(message.delete, EDIT_SECONDS)
