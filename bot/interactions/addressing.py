"""Tell which of people's messages may concern the bot, and what they say to it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import discord

HELP_WORDS = ("", "help", "hilfe")
"""The words that people write, besides a mention, to a bot that they know nothing about."""

PLAIN_MARKS = re.compile(r"[:\uff1a*]")
"""Matches a sign of a line that needs no mention: each such line has one."""


@dataclass(frozen=True)
class Addressed:
    """A message that may concern the bot."""

    text: str
    """The text without mentions of the bot at either end; "" if Discord withholds it."""
    is_direct: bool
    """Whether the message begins with a mention of the bot, or is a direct message."""
    is_reply: bool
    is_mentioned: bool
    """Whether the message mentions the bot, as a reply that pings the bot does."""

    @property
    def asks_for_help(self) -> bool:
        """Return whether the message is not a line: a bare mention, a cry for help or a command."""
        is_command = self.text.startswith("/")
        return is_command or self.text.strip(" ?!.").casefold() in HELP_WORDS


def read_address(message: discord.Message, bot: int) -> Addressed | None:
    """Return what a message says to the bot with an id, or None if it cannot concern the bot."""
    is_reply = message.type is discord.MessageType.reply
    is_by_person = not (message.author.bot or message.webhook_id)
    if not is_by_person or not (is_reply or message.type is discord.MessageType.default):
        return None
    text = strip_mentions(message.content, bot)
    is_private = isinstance(message.channel, discord.DMChannel)
    begins = re.match(rf"\s*<@!?{bot}>", message.content) is not None
    if not (begins or is_private or is_reply or PLAIN_MARKS.search(text)):
        return None
    is_mentioned = any(mention.id == bot for mention in message.mentions)
    return Addressed(text, begins or is_private, is_reply, is_mentioned)


def strip_mentions(content: str, bot: int) -> str:
    """Return a text without mentions of the bot at either end, and any sign after a mention."""
    mentions = rf"(?:<@!?{bot}>[,:]?\s*)+"
    return re.sub(rf"^\s*{mentions}|{mentions}$", "", content).strip()
