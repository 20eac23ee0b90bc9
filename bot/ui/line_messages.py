"""Post, edit and delete the messages that show one line each, in the look of their script."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import discord

from ..screenplay.elements import Element
from ..storage.schema import Line, PostedLine, Script
from .components import make_layout
from .delivery import (
    CONNECTION_ERRORS,
    EDIT_SECONDS,
    NO_MENTIONS,
    REQUEST_TIMEOUT,
    MessageChannel,
    edit_message,
    post_message,
    send_with_retries,
)
from .faces import Faces
from .images.monogram import monogram_of
from .images.pictures import Colour
from .looks import Look, find_speaker, format_block, format_message, make_card, make_webhook_name
from .webhook_pace import WebhookPace
from .webhooks import Webhooks

SURE_SECONDS = 0.9
"""Seconds within which discord.py has sent a webhook's message once; it retries after a second."""


def make_nonce(*parts: object) -> str:
    """Return the nonce of a message, which is the same for the same parts in every process."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()


class LineMessages:
    """The messages of lines."""

    def __init__(self, client: discord.Client) -> None:
        self.webhooks = Webhooks(client)
        self._faces = Faces(client)
        self._pace = WebhookPace()

    async def choose_look(self, channel: MessageChannel, wanted: str) -> Look:
        """Return the look that is wanted, or where it is not possible, cards."""
        look = Look(wanted)
        if look is Look.CHARACTERS and await self.webhooks.find(channel) is None:
            return Look.CARDS
        return look

    async def post(
        self, channel: MessageChannel, script: Script, line: Line, look: Look, newest: int
    ) -> tuple[PostedLine, bool]:
        """Post the message of a line; return it, and whether it was certainly posted only once.

        A second attempt after the same ``newest`` recorded message of the channel posts nothing
        new, as when a process died before it recorded the first one; but webhooks know no such
        thing.
        """
        name, is_sure = None, True
        message: discord.Message
        if look is Look.CHARACTERS:
            name = make_name(script, line.element)
            message, is_sure = await self._speak(channel, script, line.element, name)
        else:
            shown = await _draw(line.element, look)
            message = await post_message(channel, nonce=make_nonce(line.id, newest), **shown)
        post = PostedLine(
            message=message.id, channel=channel.id, line=line.id, look=look, name=name
        )
        return post, is_sure

    async def edit(
        self, channel: MessageChannel, script: Script, post: PostedLine, line: Line
    ) -> bool:
        """Show a line in a message that was posted for another; return False if that is gone."""
        if post.name is not None:
            content = format_message(line.element, make_name(script, line.element), post.name)
            shown: dict[str, Any] = {"content": content, "allowed_mentions": NO_MENTIONS}
            edit = discord.Webhook.edit_message
            return await self._ask_webhook(edit, channel, post.message, **shown)
        return await edit_message(channel, post.message, **await _draw(line.element, post.look))

    async def delete(self, channel: MessageChannel, post: PostedLine) -> None:
        """Delete the message of a line, if it exists."""
        if post.name is not None:
            await self.delete_spoken(channel, post.message)
            return
        partial = discord.PartialMessage(channel=channel, id=post.message)
        with suppress(discord.NotFound):
            await send_with_retries(partial.delete, EDIT_SECONDS)

    def fits(self, script: Script, post: PostedLine, line: Line) -> bool:
        """Return whether a message can show a line under the name that the message has."""
        return post.name is None or post.name == make_name(script, line.element)

    async def delete_spoken(self, channel: MessageChannel, message: int) -> None:
        """Delete a message of the channel's webhook, recorded or not."""
        await self._ask_webhook(discord.Webhook.delete_message, channel, message)

    async def _speak(
        self, channel: MessageChannel, script: Script, element: Element, name: str
    ) -> tuple[discord.WebhookMessage, bool]:
        """Post a message by the channel's webhook, and return whether it was sent just once."""
        webhook = await self.webhooks.find(channel)
        if webhook is None:
            raise OSError("the webhook of a channel is gone")
        avatar = await self._faces.find_address(script, element.cue)
        await self._pace.take(webhook.channel_id or channel.id)
        started = time.monotonic()
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                message = await webhook.send(
                    format_message(element, name, name),
                    username=name,
                    avatar_url=avatar,
                    allowed_mentions=NO_MENTIONS,
                    thread=self.webhooks.find_thread(channel),
                    wait=True,
                )
        except discord.NotFound:
            self.webhooks.forget(webhook)
            raise OSError("the webhook of a channel was deleted") from None
        return message, time.monotonic() - started < SURE_SECONDS

    async def _ask_webhook(
        self,
        ask: Callable[..., Awaitable[object]],
        channel: MessageChannel,
        message: int,
        **more: object,
    ) -> bool:
        """Edit or delete a message by the channel's webhook; return False where it knows none such.

        A webhook that was deleted has left its messages, which the bot may delete with **Manage
        Messages** alone.
        """
        webhook = await self.webhooks.find(channel)
        if webhook is not None:
            with suppress(discord.NotFound):
                thread = self.webhooks.find_thread(channel)
                await send_with_retries(
                    lambda: ask(webhook, message, thread=thread, **more), EDIT_SECONDS
                )
                return True
        partial = discord.PartialMessage(channel=channel, id=message)
        with suppress(discord.HTTPException, *CONNECTION_ERRORS):
            await partial.delete()
        return False


def make_name(script: Script, element: Element) -> str:
    """Return the name under which a webhook posts an element: the speaker's, or the title."""
    return make_webhook_name(find_speaker(element) or script.title)


async def _draw(element: Element, look: str) -> dict[str, Any]:
    """Return the content or the view of a message that is the bot's own."""
    if look == Look.CARDS:
        return {"view": make_layout(make_card(element, await find_colour(element)))}
    return {"content": format_block(element)}


async def find_colour(element: Element) -> Colour | None:
    """Return the colour of the character who speaks in an element, or None."""
    cue = element.cue
    return (await asyncio.to_thread(monogram_of, cue)).colour if cue else None
