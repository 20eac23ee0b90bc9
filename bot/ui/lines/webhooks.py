"""Find the bot's webhook in a channel, or make it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from typing import Any

import discord

from ..delivery.sending import MessageChannel, is_transient, send_with_retries

log = logging.getLogger("onbook.webhooks")

WEBHOOK_NAME = "On Book"
"""The name of the webhook, by which it is found again among others of the same bot."""

ANSWER_SECONDS = 60.0
"""Seconds in which Discord may answer, while the lines of a channel wait."""

RETRY_SECONDS = 600.0
"""Seconds for which a channel without a webhook is not asked for one again."""

Parent = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel
"""The channels that have webhooks; a thread uses that of its parent."""


class Webhooks:
    """One webhook in each channel in which the bot may manage webhooks.

    A webhook is looked up by its name and creator when a process first posts in its channel, so
    that its secret address is nowhere stored.
    """

    def __init__(self, client: discord.Client) -> None:
        self.client = client
        self._found: dict[int, discord.Webhook] = {}
        self._known: dict[int, discord.Webhook] = {}
        """The webhooks found last, even if they must be found again before they post."""
        self._refused: dict[int, float] = {}
        """The times at which channels without a webhook may be asked again."""
        self._repeated = set[int]()
        """The channels in which discord.py may have made a webhook repeatedly."""
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Held per channel, so that no channel waits for the webhook of another one."""

    async def find(self, channel: MessageChannel) -> discord.Webhook | None:
        """Return the webhook that posts in a channel, or None if the bot may have none.

        Raises:
            aiohttp.ClientError: Or another of `CONNECTION_ERRORS`, because Discord does not answer.
                Going on without the webhook could show a line twice: the webhook of an earlier
                process may have posted it.
        """
        parent = self._find_parent(channel)
        if parent is None or not may_manage(parent):
            return None
        async with self._locks[parent.id]:
            if found := self._found.get(parent.id):
                return found
            if time.monotonic() < self._refused.get(parent.id, 0.0):
                return None
            try:
                self._found[parent.id] = self._known[parent.id] = await send_with_retries(
                    lambda: self._find_or_create(parent), ANSWER_SECONDS
                )
            except discord.HTTPException as error:
                if is_transient(error):
                    raise
                log.warning("channel %d has no webhook: %s", parent.id, error)
                self._refused[parent.id] = time.monotonic() + RETRY_SECONDS
            return self._found.get(parent.id)

    async def find_to_change(self, channel: MessageChannel) -> discord.Webhook | None:
        """Return the webhook that can edit and delete what it posted in a channel, or None.

        A known webhook needs no permission, because its token is enough.
        """
        parent = self._find_parent(channel)
        known = self._known.get(parent.id) if parent else None
        return known or await self.find(channel)

    def find_thread(self, channel: MessageChannel) -> Any:  # noqa: ANN401 - discord.py's MISSING
        """Return a channel as the thread in which its parent's webhook posts."""
        found = self._resolve(channel)
        return found if isinstance(found, discord.Thread) else discord.utils.MISSING

    def forget(self, webhook: discord.Webhook) -> None:
        """Look for a webhook again, because it was deleted or moved."""
        if webhook.channel_id is not None:
            self._found.pop(webhook.channel_id, None)
            self._known.pop(webhook.channel_id, None)

    def note_change(self, channel: int) -> None:
        """Look for a webhook again before it posts, because somebody may have moved it."""
        self._found.pop(channel, None)

    def lacks_permission(self, channel: MessageChannel) -> bool:
        """Return whether the bot could have a webhook for a channel if it had the permission."""
        parent = self._find_parent(channel)
        return parent is not None and not may_manage(parent)

    def may_delete_messages(self, channel: MessageChannel) -> bool:
        """Return whether the bot may delete messages of deleted webhooks in a channel."""
        parent = self._find_parent(channel)
        return parent is not None and parent.permissions_for(parent.guild.me).manage_messages

    async def _find_or_create(self, parent: Parent) -> discord.Webhook:
        """Return the bot's webhook in a channel: the known one, or the first.

        discord.py repeats a creation after some errors, so copies may have been made too. The
        copies have posted nothing, and are deleted.
        """
        own = await self._list_own(parent)
        if not own:
            self._repeated.add(parent.id)
            own = [await parent.create_webhook(name=WEBHOOK_NAME), *await self._list_own(parent)]
        known = self._known.get(parent.id)
        first, *others = sorted(set(own), key=lambda webhook: (webhook != known, webhook.id))
        if parent.id in self._repeated:
            for copy in others:
                await copy.delete(prefer_auth=False)  # by its token
            self._repeated.remove(parent.id)
        return first

    async def _list_own(self, parent: Parent) -> list[discord.Webhook]:
        return [
            webhook
            for webhook in await parent.webhooks()
            if webhook.name == WEBHOOK_NAME and webhook.user == self.client.user and webhook.token
        ]

    def _find_parent(self, channel: MessageChannel) -> Parent | None:
        """Return the channel that has the webhooks of a channel or thread, or None."""
        found = self._resolve(channel)
        if isinstance(found, discord.Thread):
            found = found.parent
        return found if isinstance(found, Parent) else None

    def _resolve(self, channel: MessageChannel) -> object:
        is_partial = isinstance(channel, discord.PartialMessageable)
        return self.client.get_channel(channel.id) if is_partial else channel


def may_manage(parent: Parent) -> bool:
    """Return whether the bot may manage a channel's webhooks."""
    return parent.permissions_for(parent.guild.me).manage_webhooks
