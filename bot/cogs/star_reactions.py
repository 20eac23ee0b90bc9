"""Count star reactions to the message of a line as stars of the line."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import discord
from discord.ext import commands, tasks

from ..errors import TransactionFailed
from ..interactions.services import CogServices
from ..screenplay.drafts import ERASED_PERSON
from ..sharding import Shards
from ..ui.delivery.sending import CONNECTION_ERRORS
from .feature import FeatureCog

log = logging.getLogger("onbook.star_reactions")

STAR = "\N{WHITE MEDIUM STAR}"
"""The emoji that Discord calls :star:."""

WINDOW = 100
"""The messages of a channel that are searched for stars that came or went while no bot ran."""


class StarReactions(FeatureCog, name="OnBook.star_reactions"):
    """Star lines by reactions. The events are raw, so that lines of any age count."""

    def __init__(self, services: CogServices) -> None:
        super().__init__(services)
        self._lock = asyncio.Lock()
        """Held for each reaction, so that they count in the order in which they came."""

    @commands.Cog.listener("on_raw_reaction_add")
    @commands.Cog.listener("on_raw_reaction_remove")
    async def change_star(self, payload: discord.RawReactionActionEvent) -> None:
        """Give a line a person's star for a reaction, or take it back when the reaction goes."""
        us = self.bot.user
        # Discord does not say of a removed reaction whether it was by a bot, which had no star.
        is_by_bot = payload.member is not None and payload.member.bot
        is_ours = us is not None and payload.user_id == us.id
        if is_star(payload.emoji) and not is_by_bot and not is_ours:
            self.services.in_flight.track_person(payload.user_id)
            stars, is_given = self.sessions.stars, payload.event_type == "REACTION_ADD"
            change = stars.give if is_given else stars.take_back
            with suppress(TransactionFailed):  # the next start counts it
                async with self._lock:
                    await change(payload.message_id, payload.user_id)

    @commands.Cog.listener("on_raw_reaction_clear")
    @commands.Cog.listener("on_raw_reaction_clear_emoji")
    async def clear_stars(
        self, payload: discord.RawReactionClearEvent | discord.RawReactionClearEmojiEvent
    ) -> None:
        """Take back a line's stars when a moderator has cleared its reactions or star reactions."""
        if isinstance(payload, discord.RawReactionClearEvent) or is_star(payload.emoji):
            with suppress(TransactionFailed):  # the next start counts it
                async with self._lock:
                    await self.sessions.stars.clear(payload.message_id)

    # Reactions that were missed

    @tasks.loop(count=1)
    async def _find_missed(self) -> None:
        """Count the reactions that came or went while no bot ran, where scripts are in play."""
        if not self.bot.intents.guild_reactions:
            return  # a host's bot, which is not told of reactions
        with suppress(TransactionFailed):  # which the store has logged
            if not await self.services.claim_housekeeping():
                return
            for channel in await self.sessions.housekeeping.list_panels(Shards.of(self.bot)):
                place = self.bot.get_partial_messageable(channel.id)
                if channel.guild is None or self.services.messages.may_read_history(place):
                    await self._recount(place)

    async def _recount(self, channel: discord.PartialMessageable) -> None:
        """Compare the reactions to the last messages of a channel with the stars."""
        content = await self.sessions.posts.load_content(channel.id)
        before = discord.Object(content.newest_post + 1)
        try:
            messages = [message async for message in channel.history(limit=WINDOW, before=before)]
            known = await self.sessions.stars.load_reactions([message.id for message in messages])
            for message in messages:
                async with self._lock:
                    await self._recount_message(message, known.get(message.id, set()))
        except (discord.HTTPException, *CONNECTION_ERRORS) as error:
            log.warning("could not count the stars in channel %d: %s", channel.id, error)

    async def _recount_message(self, message: discord.Message, known: set[int]) -> None:
        """Give and take the stars by which a message's line has more or fewer than are known.

        A person who was forgotten is not looked for, so their reaction does not name them again.
        """
        reaction = discord.utils.find(lambda each: is_star(each.emoji), message.reactions)
        if ERASED_PERSON in known or not (known or reaction):
            return
        if await self.sessions.posts.find(message.id):
            people = set[int]()
            if reaction:
                kinds = (discord.ReactionType.normal, discord.ReactionType.burst)
                users = [user for kind in kinds async for user in reaction.users(type=kind)]
                people = {user.id for user in users if not user.bot}
            for person in people - known:
                await self.sessions.stars.give(message.id, person)
            for person in known - people:
                await self.sessions.stars.take_back(message.id, person)


def is_star(emoji: discord.PartialEmoji | discord.Emoji | str) -> bool:
    """Return whether an emoji is a star, with or without a character that asks for colours."""
    return str(emoji).removesuffix("\N{VARIATION SELECTOR-16}") == STAR
