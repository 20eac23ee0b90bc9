"""Post, edit and delete the messages that show one line each, in the look of their script."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

import discord
from discord import ui

from ...i18n.catalogue import many, phrase, say
from ...recent import Recent
from ...screenplay.elements import Element
from ...settings import Look
from ...storage.schema import Line, PostedLine, Script
from ..components import make_layout
from ..delivery.sending import (
    EDIT_SECONDS,
    LOST_STATUSES,
    NO_MENTIONS,
    MessageChannel,
    edit_message,
    is_refusal,
    post_message,
    send_with_retries,
)
from ..images.monogram import monogram_of
from ..images.pictures import Colour
from ..markdown import inline
from .faces import Faces
from .looks import (
    NAME_LIMIT,
    find_speaker,
    format_block,
    format_message,
    make_card,
    make_webhook_name,
)
from .webhook_pace import WebhookPace
from .webhooks import Webhooks

log = logging.getLogger("onbook.line_messages")

T = TypeVar("T")

REFUSED_LINE = phrase("Discord does not accept this line. Read it with {/script show}.")
"""Stands in place of a line that Discord takes in no look."""

OF_NAME = " username: "
"""Stands in the text of discord.py's error if Discord refuses the name of a webhook's message.

Discord does not publish all rules for names.
"""

POST_SECONDS = 30.0
"""Seconds that a webhook's post may take: many, because a repeated post appears twice."""

SURE_SECONDS = 0.9
"""Seconds within which discord.py has sent a webhook's message once; it retries after a second."""

UNKNOWN_WEBHOOK = 10015
"""Discord's code for a webhook that was deleted."""

NEVER = datetime.min.replace(tzinfo=UTC)
"""The time of an edit that Discord has not confirmed."""


def make_nonce(*parts: object) -> str:
    """Return the nonce of a message, which is the same for the same parts in every process."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()


class LineMessages:
    """The messages of lines."""

    def __init__(self, client: discord.Client) -> None:
        self.webhooks = Webhooks(client)
        self._faces = Faces(client)
        self._pace = WebhookPace()
        self._refused_names = deque[str](maxlen=1000)
        """The names that Discord has refused, so that each is tried and reported once."""
        self.refusals: dict[int, str] = {}
        """The note to give, once, about the last refusal in each channel."""
        self.edited = Recent[int, datetime](10_000)
        """The times of the last edits of messages, at Discord; `NEVER` if unconfirmed."""
        self._deleted = deque[int](maxlen=1000)
        """Deleted messages of webhooks. A sync and Discord's event both report a late copy."""
        self.undeletable: set[int] = set()
        """Messages of lost webhooks that the bot was not permitted to delete when it last tried."""

    async def choose_look(
        self, channel: MessageChannel, script: Script, line: Line, wanted: str
    ) -> Look:
        """Return the look that is wanted for a line, or cards if that look is not possible."""
        look = Look(wanted)
        if look is Look.CHARACTERS and (
            make_name(script, line.element) in self._refused_names
            or await self.webhooks.find(channel) is None
        ):
            return Look.CARDS
        return look

    async def post(
        self, channel: MessageChannel, script: Script, line: Line, look: Look, newest: int
    ) -> tuple[PostedLine, bool]:
        """Post the message of a line; return it, and whether it was certainly posted only once.

        A second attempt after the same ``newest`` recorded message of the channel posts nothing
        new, for example if a process died before it recorded the first one; but webhooks have no
        such protection. A line that Discord refuses from the webhook becomes a card.
        """
        name, is_sure = None, True
        message: discord.Message
        if look is Look.CHARACTERS:
            name = make_name(script, line.element)
            try:
                message, is_sure = await self._speak(channel, script, line.element, name)
            except discord.HTTPException as error:
                if not is_refusal(error):
                    raise
                self._note_refusal(channel, name, error)
                return await self.post(channel, script, line, Look.CARDS, newest)
        else:
            send = partial(post_message, channel, nonce=make_nonce(line.id, newest))
            message = await _show_or_say_refused(send, await _draw(line.element, look))
        post = PostedLine(
            message=message.id,
            channel=channel.id,
            line=line.id,
            look=look,
            name=name,
            webhook=message.webhook_id,
        )
        return post, is_sure

    def _note_refusal(
        self, channel: MessageChannel, name: str, error: discord.HTTPException
    ) -> None:
        """Note what to say about a webhook's refused message, and its name if that is refused."""
        log.warning("channel %d: a line is a card, because of %s", channel.id, error)
        if OF_NAME in error.text:
            self._refused_names.append(name)
        self.refusals[channel.id] = say(
            "Discord refused a line under the name “{name}”. It is shown as a card instead.",
            name=inline(name, NAME_LIMIT),
        )

    async def edit(
        self, channel: MessageChannel, script: Script, post: PostedLine, line: Line
    ) -> bool:
        """Show a line in a message posted for another; return False if that is not possible."""
        self.edited[post.message] = NEVER
        if post.name is not None:
            content = format_message(line.element, make_name(script, line.element), post.name)
            shown = {"content": content, "allowed_mentions": NO_MENTIONS}
            ask = partial(self._ask_webhook, self._edit_spoken, channel, post.message, post.webhook)
            return await _show_or_say_refused(ask, shown)
        edit = partial(edit_message, channel, post.message)
        edited = await _show_or_say_refused(edit, await _draw(line.element, post.look))
        if edited is None:
            return False
        self.edited[post.message] = edited.edited_at or NEVER
        return True

    async def _edit_spoken(self, webhook: discord.Webhook, message: int, **shown: Any) -> None:  # noqa: ANN401 - discord.py's
        edited = await webhook.edit_message(message, **shown)
        self.edited[message] = edited.edited_at or NEVER

    async def delete(self, channel: MessageChannel, post: PostedLine) -> bool:
        """Delete the message of a line; return False if the bot may not, and it stays."""
        if post.webhook is not None:
            return await self.delete_spoken(channel, post.message, post.webhook)
        posted = discord.PartialMessage(channel=channel, id=post.message)
        with suppress(discord.NotFound):
            await send_with_retries(posted.delete, EDIT_SECONDS)
        return True

    async def delete_spoken(self, channel: MessageChannel, message: int, webhook: int) -> bool:
        """Delete a webhook's message, recorded or not; return False if the bot may not delete it.

        The messages of a deleted webhook stay, and need **Manage Messages**.
        """
        if message in self._deleted:
            return True
        if await self._ask_webhook(discord.Webhook.delete_message, channel, message, webhook):
            self._deleted.append(message)
            return True
        posted = discord.PartialMessage(channel=channel, id=message)
        try:
            if self.webhooks.may_delete_messages(channel):
                await send_with_retries(posted.delete, EDIT_SECONDS)
                return True
            if message not in self.undeletable:
                # A moderator may have deleted it.
                await send_with_retries(posted.fetch, EDIT_SECONDS)
        except discord.NotFound:
            return True
        except discord.Forbidden:
            pass
        self.undeletable.add(message)
        return False

    async def _speak(
        self, channel: MessageChannel, script: Script, element: Element, name: str
    ) -> tuple[discord.WebhookMessage, bool]:
        """Post a message by the channel's webhook, and return whether it was sent only once."""
        webhook = await self.webhooks.find(channel)
        if webhook is None:
            raise OSError("the webhook of a channel is gone")
        avatar = await self._faces.find_address(script, element.cue)
        await self._pace.take(webhook.channel_id or channel.id)
        started = time.monotonic()
        try:
            async with asyncio.timeout(POST_SECONDS):
                message = await webhook.send(
                    format_message(element, name, name),
                    username=name,
                    avatar_url=avatar,
                    allowed_mentions=NO_MENTIONS,
                    thread=self.webhooks.find_thread(channel),
                    wait=True,
                )
        except discord.HTTPException as error:
            if error.status not in LOST_STATUSES:
                raise
            self.webhooks.forget(webhook)
            raise OSError("the webhook of a channel is gone, or its token") from None
        if message.channel.id != channel.id:  # somebody has moved the webhook
            self.webhooks.forget(webhook)
            with suppress(discord.NotFound):
                await send_with_retries(message.delete, EDIT_SECONDS)
            raise OSError("the webhook of a channel posts in another one")
        return message, time.monotonic() - started < SURE_SECONDS

    async def _ask_webhook(
        self,
        ask: Callable[..., Awaitable[object]],
        channel: MessageChannel,
        message: int,
        posted_by: int | None,
        **more: object,
    ) -> bool:
        """Edit or delete a message by its webhook; return False if either is gone."""
        webhook = await self.webhooks.find_to_change(channel)
        if webhook is None or webhook.id != posted_by:
            return False
        request = partial(ask, webhook, message, thread=self.webhooks.find_thread(channel), **more)
        try:
            await send_with_retries(request, EDIT_SECONDS)
        except discord.NotFound as error:
            if error.code == UNKNOWN_WEBHOOK:
                self.webhooks.forget(webhook)
            return False
        except discord.HTTPException as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
            self.webhooks.forget(webhook)
            found = await self.webhooks.find_to_change(channel)
            if found is None or found.token == webhook.token:
                return False
            return await self._ask_webhook(ask, channel, message, posted_by, **more)
        return True


def make_name(script: Script, element: Element) -> str:
    """Return the name under which a webhook posts an element: the speaker's, or the title."""
    return make_webhook_name(find_speaker(element) or script.title)


async def _draw(element: Element, look: str) -> dict[str, Any]:
    """Return the content or the view of a message that is the bot's own."""
    if look == Look.CARDS:
        return {"view": make_layout(make_card(element, await find_colour(element)))}
    return {"content": format_block(element)}


async def _show_or_say_refused(send: Callable[..., Awaitable[T]], shown: dict[str, Any]) -> T:
    """Send the content or the view of a line; if Discord refuses it, say so in its place."""
    try:
        return await send(**shown)
    except discord.HTTPException as error:
        if not is_refusal(error):
            raise
        log.warning("a line is not shown, because of %s", error)
    text = f"-# {say(REFUSED_LINE)}"
    if "view" in shown:
        return await send(view=make_layout(ui.Container(ui.TextDisplay(text))))
    return await send(**shown | {"content": text})


async def find_colour(element: Element) -> Colour | None:
    """Return the colour of the character who speaks in an element, or None."""
    return (await asyncio.to_thread(monogram_of, element.cue)).colour if element.cue else None


def format_undeleted(messages: int) -> str:
    """Return the sentence saying that messages that the bot may not delete show removed text."""
    return say(
        "The old text is still visible in {messages}. A moderator can delete it, or give me "
        "**Manage Messages**.",
        messages=many(messages, "message"),
    )
