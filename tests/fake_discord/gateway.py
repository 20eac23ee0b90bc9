"""Send events to a bot over WebSockets, as Discord's gateway does.

As Discord documents, a session outlives its connections: a bot that resumes within some minutes
receives all events that it missed, in order, and then RESUMED. A session is lost when Discord
invalidates it, when the bot does not resume in time, and when the connection breaks before READY.
A bot that closes with 1000 or 1001 ends its session.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import discord
from aiohttp import WSMsgType, web
from simcord.intents import required_intent

from . import payloads
from .faults import GATEWAYS, reset
from .state import Guild, Json, Message, World

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT = 0, 1, 2, 6, 7
INVALID_SESSION, HELLO, HEARTBEAT_ACK = 9, 10, 11

UNKNOWN_ERROR, SHARDS_REQUIRED, DISALLOWED_INTENTS = 4000, 4011, 4014

ENDING = {1000, 1001}
"""Close codes with which a bot ends its session."""

HEARTBEAT_EVERY = 41_250
"""Milliseconds between heartbeats."""

_, RESUME_PATH = GATEWAYS

ALL_INTENTS = -1
"""The intents of a bot that names none, which Discord itself would refuse."""

MESSAGE_CONTENT = 1 << 15
"""The privileged intent for the content of messages that do not concern the bot."""

KEPT = 180.0
"""Seconds for which a session can be resumed. Discord promises "a few minutes"."""


@dataclass(eq=False)
class Session:
    """A session of one shard, with all its events, so that the shard can resume."""

    shard: int
    shards: int
    intents: int = ALL_INTENTS
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    events: list[str] = field(default_factory=list)
    """All events, as text frames; an event's sequence number is its place, from 1."""
    due: list[float] = field(default_factory=list)
    """The earliest time of delivery of each event; the events keep their order."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    connection: Connection | None = None
    is_known: bool = False
    """True if the bot has received READY, without which it cannot resume the session."""
    is_heard: bool = False
    """True if the bot is connected and has received all events that it missed."""
    left_at: float = 0.0
    """The time at which the session last had a connection."""

    def add(self, event: str, data: Json, at: float) -> None:
        """Add an event for the bot, with the earliest time of its delivery."""
        number = len(self.events) + 1
        self.due.append(max(at, self.due[-1] if self.due else at))
        self.events.append(json.dumps({"op": DISPATCH, "t": event, "s": number, "d": data}))
        self.news.set()

    def has(self, guild: int) -> bool:
        """Return whether a guild belongs to this shard."""
        return (guild >> 22) % self.shards == self.shard


@dataclass(eq=False)
class Connection:
    """One connection of a bot."""

    socket: web.WebSocketResponse
    request: web.Request
    session: Session | None = None
    """The session whose events go over this connection."""
    writer: asyncio.Task[None] | None = None
    is_cut: bool = False
    """True if Discord, not the bot, has ended the connection."""

    async def close(self, code: int) -> None:
        self.is_cut = True
        await self.socket.close(code=code)

    def reset(self) -> None:
        """Break the connection without a closing handshake."""
        self.is_cut = True
        reset(self.request)

    async def send(self, op: int, data: object = None) -> None:
        """Send a frame that is not an event."""
        # The bot may have gone in the meantime.
        with suppress(ConnectionError):
            await self.socket.send_str(json.dumps({"op": op, "d": data}))


class Gateway:
    """The sessions of all processes of the bot; a shard may have several."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.world.watchers.append(self._hear_of_message)
        self.sessions: list[Session] = []

    def _hear_of_message(self, what: str, it: Any) -> None:
        """Tell the bot of a public message in a place that it is a member of."""
        if what == "message" and not it.only_for:
            self.tell_of_message(it)

    def tell_of_message(self, it: Message) -> None:
        """Tell the bot that a message is new, was edited or was deleted."""
        where = self.world.channels[it.channel]
        if not self.world.bot_sees(where):
            return
        told: Json = {"id": str(it.id), "channel_id": str(it.channel)}
        event = "MESSAGE_DELETE"
        if not it.deleted:
            event = "MESSAGE_CREATE" if len(it.versions) == 1 else "MESSAGE_UPDATE"
            told = payloads.message(self.world, it)
        guild = {"guild_id": str(where.guild)} if where.guild else {}
        self.dispatch(event, where.guild, told | guild)

    def dispatch(self, event: str, guild: int, data: Json, times: int = 1) -> None:
        """Dispatch an event in a guild ``times`` times, which may be 0, to bots with its intent.

        A session without the intent for content gets the content of few messages.
        """
        name = required_intent(event, data)
        intent = discord.Intents.VALID_FLAGS[name] if name else ALL_INTENTS
        is_message = event in ("MESSAGE_CREATE", "MESSAGE_UPDATE")
        withheld = payloads.without_content(self.world, data) if is_message else data
        for session in self.sessions:
            if session.has(guild) and session.intents & intent:
                for _ in range(times):
                    may_read = session.intents & MESSAGE_CONTENT
                    self._tell_of(session, event, data if may_read else withheld)

    def _tell_of(self, session: Session, event: str, data: Json) -> None:
        """Send an event to a session, after a latency."""
        session.add(event, data, self.world.now() + self.world.conditions.latency())

    async def drop(self, *, politely: bool = True) -> None:
        """Drop every connection, with or without a close code; a bot can resume."""
        for connection in self._detach_all():
            if politely:
                await connection.close(UNKNOWN_ERROR)
            else:
                connection.reset()

    async def reconnect(self) -> None:
        """Ask for new connections; a bot resumes."""
        for connection in self._detach_all():
            await connection.send(RECONNECT)

    async def invalidate(self, resumable: bool) -> None:
        """Tell every bot that its session is invalid; end the session unless it is resumable."""
        connections = self._detach_all()
        if not resumable:
            self._lose(*self.sessions)
        for connection in connections:
            await connection.send(INVALID_SESSION, resumable)

    def _detach_all(self) -> list[Connection]:
        """Detach all sessions from their connections, and return these."""
        connections = list[Connection]()
        for session in list(self.sessions):
            if session.connection:
                connections.append(session.connection)
                self._detach(session)
                if not session.is_known:
                    self._lose(session)
        return connections

    def _detach(self, session: Session) -> None:
        session.connection, session.is_heard, session.left_at = None, False, self.world.now()
        self._tell()

    def _lose(self, *sessions: Session) -> None:
        """End sessions on Discord's side, so that their shards must begin new ones."""
        self.world.conditions.counts["lost sessions"] += len({lost.shard for lost in sessions})
        for lost in sessions:
            self.sessions.remove(lost)

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection until either side ends it."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket, request)
        await connection.send(HELLO, {"heartbeat_interval": HEARTBEAT_EVERY})
        try:
            async for frame in socket:
                if frame.type is not WSMsgType.TEXT:
                    break
                await self._hear(connection, frame.json())
        finally:
            self._end(connection)
        return socket

    async def _hear(self, connection: Connection, told: Json) -> None:
        """Handle a frame that a bot sent over a connection."""
        if told["op"] == HEARTBEAT:
            await connection.send(HEARTBEAT_ACK)
        elif told["op"] in (IDENTIFY, RESUME):
            await self._begin(connection, told["op"], told["d"])

    def _end(self, connection: Connection) -> None:
        """Forget a connection that has ended, and its session if the bot has ended that."""
        session = connection.session
        if connection.writer:
            connection.writer.cancel()
        if session is None:
            return
        if session.connection is connection:
            self._detach(session)
        by_bot = not connection.is_cut and connection.socket.close_code in ENDING
        if by_bot and session in self.sessions:
            self.sessions.remove(session)

    async def _begin(self, connection: Connection, op: int, asked: Json) -> None:
        if op == IDENTIFY:
            if asked.get("intents", 0) & MESSAGE_CONTENT and not self.world.may_read_content:
                await connection.close(DISALLOWED_INTENTS)
                return
            session, heard = await self._identify(connection, *asked.get("shard", (0, 1))), 0
            if session:
                session.intents = asked.get("intents", ALL_INTENTS)
        else:
            session, heard = await self._resume(connection, asked), asked["seq"]
        if session is None:
            return
        if session.connection:
            await session.connection.close(UNKNOWN_ERROR)
        session.connection, connection.session = connection, session
        connection.writer = asyncio.create_task(self._write(connection, session, heard))

    async def _identify(self, connection: Connection, shard: int, shards: int) -> Session | None:
        """Return a new session for a shard, or None if it cannot begin now."""
        session = Session(shard, shards)
        guilds = [
            guild for guild in self.world.guilds.values() if guild.has_bot and session.has(guild.id)
        ]
        if len(guilds) > self.world.guilds_a_shard:
            await connection.close(SHARDS_REQUIRED)
            return None
        if not self.world.conditions.may_identify(shard, self.world.now()):
            self.world.tell("refusal", f"IDENTIFY of shard {shard} comes too early")
            await connection.send(INVALID_SESSION, False)
            return None
        self.sessions.append(session)
        self._greet(session, guilds)
        return session

    async def _resume(self, connection: Connection, asked: Json) -> Session | None:
        """Return the session that a bot resumes, or None if it is lost."""
        [session] = [known for known in self.sessions if known.id == asked["session_id"]] or [None]
        if session and not session.connection and self.world.now() > session.left_at + KEPT:
            self._lose(session)
            session = None
        if session is None:
            await connection.send(INVALID_SESSION, False)
            return None
        counts = self.world.conditions.counts
        counts["resumes"] += 1
        if connection.request.path != RESUME_PATH:
            counts["resumes elsewhere"] += 1
        self._tell_of(session, "RESUMED", {})
        return session

    async def _write(self, connection: Connection, session: Session, sent: int) -> None:
        """Send events in order, from the first that the bot has not received."""
        missed = len(session.events)
        with suppress(ConnectionError):
            while True:
                session.news.clear()
                while sent < len(session.events):
                    if (early := session.due[sent] - self.world.now()) > 0:
                        await asyncio.sleep(early)
                    await connection.socket.send_str(session.events[sent])
                    sent += 1
                    session.is_known = True
                    if sent == missed and session.connection is connection:
                        session.is_heard = True
                        self._tell()
                await session.news.wait()

    def _greet(self, session: Session, guilds: list[Guild]) -> None:
        """Send READY to a new session, and its guilds."""
        ready = {
            "user": payloads.user(self.world, self.world.bot),
            "session_id": session.id,
            "resume_gateway_url": self.world.address.replace("http", "ws", 1) + RESUME_PATH,
            "shard": [session.shard, session.shards],
            "application": {"id": str(self.world.bot.id), "flags": 0},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
        }
        self._tell_of(session, "READY", ready)
        for guild in guilds:
            self._tell_of(session, "GUILD_CREATE", payloads.guild(self.world, guild))

    def ready(self) -> bool:
        """Return whether every shard of the bot receives events."""
        found = [session for session in self.sessions if session.is_heard]
        return bool(found) and len({session.shard for session in found}) == found[-1].shards

    def _tell(self) -> None:
        self.world.tell("bot", self.ready())
