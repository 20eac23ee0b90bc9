"""Write the objects of the fake Discord as JSON for a bot."""

import re
from copy import deepcopy
from datetime import UTC, datetime

import discord
from simcord.intents import censor_message

from .state import (
    COMPONENTS_V2,
    EPHEMERAL,
    Channel,
    Context,
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

REPLY = ("message_reference", "referenced_message")
"""The parts of a message that a quoted message lacks."""

MAY_READ_CONTENT = 1 << 19
"""The flag of an application in few servers that was granted the intent for content."""

FILE_LIMIT = 10 * 1024 * 1024

PERMISSIONS = discord.Permissions(attach_files=True, embed_links=True, mention_everyone=True).value
"""The permissions of every bot in a place that it is not a member of."""


def format_time(seconds: float) -> str:
    """Return a Unix time as Discord writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def user(world: World, of: User) -> Json:
    return {
        "id": str(of.id),
        "username": of.name.lower().replace(" ", "_"),
        "global_name": of.name,
        "discriminator": "0",
        "avatar": None,
        "bot": of is world.bot,
    }


def member(world: World, of: User, may: int | None = None) -> Json:
    """Return a user as a member of a guild, with their permissions in a channel if given."""
    return {
        "user": user(world, of),
        "roles": [str(of.id)],
        "flags": 0,
        **({} if may is None else {"permissions": str(may)}),
    }


def role(of: User | Guild, permissions: int) -> Json:
    """Return the role of a user alone, or of everybody in a guild."""
    return {
        "id": str(of.id),
        "name": f"Only {of.name}" if isinstance(of, User) else "@everyone",
        "position": int(isinstance(of, User)),
        "permissions": str(permissions),
    }


def channel(world: World, of: Channel) -> Json:
    found: Json = {"id": str(of.id), "type": 0 if of.guild else 1}
    if not of.guild:
        people = (user(world, world.users[other]) for other in of.people if other != world.bot.id)
        return found | {"recipients": list(people)}
    everyone = {"id": str(of.guild), "type": 0, "allow": "0", "deny": str(of.denied)}
    return found | {
        "guild_id": str(of.guild),
        "name": of.name,
        "position": 0,
        "permission_overwrites": [everyone] if of.denied else [],
    }


def guild(world: World, of: Guild) -> Json:
    """Return a guild as in GUILD_CREATE."""
    channels = [world.channels[channel] for channel in of.channels]
    people = [world.users[member] for member in of.members]
    return {
        "id": str(of.id),
        "name": of.name,
        # The id of nobody, because the owner has all permissions.
        "owner_id": str(of.id),
        "unavailable": False,
        "member_count": len(of.members) + 1,
        "roles": [
            role(of, 0),
            role(world.bot, of.bot_may),
            *(role(person, person.may) for person in people),
        ],
        "channels": [channel(world, place) for place in channels],
        "members": [member(world, world.bot)],
    }


def message(world: World, of: Message, version: Version | None = None) -> Json:
    """Return a message as it looks now, or in an earlier version."""
    first, last = of.versions[0], version or of.versions[-1]
    flags = (EPHEMERAL if of.only_for else 0) | (LOADING if of.thinking else 0)
    flags |= COMPONENTS_V2 if last.is_v2 else 0
    webhook = of.webhook or (world.bot.id if of.interaction else None)
    posted_by = world.webhooks.get(of.webhook or 0)
    is_foreign = posted_by is not None and posted_by.by != world.bot.id
    return {
        "id": str(of.id),
        "channel_id": str(of.channel),
        "type": 20 if of.interaction else 0,
        "author": _author(world, of),
        "mentions": [user(world, world.users[person]) for person in sorted(mentioned(world, of))],
        "content": last.content,
        "components": last.components,
        "embeds": [],
        "attachments": last.attachments,
        "flags": flags,
        "timestamp": format_time(first.at),
        "edited_timestamp": format_time(last.at) if last is not first else None,
        **({} if of.by else {"application_id": None if is_foreign else str(world.bot.id)}),
        **({"webhook_id": str(webhook)} if webhook else {}),
        **_reactions(world, of),
        **_reply(world, of),
        **_membership(world, of),
    }


def mentioned(world: World, of: Message) -> set[int]:
    """Return the users whom a message mentions."""
    named = {int(number) for number in re.findall(r"<@!?(\d+)>", of.versions[-1].content)}
    replied = world.messages.get(of.reply_to or 0)
    if replied and of.pings_author and replied.webhook is None and replied.interaction is None:
        named.add(replied.by or world.bot.id)
    return named & set(world.users)


def without_content(world: World, told: Json) -> Json:
    """Return a message for a bot without the intent for the content of messages.

    The bot reads its own messages, those that mention it, and direct messages with it.
    """
    withheld = deepcopy(told)
    if world.channels[int(told["channel_id"])].guild:
        censor_message(withheld, world.bot.id)
    return withheld


def _reactions(world: World, of: Message) -> Json:
    found = [
        {"emoji": {"id": None, "name": emoji}, "count": len(users), "me": world.bot.id in users}
        for emoji, users in of.reactions.items()
        if users
    ]
    return {"reactions": found} if found else {}


def _reply(world: World, of: Message) -> Json:
    """Return the parts of a message that say to which one it replies."""
    if of.reply_to is None:
        return {}
    reference = {"type": 0, "channel_id": str(of.channel), "message_id": str(of.reply_to)}
    if guild := world.channels[of.channel].guild:
        reference["guild_id"] = str(guild)
    replied = world.messages[of.reply_to]
    shown = {name: value for name, value in message(world, replied).items() if name not in REPLY}
    return {
        "type": 19,
        "message_reference": reference,
        "referenced_message": None if replied.deleted else shown,
    }


def _membership(world: World, of: Message) -> Json:
    """Return the part of a message that describes its author as a member of the guild."""
    if of.by is None or not world.channels[of.channel].guild:
        return {}
    described = member(world, world.users[of.by])
    del described["user"]
    return {"member": described}


def _author(world: World, of: Message) -> Json:
    """Return a message's author: a user, or a webhook under the name of the message."""
    if of.webhook is None:
        return user(world, world.users[of.by or world.bot.id])
    return {
        "id": str(of.webhook),
        "username": of.author,
        "discriminator": "0000",
        "avatar": None,
        "bot": True,
    }


def webhook(world: World, of: Webhook) -> Json:
    return {
        "id": str(of.id),
        "type": 1,
        "guild_id": str(world.channels[of.channel].guild),
        "channel_id": str(of.channel),
        "user": user(world, world.users[of.by]),
        "name": of.name,
        "token": of.token,
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
        "authorizing_integration_owners": {
            str(int(by)): str(owner) for by, owner in of.owners.items()
        },
        "context": int(context),
        "attachment_size_limit": FILE_LIMIT,
    }
    if context is Context.GUILD:
        found |= {
            "guild_id": str(where.guild),
            "guild": {"id": str(where.guild)},
            "guild_locale": "en-US",
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
        "flags": MAY_READ_CONTENT if world.may_read_content else 0,
        "owner": user(world, world.bot),
    }
