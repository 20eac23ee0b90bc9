"""Let a test make people, act as them, see what they see, and cause faults."""

import asyncio
import base64
import json
import os
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from aiohttp import web
from simcord.enums import AppCommandType

from . import client, payloads
from .client import require
from .faults import Fault
from .faults import Kind as FaultKind
from .gateway import Gateway
from .reactions import Reactions
from .state import (
    Channel,
    Context,
    Guild,
    Install,
    Interaction,
    Json,
    Kind,
    Message,
    NotPossible,
    Version,
    World,
)
from .webhooks import Webhooks

SECRET = {"token", "payload"}
"""Fields of an interaction that only Discord and the bot see."""


class Control:
    """The actions of a test, most of them behind a method of `people`.

    Each public coroutine takes the JSON of a POST as its arguments, and may return JSON.
    """

    def __init__(
        self, world: World, gateway: Gateway, webhooks: Webhooks, reactions: Reactions
    ) -> None:
        self.world = world
        self.gateway = gateway
        self.webhooks = webhooks
        self.reactions = reactions
        self.faults: list[Fault] = []
        # Faults that are the gateway's own.
        self.reconnect = gateway.reconnect
        self.invalidate = gateway.invalidate
        self.drop = gateway.drop

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/control/sight", self._watch), web.post("/control/{action}", self._do)]

    async def _do(self, request: web.Request) -> web.Response:
        """Do the named action, and report in a sentence what a person cannot do."""
        action = getattr(self, request.match_info["action"])
        try:
            return web.json_response(await action(**await request.json()) or {})
        except NotPossible as error:
            return web.Response(status=400, text=str(error))

    async def _watch(self, request: web.Request) -> web.WebSocketResponse:
        """Stream everything that exists, and then each change."""
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        changes: asyncio.Queue[str] = asyncio.Queue()

        def tell(what: str, it: Any) -> None:
            changes.put_nowait(json.dumps([what, _visible_part(it)]))

        for message in self.world.messages.values():
            tell("message", message)
        for interaction in self.world.interactions.values():
            tell("interaction", interaction)
        tell("bot", self.gateway.ready())
        self.world.watchers.append(tell)
        sender = asyncio.create_task(_stream(changes, socket))
        try:
            async for _ in socket:
                pass
        finally:
            self.world.watchers.remove(tell)
            sender.cancel()
        return socket

    # Who and where

    async def make_guild(self, name: str, bot_may: int, has_bot: bool) -> Json:
        """Make a server, perhaps with the bot as a member."""
        guild = Guild(self.world.new_id(), name, bot_may, has_bot=has_bot)
        self.world.guilds[guild.id] = guild
        self._tell_of_place("GUILD_CREATE", guild.id, payloads.guild(self.world, guild))
        return {"id": guild.id}

    async def make_channels(self, guild: int, names: list[str]) -> Json:
        made = [Channel(self.world.new_id(), guild, name) for name in names]
        for channel in made:
            self.world.channels[channel.id] = channel
            self.world.guilds[guild].channels.append(channel.id)
            self._tell_of_place("CHANNEL_CREATE", guild, payloads.channel(self.world, channel))
        return {"ids": [channel.id for channel in made]}

    def _tell_of_place(self, event: str, guild: int, told: Json) -> None:
        if self.world.guilds[guild].has_bot:
            self.gateway.dispatch(event, guild, told)

    async def open_private(self, people: list[int]) -> Json:
        """Open the direct messages of two people, or of one and the bot."""
        return {"id": self.world.find_private(*people).id}

    async def deny(self, channel: int, permissions: int) -> None:
        """Deny everybody these permissions, and no others, in a text channel."""
        where = self.world.channels[channel]
        where.denied = permissions
        self._tell_of_place("CHANNEL_UPDATE", where.guild, payloads.channel(self.world, where))

    async def delete_channel(self, channel: int) -> None:
        """Delete a channel of a server, with its webhooks and messages."""
        where = self.world.channels[channel]
        where.deleted = True
        self.world.guilds[where.guild].channels.remove(channel)
        for webhook in [hook for hook in self.world.webhooks.values() if hook.channel == channel]:
            del self.world.webhooks[webhook.id]
        for message in [post for post in self.world.messages.values() if post.channel == channel]:
            self.world.delete(message)
        self._tell_of_place("CHANNEL_DELETE", where.guild, payloads.channel(self.world, where))

    async def make_person(self, guild: int, name: str, may: int, locale: str) -> Json:
        person = self.world.add_user(name, may, locale)
        self.world.guilds[guild].members.append(person.id)
        told = {"guild_id": str(guild), "role": payloads.role(person, may)}
        self._tell_of_place("GUILD_ROLE_CREATE", guild, told)
        return {"id": person.id}

    async def refuse_messages(self, user: int) -> None:
        self.world.users[user].takes_messages = False

    async def install(self, user: int) -> None:
        self.world.users[user].has_installed = True

    async def make_webhook(self, user: int, channel: int, name: str) -> Json:
        return {"id": self.webhooks.make(self.world.channels[channel], name, user).id}

    async def delete_webhook(self, webhook: int) -> None:
        self.webhooks.remove(self.world.webhooks[webhook])

    async def move_webhook(self, webhook: int, channel: int) -> None:
        self.webhooks.move(self.world.webhooks[webhook], self.world.channels[channel])

    # What people do

    async def write(
        self,
        user: int,
        channel: int,
        content: str,
        reply_to: int | None,
        pings: bool,
        files: dict[str, str],
    ) -> Json:
        """Write a message with files of base64 content, perhaps as a reply that may ping."""
        if reply_to is not None:
            require(client.find_visible(self.world, user, reply_to).channel == channel, "elsewhere")
        attached = [await self.add_file(name, encoded) for name, encoded in files.items()]
        message = self.world.post(
            channel,
            Version(self.world.now(), content, attachments=attached),
            self.world.users[user].name,
            by=user,
            reply_to=reply_to,
            pings_author=pings,
        )
        return {"id": message.id}

    async def edit(self, message: int, content: str) -> None:
        found = self.world.messages[message]
        attached = found.versions[-1].attachments
        self.world.edit(found, Version(self.world.now(), content, attachments=attached))

    async def tell_again(self, message: int) -> None:
        self.gateway.tell_of_message(self.world.messages[message])

    async def react(self, user: int, message: int, emoji: str) -> None:
        found = client.find_visible(self.world, user, message)
        self.reactions.add(found, emoji, self.world.users[user])

    async def unreact(self, user: int, message: int, emoji: str) -> None:
        found = client.find_visible(self.world, user, message)
        self.reactions.remove(found, emoji, self.world.users[user])

    async def clear_reactions(self, message: int, emoji: str | None) -> None:
        self.reactions.clear(self.world.messages[message], emoji)

    async def use_command(
        self,
        user: int,
        channel: int,
        name: str,
        options: Json,
        typed: str | None = None,
        target: int | None = None,
        times: int = 1,
        late: float = 0.0,
    ) -> Json:
        """Use a slash command, or autocomplete its option ``typed`` if one is named.

        With a ``target``, use the command of this name on that message's menu.
        """
        kind = AppCommandType.CHAT_INPUT if target is None else AppCommandType.MESSAGE
        command = client.find_command(self.world, kind, name)
        owners = self._owners(user, channel, command)
        if target is None:
            data = client.slash(self.world, command, name, options, typed)
        else:
            data = client.on_message(self.world, command, user, target)
        act = Kind.AUTOCOMPLETE if typed else Kind.COMMAND
        return self._act(act, user, channel, data, times, late=late, owners=owners)

    async def press(
        self,
        user: int,
        message: int,
        custom_id: str,
        values: list[str] | None = None,
        times: int = 1,
    ) -> Json:
        """Press a button under a message, or choose values from its menu.

        The button may be an earlier one of the message: people press what they saw a moment ago.
        """
        found = client.find_visible(self.world, user, message)
        data, version = client.press(found, custom_id, values)
        shown = payloads.message(self.world, found, version)
        return self._act(Kind.COMPONENT, user, found.channel, data, times, shown)

    async def submit(self, user: int, interaction: int, values: dict[str, str]) -> Json:
        before = self.world.interactions[interaction]
        require(before.modal and before.user == user, "no modal is shown to this person")
        data = client.submit(before.modal or {}, values)
        shown = before.payload.get("message")
        # The window belongs to the installation of what opened it.
        return self._act(Kind.MODAL, user, before.channel, data, 1, shown, owners=before.owners)

    async def send_raw(
        self,
        user: int,
        channel: int,
        kind: int,
        data: Json,
        message: int | None = None,
        components: list[Json] | None = None,
    ) -> Json:
        """Send data that no client of Discord would send, in a well-formed envelope.

        The data may come from anybody's message, or be a command on it, and the message may have
        other components.
        """
        shown = None
        if message is not None:
            shown = payloads.message(self.world, self.world.messages[message])
            if components is not None:
                shown["components"] = components
        if shown and kind == Kind.COMMAND:
            return self._act(Kind.COMMAND, user, channel, data | client.target_of(shown), 1)
        return self._act(Kind(kind), user, channel, data, 1, shown)

    async def add_file(self, name: str, content: str) -> Json:
        """Attach a file of base64 content, and return Discord's description of it."""
        return self.world.add_file(name, base64.b64decode(content))

    async def deliver_again(self, interaction: int) -> None:
        self._deliver(self.world.interactions[interaction], 1)

    async def payload(self, interaction: int) -> Json:
        """Return an interaction's payload, for a test that answers in the bot's place."""
        return self.world.interactions[interaction].payload

    async def commands(self) -> Json:
        return {"commands": list(self.world.commands.values())}

    async def delete(self, message: int) -> None:
        self.world.delete(self.world.messages[message])

    def _act(
        self,
        kind: Kind,
        user: int,
        channel: int,
        data: Json,
        times: int,
        shown: Json | None = None,
        late: float = 0.0,
        owners: dict[Install, int] | None = None,
    ) -> Json:
        """Act as a person, perhaps on a message that is shown."""
        world = self.world
        source = int(shown["id"]) if shown else None
        interaction = Interaction(world.new_id(), kind, user, channel, source, world.now())
        interaction.owners = self._owners_of(source, channel) if owners is None else owners
        interaction.payload = payloads.interaction(world, interaction, data, shown)
        world.add_interaction(interaction)
        if late:
            asyncio.get_running_loop().call_later(late, self._deliver, interaction, times)
        else:
            self._deliver(interaction, times)
        return {"id": interaction.id}

    def _deliver(self, interaction: Interaction, times: int) -> None:
        guild = self.world.channels[interaction.channel].guild
        self.gateway.dispatch("INTERACTION_CREATE", guild, interaction.payload, times)

    def _owners(self, user: int, channel: int, command: Json) -> dict[Install, int]:
        """Return the installations through which a person may use a command in a channel."""
        where = self.world.channels[channel]
        context = self.world.context(where)
        contexts = command.get("contexts")
        require(contexts is None or context in contexts, f"no such command in a {context.name}")
        require(context is Context.GUILD or user in where.people, "this person is not there")
        found = self._owners_of(None, channel)
        if self.world.users[user].has_installed:
            found[Install.USER] = user
        allowed = command.get("integration_types") or [Install.GUILD]
        found = {by: owner for by, owner in found.items() if by in allowed}
        require(found, "the bot is not installed here")
        return found

    def _owners_of(self, source: int | None, channel: int) -> dict[Install, int]:
        """Return the installations behind a message, or else those of a place."""
        of = self.world.messages[source].interaction if source else None
        if of is not None:
            return self.world.interactions[of].owners
        where = self.world.channels[channel]
        return {Install.GUILD: where.guild} if self.world.has_bot(where) else {}

    # Faults

    async def let_time_pass(self, seconds: float) -> None:
        self.world.ahead += seconds

    async def set_conditions(self, least: float, most: float, limited: bool, seed: int) -> None:
        self.world.conditions.set(least, most, limited, seed)

    async def counts(self) -> Json:
        """Return the counts of the bot's requests, and the server's process id."""
        return {"process": os.getpid(), "counts": dict(self.world.conditions.counts)}

    async def fail(self, kind: str, **how: Any) -> None:
        """Make some of the bot's next requests fail; see `Fault`."""
        self.faults.append(Fault(FaultKind(kind), **how))

    async def mend(self, kind: str | None = None) -> None:
        """Cancel all faults, or those of one kind, and release the requests that they hold."""
        for fault in [fault for fault in self.faults if kind in (None, fault.kind)]:
            self.faults.remove(fault)
            fault.mended.set()

    @web.middleware
    async def failing(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Apply to a request the fault that is set for it."""
        for fault in self.faults:
            if fault.strikes(request):
                self.world.tell("fault", [fault.kind, request.method, request.path])
                return await fault.strike(request, handler)
        return await handler(request)


def _visible_part(it: Any) -> Any:
    """Return the part of an object that people see, as JSON."""
    if isinstance(it, Interaction):
        return {name: value for name, value in vars(it).items() if name not in SECRET}
    return asdict(it) if isinstance(it, Message) else it


async def _stream(changes: asyncio.Queue[str], socket: web.WebSocketResponse) -> None:
    with suppress(ConnectionError):
        while True:
            await socket.send_str(await changes.get())
