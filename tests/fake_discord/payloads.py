"""Payloads: what the fake Discord remembers, as the JSON that a bot gets."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from .state import (
    COMPONENTS_V2,
    EPHEMERAL,
    EPOCH,
    Channel,
    Emoji,
    Guild,
    Interaction,
    Json,
    Message,
    User,
    Version,
    Webhook,
    World,
)

LOADING = 1 << 7

TEXT_CHANNEL, IN_GUILD = 0, 0
"""The type of a channel, and the context of an interaction there."""

FILE_LIMIT = 10 * 1024 * 1024


def when(seconds: float) -> str:
    """Return a moment as Discord writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def made(snowflake: int) -> str:
    """Return when an id was made."""
    return when((snowflake >> 22) / 1000 + EPOCH)


def user(world: World, of: User) -> Json:
    return {
        "id": str(of.id),
        "username": of.name.lower().replace(" ", "_"),
        "global_name": of.name,
        "discriminator": "0",
        "avatar": None,
        "bot": of is world.bot,
        "public_flags": 0,
        "flags": 0,
    }


def member(world: World, of: User, may: int) -> Json:
    """Return a user as a member of a guild, with their permissions there."""
    return {
        "user": user(world, of),
        "nick": None,
        "avatar": None,
        "roles": [],
        "joined_at": made(of.id),
        "deaf": False,
        "mute": False,
        "flags": 0,
        "permissions": str(may),
    }


def channel(of: Channel) -> Json:
    return {
        "id": str(of.id),
        "type": TEXT_CHANNEL,
        "guild_id": str(of.guild),
        "name": of.name,
        "parent_id": None,
        "last_message_id": None,
        "rate_limit_per_user": 0,
        "position": 0,
        "permission_overwrites": [],
        "topic": None,
        "nsfw": False,
    }


EMPTY = ("emojis", "features", "presences", "stickers", "threads", "voice_states")
"""The lists of a guild that nothing is in."""


def guild(world: World, of: Guild) -> Json:
    """Return a guild as a bot first hears of it."""
    everyone = {
        "id": str(of.id),
        "name": "@everyone",
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": 0,
        "permissions": str(of.bot_may),
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }
    return {
        "id": str(of.id),
        "name": of.name,
        # Somebody unknown before the first member, because the owner has all permissions.
        "owner_id": str(of.members[0] if of.members else of.id),
        "unavailable": False,
        "large": False,
        "joined_at": made(of.id),
        "member_count": len(of.members) + 1,
        "preferred_locale": of.locale,
        "roles": [everyone],
        "channels": [channel(world.channels[one]) for one in of.channels],
        "members": [member(world, world.bot, of.bot_may)],
        **{name: [] for name in EMPTY},
    }


def message(world: World, of: Message, version: Version | None = None) -> Json:
    """Return a message as it looks now, or in an earlier version."""
    first, last = of.versions[0], version or of.versions[-1]
    flags = (EPHEMERAL if of.only_for else 0) | (LOADING if of.thinking else 0)
    flags |= COMPONENTS_V2 if last.is_v2 else 0
    webhook = of.webhook or (world.bot.id if of.interaction else None)
    return {
        "id": str(of.id),
        "channel_id": str(of.channel),
        "type": 20 if of.interaction else 0,
        "author": _author(world, of),
        "content": last.content,
        "components": last.components,
        "embeds": [],
        "attachments": last.attachments,
        "flags": flags,
        "timestamp": when(first.at),
        "edited_timestamp": when(last.at) if last is not first else None,
        "tts": False,
        "pinned": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "application_id": str(world.bot.id),
        **({"webhook_id": str(webhook)} if webhook else {}),
    }


def _author(world: World, of: Message) -> Json:
    """Return a message's author; a webhook is one with the name of the message."""
    if of.webhook is None:
        return user(world, world.bot)
    return {
        "id": str(of.webhook),
        "username": of.author,
        "global_name": None,
        "discriminator": "0000",
        "avatar": picture_hash(of.avatar.encode()) if of.avatar else None,
        "bot": True,
        "public_flags": 0,
        "flags": 0,
    }


def picture_hash(picture: bytes) -> str:
    """Return the hash by which Discord knows a picture."""
    return hashlib.sha256(picture).hexdigest()[:32]


def webhook(world: World, of: Webhook) -> Json:
    return {
        "id": str(of.id),
        "type": 1,
        "guild_id": str(world.channels[of.channel].guild),
        "channel_id": str(of.channel),
        "user": user(world, world.bot),
        "name": of.name,
        "avatar": None,
        "token": of.token,
        "application_id": str(world.bot.id),
    }


def emoji(world: World, of: Emoji) -> Json:
    return {
        "id": str(of.id),
        "name": of.name,
        "roles": [],
        "user": user(world, world.bot),
        "require_colons": True,
        "managed": False,
        "animated": of.format == "image/gif",
        "available": True,
    }


def written(world: World, by: User, of: int, channel: int, content: str) -> Json:
    """Return a person's message for a bot that may read message content."""
    return {
        "id": str(of),
        "channel_id": str(channel),
        "type": 0,
        "author": user(world, by),
        "member": member(world, by, by.may),
        "content": content,
        "components": [],
        "embeds": [],
        "attachments": [],
        "flags": 0,
        "timestamp": made(of),
        "edited_timestamp": None,
        "tts": False,
        "pinned": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
    }


def interaction(world: World, of: Interaction, data: Json, shown: Json | None) -> Json:
    """Return an interaction as delivered, with the message whose button was pressed."""
    where, who = world.channels[of.channel], world.users[of.user]
    locale = world.guilds[where.guild].locale
    found = {
        "id": str(of.id),
        "application_id": str(world.bot.id),
        "type": int(of.kind),
        "token": of.token,
        "version": 1,
        "data": data,
        "channel_id": str(where.id),
        "channel": channel(where),
        "guild_id": str(where.guild),
        "guild": {"id": str(where.guild), "locale": locale, "features": []},
        "guild_locale": locale,
        "member": member(world, who, who.may),
        "app_permissions": str(world.bot_may(where)),
        "locale": who.locale,
        "entitlements": [],
        "authorizing_integration_owners": {"0": str(where.guild)},
        "context": IN_GUILD,
        "attachment_size_limit": FILE_LIMIT,
    }
    return found | ({"message": shown} if shown else {})


def application(world: World) -> Json:
    return {
        "id": str(world.bot.id),
        "name": world.bot.name,
        "icon": None,
        "description": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "owner": user(world, world.bot),
        "team": None,
    }
