"""Payloads: what the fake Discord remembers, as the JSON that a bot gets."""

from __future__ import annotations

from datetime import UTC, datetime

from .state import (
    EPHEMERAL,
    EPOCH,
    Channel,
    Guild,
    Interaction,
    Json,
    Message,
    User,
    Version,
    World,
)

LOADING = 1 << 7

FILE_LIMIT = 10 * 1024 * 1024


def when(seconds: float) -> str:
    """Return a moment as Discord writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def made(snowflake: int) -> str:
    """Return when an id was made."""
    return when((snowflake >> 22) / 1000 + EPOCH)


def user(world: World, of: User) -> Json:
    """Return a user."""
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
    """Return a text channel."""
    return {
        "id": str(of.id),
        "type": 0,
        "guild_id": str(of.guild),
        "name": of.name,
        "position": 0,
        "permission_overwrites": [],
        "topic": None,
        "nsfw": False,
        "parent_id": None,
        "last_message_id": None,
        "rate_limit_per_user": 0,
    }


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
        "owner_id": str(of.members[0] if of.members else world.bot.id),
        "unavailable": False,
        "large": False,
        "joined_at": made(of.id),
        "member_count": len(of.members) + 1,
        "preferred_locale": of.locale,
        "roles": [everyone],
        "channels": [channel(world.channels[one]) for one in of.channels],
        "members": [member(world, world.bot, of.bot_may)],
        **{
            name: []
            for name in ("emojis", "features", "presences", "stickers", "threads", "voice_states")
        },
    }


def message(world: World, of: Message, version: Version | None = None) -> Json:
    """Return a message as it looks now, or in an earlier version."""
    first, last = of.versions[0], version or of.versions[-1]
    flags = (EPHEMERAL if of.only_for else 0) | (LOADING if of.thinking else 0)
    return {
        "id": str(of.id),
        "channel_id": str(of.channel),
        "type": 20 if of.interaction else 0,
        "author": user(world, world.bot),
        "content": last.content,
        "components": last.components,
        "embeds": last.embeds,
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
        "webhook_id": str(world.bot.id) if of.interaction else None,
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
    where = world.channels[of.channel]
    locale = world.guilds[where.guild].locale
    who = world.users[of.user]
    found = {
        "id": str(of.id),
        "application_id": str(world.bot.id),
        "type": int(of.kind),
        "token": of.token,
        "version": 1,
        "data": data,
        "guild_id": str(where.guild),
        "guild": {"id": str(where.guild), "locale": locale, "features": []},
        "channel_id": str(where.id),
        "channel": channel(where),
        "member": member(world, who, who.may),
        "app_permissions": str(world.guilds[where.guild].bot_may),
        "locale": who.locale,
        "guild_locale": locale,
        "entitlements": [],
        "authorizing_integration_owners": {"0": str(where.guild)},
        "context": 0,
        "attachment_size_limit": FILE_LIMIT,
    }
    return found | ({"message": shown} if shown else {})


def application(world: World) -> Json:
    """Return the bot's application."""
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
