"""Write the objects of the fake Discord as JSON for a bot."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import discord

from .state import (
    COMPONENTS_V2,
    EPHEMERAL,
    EPOCH,
    Channel,
    Context,
    Emoji,
    Guild,
    Interaction,
    Json,
    Message,
    Place,
    User,
    Version,
    Webhook,
    World,
)

LOADING = 1 << 7

FILE_LIMIT = 10 * 1024 * 1024

PERMISSIONS = discord.Permissions(attach_files=True, embed_links=True, mention_everyone=True).value
"""The permissions of every bot in a place of which it is not a member."""


def format_time(seconds: float) -> str:
    """Return a Unix time as Discord writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def creation_time(snowflake: int) -> str:
    """Return when an id was created."""
    return format_time((snowflake >> 22) / 1000 + EPOCH)


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
        "joined_at": creation_time(of.id),
        "deaf": False,
        "mute": False,
        "flags": 0,
        "permissions": str(may),
    }


def channel(world: World, of: Channel) -> Json:
    found: Json = {"id": str(of.id), "type": int(of.kind), "last_message_id": None}
    if not of.guild:
        people = (user(world, world.users[one]) for one in of.people if one != world.bot.id)
        found |= {"recipients": list(people)}
        group = {"name": of.name, "icon": None, "owner_id": str(of.people[0])}
        return found | (group if of.kind is Place.GROUP else {})
    found |= {
        "guild_id": str(of.guild),
        "name": of.name,
        "parent_id": str(of.parent) if of.parent else None,
        "rate_limit_per_user": 0,
    }
    if of.parent:
        archive = {"archived": False, "auto_archive_duration": 1440, "locked": False}
        return found | {
            "owner_id": str(world.bot.id),
            "message_count": 0,
            "member_count": 1,
            "thread_metadata": archive | {"archive_timestamp": creation_time(of.id)},
        }
    everyone = {"id": str(of.guild), "type": 0, "allow": "0", "deny": str(of.denied)}
    return found | {
        "position": 0,
        "permission_overwrites": [everyone] if of.denied else [],
        "topic": None,
        "nsfw": False,
    }


def guild(world: World, of: Guild) -> Json:
    """Return a guild as in GUILD_CREATE."""
    channels = [world.channels[one] for one in of.channels]
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
        # An unknown id until the guild has a member, because the owner has all permissions.
        "owner_id": str(of.members[0] if of.members else of.id),
        "unavailable": False,
        "large": False,
        "joined_at": creation_time(of.id),
        "member_count": len(of.members) + 1,
        "preferred_locale": of.locale,
        "roles": [everyone],
        "channels": [channel(world, one) for one in channels if not one.parent],
        "threads": [channel(world, one) for one in channels if one.parent],
        "members": [member(world, world.bot, of.bot_may)],
        **{name: [] for name in ("emojis", "features", "presences", "stickers", "voice_states")},
    }


def plain_message() -> Json:
    """Return the parts of a message that are the same in all of them."""
    return {
        "type": 0,
        "components": [],
        "embeds": [],
        "attachments": [],
        "flags": 0,
        "edited_timestamp": None,
        "tts": False,
        "pinned": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
    }


def message(world: World, of: Message, version: Version | None = None) -> Json:
    """Return a message as it looks now, or in an earlier version."""
    first, last = of.versions[0], version or of.versions[-1]
    flags = (EPHEMERAL if of.only_for else 0) | (LOADING if of.thinking else 0)
    flags |= COMPONENTS_V2 if last.is_v2 else 0
    webhook = of.webhook or (world.bot.id if of.interaction else None)
    posted_by = world.webhooks.get(of.webhook or 0)
    is_foreign = posted_by is not None and posted_by.by != world.bot.id
    return plain_message() | {
        "id": str(of.id),
        "channel_id": str(of.channel),
        "type": 20 if of.interaction else 0,
        "author": _author(world, of),
        "content": last.content,
        "components": last.components,
        "embeds": last.embeds,
        "attachments": last.attachments,
        "flags": flags,
        "timestamp": format_time(first.at),
        "edited_timestamp": format_time(last.at) if last is not first else None,
        "application_id": None if is_foreign else str(world.bot.id),
        **({"webhook_id": str(webhook)} if webhook else {}),
    }


def withheld_message(world: World, of: Message) -> Json:
    """Return a message for the bot, which may read the content of its own messages alone.

    A webhook's messages are not the bot's own, even where the webhook is.
    """
    shown = message(world, of)
    if of.webhook:
        shown |= {"content": "", "components": [], "embeds": [], "attachments": []}
    return shown


def _author(world: World, of: Message) -> Json:
    """Return a message's author: the bot, or a webhook under the name of the message."""
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
    """Return the hash with which Discord names a picture."""
    return hashlib.sha256(picture).hexdigest()[:32]


def webhook(world: World, of: Webhook) -> Json:
    return {
        "id": str(of.id),
        "type": 1,
        "guild_id": str(world.channels[of.channel].guild),
        "channel_id": str(of.channel),
        "user": user(world, world.users[of.by]),
        "name": of.name,
        "avatar": of.avatar,
        "token": of.token,
        "application_id": str(world.bot.id) if of.by == world.bot.id else None,
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
    return plain_message() | {
        "id": str(of),
        "channel_id": str(channel),
        "author": user(world, by),
        "member": member(world, by, by.may),
        "content": content,
        "timestamp": creation_time(of),
    }


def interaction(world: World, of: Interaction, data: Json, shown: Json | None) -> Json:
    """Return an interaction as delivered, with the message whose button was pressed."""
    where, who = world.channels[of.channel], world.users[of.user]
    context = world.context(where)
    found = {
        "id": str(of.id),
        "application_id": str(world.bot.id),
        "type": int(of.kind),
        "token": of.token,
        "version": 1,
        "data": data,
        "channel_id": str(where.id),
        "channel": channel(world, where),
        "app_permissions": str(_bot_may(world, where)),
        "locale": who.locale,
        "entitlements": [],
        "authorizing_integration_owners": {str(int(by)): str(one) for by, one in of.owners.items()},
        "context": int(context),
        "attachment_size_limit": FILE_LIMIT,
    }
    if context is Context.GUILD:
        locale = world.guilds[where.guild].locale
        found |= {
            "guild_id": str(where.guild),
            "guild": {"id": str(where.guild), "locale": locale, "features": []},
            "guild_locale": locale,
            "member": member(world, who, who.may & ~where.denied),
        }
    else:
        found["user"] = user(world, who)
    return found | ({"message": shown} if shown else {})


def _bot_may(world: World, where: Channel) -> int:
    """Return the bot's permissions in a place, as ``app_permissions``."""
    if where.guild and world.guilds[where.guild].has_bot:
        return world.bot_may(where)
    return PERMISSIONS


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
