"""Keep one message with the buttons of a script under its newest line."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace

import discord

from ...recent import Recent
from ...session.posts import Posts
from ...storage.records import ChannelContent
from ...storage.schema import Line, Rotation, Script
from ..components import has_component, make_row_view
from ..delivery.sending import (
    CONNECTION_ERRORS,
    EDIT_SECONDS,
    NO_MENTIONS,
    REQUEST_TIMEOUT,
    MessageChannel,
    edit_message,
    post_message,
    send_with_retries,
)
from .panel_view import load_panel

log = logging.getLogger("onbook.panel")

PANEL_ACTIONS = ("speaker", "continue", "take", "undo", "redo", "write", "more", "stop")
"""The actions in the custom ids of a panel, by which the panel of a lost process is known."""


@dataclass(frozen=True)
class ShownScript:
    """The content of a channel: its running script, with the panel, and the newest line.

    Discord accepts a window only as the first answer to an interaction, within three seconds. So
    nothing is read for it: the submission finds out what is no longer true, and gives the text
    back.
    """

    script: Script
    rotation: Rotation | None = None
    """The order in which people write, unless a sprint suspends it."""
    line: Line | None = None
    message: int = 0
    """The message that shows the line."""

    @property
    def last_line(self) -> Line | None:
        """Return the script's last line, unless a later one could not be shown."""
        return self.line if self.line and self.line.id == self.script.head else None


class Panel:
    """The panels of all channels: one message of the bot in each channel in which a script runs."""

    def __init__(self, posts: Posts, shown: Recent[int, ShownScript], *, hears: bool) -> None:
        self.posts = posts
        self.shown = shown
        self._hears = hears
        self._progress: dict[int, int] = {}
        """The messages that show progress, by channel. They are not recorded as panels, so that the
        next process finds them if this one dies."""

    async def place(
        self, channel: MessageChannel, content: ChannelContent, note: str = "", above: int = 0
    ) -> bool:
        """Show a script's panel under the channel's newest line, or none if no script runs.

        The panel stands below the message ``above`` too, and shows a ``note`` until something else
        happens. A failure is logged, because the script's lines are shown, and the next call
        repairs the panel. Return whether the panel is as it should be.
        """
        try:
            await self._place(channel, content, note, above)
        except (discord.HTTPException, *CONNECTION_ERRORS) as error:
            log.warning("could not show the panel of channel %d: %s", channel.id, error)
            return False
        return True

    async def show_progress(
        self, channel: MessageChannel, content: str, view: discord.ui.View
    ) -> None:
        """Show the progress of a job in the panel's place, until the next call of `place`."""
        if channel.id not in self._progress and (panel := await self.posts.find_panel(channel.id)):
            self._progress[channel.id] = panel
            await self.posts.record_panel(channel.id, None, None)  # a known channel keeps its guild
        with suppress(discord.HTTPException, *CONNECTION_ERRORS):
            if old := self.find_progress(channel.id):
                message = discord.PartialMessage(channel=channel, id=old)
                # Once, because the lines of the job wait in the meantime.
                with suppress(discord.NotFound):
                    async with asyncio.timeout(REQUEST_TIMEOUT):
                        await message.edit(content=content, view=view, allowed_mentions=NO_MENTIONS)
                    return
            self._progress[channel.id] = (await post_message(channel, content, view=view)).id

    async def retire(self, channel: MessageChannel) -> None:
        """Delete the panel or the progress, before lines come below it, until the next call.

        The next process would find neither above the newest line.
        """
        panel = await self.posts.find_panel(channel.id)
        if old := self.find_progress(channel.id) or panel:
            await delete_message(channel, old)
        if panel:
            await self.posts.record_panel(channel.id, None, None)  # a known channel keeps its guild
        self._progress.pop(channel.id, None)

    def find_progress(self, channel: int) -> int:
        """Return the message that shows progress in a channel, or 0."""
        return self._progress.get(channel, 0)

    async def is_old(self, message: discord.Message) -> bool:
        """Return whether a message was the panel of its channel, and no longer is.

        Raises TransactionFailed if another process has replaced it and this process has lost its
        shards in the meantime, so that it must leave the channel alone.
        """
        if message.flags.ephemeral or not is_panel(message):
            return False
        if self.find_progress(message.channel.id) == message.id:
            return False
        if await self.posts.find_panel(message.channel.id) == message.id:
            return False
        await self.posts.check_may_write()
        return True

    async def _place(
        self, channel: MessageChannel, content: ChannelContent, note: str, above: int
    ) -> None:
        script, progress, new = content.script, self.find_progress(channel.id), None
        old = content.panel or progress
        if script is not None:
            panel = await load_panel(self.posts, script, hears=self._hears)
            shown = self.shown.get(channel.id)
            if shown is None or shown.script.id != script.id:
                shown = ShownScript(script)
            self.shown[channel.id] = replace(shown, script=script, rotation=panel.rotation)
            view = make_row_view(panel.items)
            text = "\n".join(filter(None, (note, panel.text)))
            is_lowest = old and old >= max(content.newest_post, above)
            if is_lowest and await edit_message(channel, old, content=text, view=view):
                if progress:
                    await self.posts.record_panel(channel.id, script.guild, old)
                    del self._progress[channel.id]
                return
            new = (await post_message(channel, text, view=view)).id
        else:
            self.shown.pop(channel.id, None)
        # Delete the old panel before recording the new one, because an unrecorded new one is found
        # below the newest recorded message, but an unrecorded old one nowhere.
        if old:
            await delete_message(channel, old)
        if old or new:
            await self.posts.record_panel(channel.id, script.guild if script else None, new)
        self._progress.pop(channel.id, None)


def is_panel(message: discord.Message) -> bool:
    return has_component(message, *PANEL_ACTIONS)


async def delete_message(channel: MessageChannel, message: int) -> None:
    """Delete a message of the bot, if it exists."""
    partial = discord.PartialMessage(channel=channel, id=message)
    try:
        await send_with_retries(partial.delete, EDIT_SECONDS)
    except discord.NotFound:
        pass
    except (discord.HTTPException, *CONNECTION_ERRORS) as error:
        log.warning("could not delete message %d: %s", message, error)
