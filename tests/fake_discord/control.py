"""Control: by which a test makes people, acts as them, sees what they see, and makes trouble."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

from . import payloads, rules
from .faults import Fault
from .faults import Kind as FaultKind
from .gateway import Gateway
from .rest import BASE
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
    Place,
    Version,
    World,
)
from .webhooks import Webhooks

CHAT_INPUT, ON_USER, ON_MESSAGE = 1, 2, 3

TEXT, INTEGER, BOOLEAN, USER, NUMBER, ATTACHMENT = 3, 4, 5, 6, 10, 11
TYPES: dict[int, tuple[type, ...]] = {
    TEXT: (str,),
    INTEGER: (int,),
    BOOLEAN: (bool,),
    USER: (int,),
    NUMBER: (int, float),
    ATTACHMENT: (dict,),
}
"""The Python types of an option's value, by the option's type."""


SECRET = {"token", "payload"}
"""Fields of an interaction that only Discord and the bot see."""


@dataclass
class Hold:
    """Requests of the bot that the server holds until they are released."""

    method: str
    path: re.Pattern[str]
    most: int | None
    """The number of requests to hold; None for all."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    held: int = 0

    def keeps(self, request: web.Request) -> bool:
        """Return whether this request must be held."""
        if self.most is not None and self.held >= self.most:
            return False
        ours = request.path.startswith(BASE) and request.method == self.method
        return ours and self.path.search(request.path) is not None


class Control:
    """The deeds of a test. Each is a POST of its options, and returns what it made."""

    def __init__(self, world: World, gateway: Gateway, webhooks: Webhooks) -> None:
        self.world = world
        self.gateway = gateway
        self.webhooks = webhooks
        self.holds: list[Hold] = []
        self.faults: list[Fault] = []

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the stream of changes and of the deeds."""
        deeds = {
            "guild": self.make_guild,
            "channel": self.make_channel,
            "channels": self.make_channels,
            "thread": self.make_thread,
            "private": self.make_private,
            "deny": self.deny,
            "person": self.make_person,
            "install": self.install,
            "webhook": self.make_webhook,
            "unhook": self.delete_webhook,
            "write": self.write,
            "command": self.use_command,
            "press": self.press,
            "submit": self.submit,
            "raw": self.send_raw,
            "files": self.add_file,
            "registered": self.tell_commands,
            "again": self.deliver_again,
            "payload": self.tell_payload,
            "commands": self.tell_commands,
            "delete": self.delete,
            "pass": self.let_time_pass,
            "conditions": self.set_conditions,
            "counts": self.tell_counts,
            "hold": self.hold,
            "release": self.release,
            "drop": self.drop,
            "fail": self.fail,
            "mend": self.mend,
            "reconnect": self.reconnect,
            "invalidate": self.invalidate,
        }
        posts = [web.post(f"/control/{name}", _deed(deed)) for name, deed in deeds.items()]
        return [web.get("/control/sight", self.watch), *posts]

    async def watch(self, request: web.Request) -> web.WebSocketResponse:
        """Stream everything that exists, and then each change."""
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        changes: asyncio.Queue[str] = asyncio.Queue()

        def tell(what: str, it: Any) -> None:
            changes.put_nowait(json.dumps([what, _seen(it)]))

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

    async def make_guild(self, name: str, bot_may: int, locale: str, has_bot: bool) -> Json:
        """Make a server, which the bot has joined or not."""
        guild = Guild(self.world.new_id(), name, bot_may, locale, has_bot=has_bot)
        self.world.guilds[guild.id] = guild
        self._tell_of_place("GUILD_CREATE", guild.id, payloads.guild(self.world, guild))
        return {"id": guild.id}

    async def make_channel(self, guild: int, name: str) -> Json:
        """Make a text channel in a server."""
        return self._make_channel("CHANNEL_CREATE", guild, name)

    async def make_thread(self, channel: int, name: str) -> Json:
        """Make a thread in a text channel."""
        guild = self.world.channels[channel].guild
        return self._make_channel("THREAD_CREATE", guild, name, Place.THREAD, channel)

    def _make_channel(
        self,
        event: str,
        guild: int,
        name: str,
        kind: Place = Place.TEXT,
        parent: int | None = None,
    ) -> Json:
        channel = Channel(self.world.new_id(), guild, name, kind, parent)
        self.world.channels[channel.id] = channel
        self.world.guilds[guild].channels.append(channel.id)
        self._tell_of_place(event, guild, payloads.channel(self.world, channel))
        return {"id": channel.id}

    def _tell_of_place(self, event: str, guild: int, told: Json) -> None:
        if self.world.guilds[guild].has_bot:
            self.gateway.dispatch(event, guild, told)

    async def make_private(self, people: list[int], with_bot: bool) -> Json:
        """Make a direct message of a person and the bot, of two people, or a group of more."""
        there = [*people, *([self.world.bot.id] if with_bot else [])]
        kind = Place.DM if len(there) == 2 else Place.GROUP
        channel = Channel(self.world.new_id(), 0, "", kind, people=there)
        self.world.channels[channel.id] = channel
        return {"id": channel.id}

    async def deny(self, channel: int, permissions: int) -> Json:
        """Deny permissions to everybody in a text channel, and no others."""
        where = self.world.channels[channel]
        where.denied = permissions
        self._tell_of_place("CHANNEL_UPDATE", where.guild, payloads.channel(self.world, where))
        return {}

    async def make_channels(self, guild: int, count: int, first: int | None = None) -> Json:
        """Make so many channels, with the ids from ``first`` on that the bot knows, or new ids.

        For a bot that is not connected yet: it hears of the channels with the guild.
        """
        new = [self.world.new_id() if first is None else first + n for n in range(count)]
        of = self.world.guilds[guild]
        for one in new:
            self.world.channels[one] = Channel(one, guild, f"stage-{len(of.channels)}")
            of.channels.append(one)
        return {"ids": new}

    async def make_person(self, guild: int | None, name: str, may: int, locale: str) -> Json:
        """Make a person, who may be a member of a server."""
        person = self.world.add_user(name, may, locale)
        if guild is not None:
            self.world.guilds[guild].members.append(person.id)
        return {"id": person.id}

    async def install(self, user: int) -> Json:
        """Install the bot for one person, who can then use it everywhere."""
        self.world.users[user].has_installed = True
        return {}

    async def make_webhook(self, user: int, channel: int, name: str) -> Json:
        """Make a webhook that belongs to a person, not to the bot."""
        return {"id": self.webhooks.make(self.world.channels[channel], name, user).id}

    async def delete_webhook(self, webhook: int) -> Json:
        """Delete a webhook as a moderator."""
        self.webhooks.remove(self.world.webhooks[webhook])
        return {}

    # What people do

    async def write(self, user: int, channel: int, content: str) -> Json:
        """Send a message to the bot, whatever its intents; the message is not kept."""
        guild, written = self.world.channels[channel].guild, self.world.new_id()
        who = self.world.users[user]
        told = payloads.written(self.world, who, written, channel, content)
        self.gateway.dispatch("MESSAGE_CREATE", guild, told | {"guild_id": str(guild)})
        return {"id": written}

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
        command = self._command(CHAT_INPUT if target is None else ON_MESSAGE, name)
        owners = self._owners(user, channel, command)
        if target is not None:
            data = self._on_message(user, command, target)
        else:
            data = self._slash(command, name, options, typed)
        kind = Kind.AUTOCOMPLETE if typed else Kind.COMMAND
        return self._act(kind, user, channel, data, times, late=late, owners=owners)

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
        found = self._visible(user, message)
        one, version = _bearing(found, custom_id)
        data: Json = {"custom_id": custom_id, "component_type": one["type"]}
        if one["type"] == rules.SELECT:
            known = [option["value"] for option in one["options"]]
            least, most = one.get("min_values", 1), one.get("max_values", 1)
            _possible(
                values is not None and least <= len(values) <= most, "choose as many as asked"
            )
            _possible(set(values or ()) <= set(known), f"the menu has {known}")
            data["values"] = values
        shown = payloads.message(self.world, found, version)
        return self._act(Kind.COMPONENT, user, found.channel, data, times, shown)

    async def submit(
        self, user: int, interaction: int, values: dict[str, str], times: int = 1
    ) -> Json:
        """Submit a modal that was shown, with texts by the labels of its inputs."""
        before = self.world.interactions[interaction]
        _possible(before.modal and before.user == user, "no modal is shown to this person")
        assert before.modal is not None  # checked
        inputs = dict(rules.inputs(before.modal))
        _possible(set(values) <= set(inputs), f"the modal has {sorted(inputs)}")
        rows: list[Json] = []
        frames = [row for row in before.modal["components"] if row["type"] == rules.FRAME]
        framed = {row["component"]["custom_id"] for row in frames}
        for number, (label, one) in enumerate(inputs.items(), 1):
            if one["type"] == rules.SELECT:
                rows.append(_choose_in_modal(one, values.get(label), number))
                continue
            text = values.get(label, one.get("value") or "")
            needed = one.get("min_length", 0) or int(one.get("required", True))
            fits = needed <= len(text) <= one.get("max_length", rules.INPUT)
            _possible(fits or not (text or one.get("required", True)), f"{label}: its length")
            filled = {"type": 4, "id": number, "custom_id": one["custom_id"], "value": text}
            rows.append(
                {"type": rules.FRAME, "id": number, "component": filled}
                if one["custom_id"] in framed
                else {"type": rules.ROW, "id": number, "components": [filled]}
            )
        data = {"custom_id": before.modal["custom_id"], "components": rows}
        shown = before.payload.get("message")
        return self._act(Kind.MODAL, user, before.channel, data, times, shown)

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

        The data may come from anybody's message, and the message may bear other components.
        """
        shown = None
        if message is not None:
            shown = payloads.message(self.world, self.world.messages[message])
            if components is not None:
                shown["components"] = components
        return self._act(Kind(kind), user, channel, data, 1, shown)

    async def add_file(self, name: str, content: str) -> Json:
        """Attach a file of base64 content, and return Discord's description of it."""
        return self.world.add_file(name, base64.b64decode(content))

    async def deliver_again(self, interaction: int) -> Json:
        """Deliver an interaction a second time."""
        self._deliver(self.world.interactions[interaction], 1)
        return {}

    async def tell_payload(self, interaction: int) -> Json:
        """Return an interaction's payload, for a test that answers in the bot's place."""
        return self.world.interactions[interaction].payload

    async def tell_commands(self) -> Json:
        """Return the commands as the bot has registered them."""
        return {"commands": list(self.world.commands.values())}

    async def delete(self, message: int) -> Json:
        """Delete a message as a moderator."""
        self.world.delete(self.world.messages[message])
        return {}

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
        interaction.travelled += self.gateway.dispatch(
            "INTERACTION_CREATE", guild, interaction.payload, times
        )

    def _owners(self, user: int, channel: int, command: Json) -> dict[Install, int]:
        """Return the installations by which a person may use a command in a channel."""
        where = self.world.channels[channel]
        context = self.world.context(where)
        contexts = command.get("contexts")
        _possible(contexts is None or context in contexts, f"no such command in a {context.name}")
        _possible(context is Context.GUILD or user in where.people, "this person is not there")
        found = self._owners_of(None, channel)
        if self.world.users[user].has_installed:
            found[Install.USER] = user
        allowed = command.get("integration_types") or [Install.GUILD]
        found = {by: one for by, one in found.items() if by in allowed}
        _possible(found, "the bot is not installed here")
        return found

    def _owners_of(self, source: int | None, channel: int) -> dict[Install, int]:
        """Return the installations behind a message, or else those of a place."""
        of = self.world.messages[source].interaction if source else None
        if of is not None:
            return self.world.interactions[of].owners
        where = self.world.channels[channel]
        there = self.world.bot.id in where.people
        if where.guild:
            there = self.world.guilds[where.guild].has_bot
        return {Install.GUILD: where.guild} if there else {}

    def _visible(self, user: int, message: int) -> Message:
        found = self.world.messages[message]
        seen = not found.deleted and found.only_for in (None, user)
        _possible(seen, "this person does not see that message")
        return found

    def _on_message(self, user: int, command: Json, target: int) -> Json:
        shown = payloads.message(self.world, self._visible(user, target))
        return {
            "id": command["id"],
            "name": command["name"],
            "type": ON_MESSAGE,
            "target_id": str(target),
            "resolved": {"messages": {str(target): shown}},
        }

    def _command(self, kind: int, name: str) -> Json:
        """Return the command of a name, of which a slash command's has more words."""
        known = sorted(one for of, one in self.world.commands if of == kind)
        first = name.split()[0] if kind == CHAT_INPUT else name
        _possible((kind, first) in self.world.commands, f"no command {first!r} among {known}")
        return self.world.commands[kind, first]

    def _slash(self, command: Json, name: str, given: Json, typed: str | None) -> Json:
        """Return the data of a slash command with all its words, such as ``script show``."""
        first, *rest = name.split()
        leaf = command
        for word in rest:
            [leaf] = [one for one in leaf["options"] if one["name"] == word] or [None]
            _possible(leaf and leaf["type"] in (rules.SUBCOMMAND, rules.GROUP), f"no {name!r}")
        resolved: Json = {}
        filled = list(self._filled(leaf.get("options") or [], given, typed, resolved))
        for word in reversed(rest):
            deepest = word == rest[-1]
            kind = rules.SUBCOMMAND if deepest else rules.GROUP
            filled = [{"name": word, "type": kind, "options": filled}]
        data = {"id": command["id"], "name": first, "type": CHAT_INPUT, "options": filled}
        return data | ({"resolved": resolved} if resolved else {})

    def _filled(
        self, options: Sequence[Json], given: Json, typed: str | None, resolved: Json
    ) -> Iterator[Json]:
        """Yield a command's options as a person filled them in, and resolve the ids among them."""
        known = {one["name"]: one for one in options}
        _possible(not any(one["type"] in (1, 2) for one in options), "name the subcommand too")
        _possible(set(given) <= set(known), f"the options are {sorted(known)}")
        missing = [
            one["name"] for one in options if one.get("required") and not given.get(one["name"])
        ]
        _possible(typed or not missing, f"{missing} must be filled in")
        for name, value in given.items():
            one = known[name]
            filled: Json = {"name": name, "type": one["type"], "value": value}
            if name == typed:
                _possible(one.get("autocomplete"), f"{name} suggests nothing")
                filled["focused"] = True
            else:
                _fits(one, value)
            if one["type"] in (USER, ATTACHMENT):
                filled["value"] = self._resolve(one["type"], value, resolved)
            yield filled

    def _resolve(self, kind: int, value: Any, resolved: Json) -> str:
        """Add the object of an option's id to ``resolved``, and return the value."""
        if kind == USER:
            user = self.world.users[value]
            resolved.setdefault("users", {})[str(value)] = payloads.user(self.world, user)
            member = payloads.member(self.world, user, user.may)
            resolved.setdefault("members", {})[str(value)] = member
            return str(value)
        file = self.world.add_file(value["name"], base64.b64decode(value["content"]))
        resolved.setdefault("attachments", {})[file["id"]] = file
        return str(file["id"])

    # Trouble

    async def let_time_pass(self, seconds: float) -> Json:
        """Put the clock forward."""
        self.world.ahead += seconds
        return {}

    async def set_conditions(self, least: float, most: float, limited: bool, seed: int) -> Json:
        """Set how far away the bot is, and whether it is limited; see `Conditions.be`."""
        self.world.conditions.be(least, most, limited, seed)
        return {}

    async def tell_counts(self) -> Json:
        """Return the counts of the bot's requests, and the server's process id."""
        return {"process": os.getpid(), "counts": dict(self.world.conditions.counts)}

    async def hold(self, method: str, path: str, most: int | None) -> Json:
        """Hold the bot's next requests whose path matches this pattern until `release`."""
        self.holds.append(Hold(method, re.compile(path), most))
        return {}

    async def release(self) -> Json:
        """Release all requests that are held, and those to come."""
        for hold in self.holds:
            hold.gate.set()
        self.holds.clear()
        return {}

    async def fail(self, kind: str, **how: Any) -> Json:
        """Make some of the bot's next requests fail; see `Fault`."""
        self.faults.append(Fault(FaultKind(kind), **how))
        return {}

    async def mend(self) -> Json:
        """Cancel all faults that have not happened yet."""
        self.faults.clear()
        return {}

    async def reconnect(self) -> Json:
        """Ask the bot to reconnect, as Discord does now and then."""
        await self.gateway.reconnect()
        return {}

    async def invalidate(self, resumable: bool) -> Json:
        """Tell the bot that its session is invalid: it can be resumed, or is gone."""
        await self.gateway.invalidate(resumable)
        return {}

    async def drop(self, politely: bool) -> Json:
        """Drop the bot's connection to the gateway, with a reason or without a word."""
        await self.gateway.drop(politely=politely)
        return {}

    @web.middleware
    async def holding(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Hold a request where a hold asks for it; one that its sender gives up never arrives."""
        for hold in self.holds:
            if hold.keeps(request):
                hold.held += 1
                self.world.tell("held", hold.held)
                await hold.gate.wait()
                if request.transport is None:
                    return web.Response(status=503)
        return await handler(request)

    @web.middleware
    async def failing(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Apply to a request the fault that is set for it."""
        for fault in self.faults:
            if fault.strikes(request):
                self.world.tell("fault", [fault.kind, request.method, request.path])
                return await fault.strike(request, handler)
        return await handler(request)


def _deed(deed: Any) -> Any:
    """Wrap a deed as a handler that reports what a person cannot do in a sentence."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await deed(**await request.json()))
        except NotPossible as error:
            return web.Response(status=400, text=str(error))

    return handle


def _possible(fine: object, why: str) -> None:
    if not fine:
        raise NotPossible(why)


def _fits(option: Json, value: Any) -> None:
    """Raise NotPossible for a value that Discord's client would not take."""
    name = option["name"]
    _possible(isinstance(value, TYPES[option["type"]]), f"{name}: not {value!r}")
    if choices := option.get("choices"):
        known = [one["value"] for one in choices]
        _possible(value in known, f"{name}: the choices are {known}")
    size: float | None = None
    if option["type"] == TEXT:
        size, least, most = len(value), option.get("min_length"), option.get("max_length", 6000)
    elif option["type"] in (INTEGER, NUMBER):
        size, least, most = value, option.get("min_value"), option.get("max_value")
    if size is not None:
        fits = (least is None or size >= least) and (most is None or size <= most)
        _possible(fits, f"{name}: {value!r} is not from {least} to {most}")


def _bearing(message: Message, custom_id: str) -> tuple[Json, Version]:
    """Return the button or menu with this id, and the last version of the message that had it."""
    for version in reversed(message.versions):
        for one in rules.bearing(version.components):
            if one.get("custom_id") == custom_id and not one.get("disabled"):
                return one, version
    raise NotPossible(f"the message has no {custom_id!r} that can be pressed")


def _seen(it: Any) -> Any:
    """Return an object as JSON for those who watch."""
    if isinstance(it, Interaction):
        return {name: value for name, value in vars(it).items() if name not in SECRET}
    return asdict(it) if isinstance(it, Message) else it


async def _stream(changes: asyncio.Queue[str], socket: web.WebSocketResponse) -> None:
    with suppress(ConnectionError):
        while True:
            await socket.send_str(await changes.get())


def _choose_in_modal(menu: Json, value: str | None, number: int) -> Json:
    """Return a list of a submitted modal with the value that was chosen, or with its defaults."""
    offered = menu["options"]
    _possible(value in (None, *(one["value"] for one in offered)), "the list has no such value")
    chosen = [one["value"] for one in offered if one.get("default")] if value is None else [value]
    filled = {"type": rules.SELECT, "custom_id": menu["custom_id"], "values": chosen}
    return {"type": rules.FRAME, "id": number, "component": filled}
