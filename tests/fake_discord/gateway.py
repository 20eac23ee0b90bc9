"""Gateway: the web sockets over which a bot hears what happens.

A session outlives its connections, as Discord documents: a bot that resumes its session within some
minutes is told everything that it missed, interactions too, in order, and then that the session is
resumed. A session is lost when Discord says so, when the bot does not resume it in time, and when
the connection breaks before the bot could hear of the session. A bot that hangs up with 1000 or
1001 ends its session.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from . import payloads
from .faults import GATEWAYS, reset
from .state import TOKEN, Json, World

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT = 0, 1, 2, 6, 7
INVALID_SESSION, HELLO, HEARTBEAT_ACK = 9, 10, 11
IGNORED = {3, 4, 8}
"""Opcodes of presence, voice and member requests, which no test looks at."""

UNKNOWN_ERROR, UNKNOWN_OPCODE, NOT_AUTHENTICATED, BAD_TOKEN = 4000, 4001, 4003, 4004
ALREADY_AUTHENTICATED, INVALID_SEQUENCE, INVALID_SHARD = 4005, 4007, 4010
SHARDS_REQUIRED = 4011

FAREWELLS = {1000, 1001}
"""Close codes with which a bot says that it does not come back."""

HEARTBEAT_EVERY = 41_250
"""Milliseconds between heartbeats."""

_, AGAIN = GATEWAYS

EVERYTHING = -1
"""The intents of a bot that names none, which Discord itself would refuse."""

GUILD_WEBHOOKS, GUILD_MESSAGES, DIRECT_MESSAGES = 1 << 5, 1 << 9, 1 << 12
"""Intents of a bot that hears of webhooks and of messages."""

KEPT = 180.0
"""Seconds for which a session can be resumed. "A few minutes", Discord says."""


@dataclass(eq=False)
class Session:
    """Everything that one shard of a bot was told, so that the shard can resume its session."""

    shard: int
    shards: int
    intents: int = EVERYTHING
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    events: list[str] = field(default_factory=list)
    """All events, as text frames; the number of an event is its place, from 1."""
    heard_at: list[float] = field(default_factory=list)
    """Earliest times at which the bot hears of each event; events keep their order."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    line: Line | None = None
    """The session's present connection."""
    is_known: bool = False
    """Whether the bot was told of the session, without which it cannot resume the session."""
    is_heard: bool = False
    """Whether the bot hears events at once."""
    left_at: float = 0.0
    """Time at which the session last had a connection."""

    def add(self, event: str, data: Json, at: float) -> float:
        """Add an event for the bot, and return the earliest time of its delivery."""
        number = len(self.events) + 1
        self.heard_at.append(max(at, self.heard_at[-1] if self.heard_at else at))
        self.events.append(json.dumps({"op": DISPATCH, "t": event, "s": number, "d": data}))
        self.news.set()
        return self.heard_at[-1]

    def hears_of(self, guild: int) -> bool:
        """Return whether a guild belongs to this shard."""
        return (guild >> 22) % self.shards == self.shard


@dataclass(eq=False)
class Line:
    """One connection of a bot."""

    socket: web.WebSocketResponse
    request: web.Request
    session: Session | None = None
    """The session whose events go over this connection."""
    writer: asyncio.Task[None] | None = None
    is_cut: bool = False
    """Whether Discord, not the bot, has ended the connection."""

    async def cut(self, code: int) -> None:
        """Close the connection with a reason."""
        self.is_cut = True
        await self.socket.close(code=code)

    def reset(self) -> None:
        """Close the connection without a word."""
        self.is_cut = True
        reset(self.request)

    async def send(self, op: int, data: object = None) -> None:
        """Send a frame that is no event."""
        # The bot may have gone in the meantime.
        with suppress(ConnectionError):
            await self.socket.send_str(json.dumps({"op": op, "d": data}))


class Gateway:
    """All sessions of all the bot's processes; a shard may have several."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.world.watchers.append(self._hear_of_message)
        self.sessions: list[Session] = []

    def _hear_of_message(self, what: str, it: Any) -> None:
        """Tell the bot of a message that everybody sees where the bot is."""
        if what != "message" or it.only_for:
            return
        where = self.world.channels[it.channel]
        intent = GUILD_MESSAGES if where.guild else DIRECT_MESSAGES
        wanted = any(session.intents & intent for session in self.sessions)
        if not wanted or not self.world.bot_sees(where):
            return
        guild = {"guild_id": str(where.guild)} if where.guild else {}
        told: Json = {"id": str(it.id), "channel_id": str(it.channel)}
        event = "MESSAGE_DELETE"
        if not it.deleted:
            event = "MESSAGE_CREATE" if len(it.versions) == 1 else "MESSAGE_UPDATE"
            told = payloads.message(self.world, it)
        self.dispatch(event, where.guild, told | guild, intent=intent)

    def dispatch(
        self, event: str, guild: int, data: Json, times: int = 1, intent: int = EVERYTHING
    ) -> float:
        """Dispatch an event in a guild to the bot ``times`` times, which may be 0.

        A bot without the event's intent does not hear of it.

        Returns how many seconds the delivery takes.
        """
        took = 0.0
        for session in self.sessions:
            if session.hears_of(guild) and session.intents & intent:
                self.world.conditions.counts[f"{event} to shard {session.shard}"] += times
                for _ in range(times):
                    took = self._tell_of(session, event, data)
        return took

    def _tell_of(self, session: Session, event: str, data: Json) -> float:
        """Send an event to a session; return how many seconds the delivery takes."""
        now = self.world.now()
        return session.add(event, data, now + self.world.conditions.latency()) - now

    async def drop(self, *, politely: bool = True) -> None:
        """Drop every connection, with a reason or without a word; a bot can resume."""
        for line in self._leave():
            if politely:
                await line.cut(UNKNOWN_ERROR)
            else:
                line.reset()

    async def reconnect(self) -> None:
        """Ask for new connections; a bot resumes."""
        for line in self._leave():
            await line.send(RECONNECT)

    async def invalidate(self, resumable: bool) -> None:
        """End every session; the bot never hears of events before its next one."""
        lines = self._leave()
        if not resumable:
            self._lose(*self.sessions)
        for line in lines:
            await line.send(INVALID_SESSION, resumable)

    def _leave(self) -> list[Line]:
        """Return the connections of all bots, after detaching their sessions from them."""
        lines = list[Line]()
        for session in list(self.sessions):
            if session.line:
                lines.append(session.line)
                self._part(session)
                if not session.is_known:
                    self._lose(session)
        return lines

    def _part(self, session: Session) -> None:
        session.line, session.is_heard, session.left_at = None, False, self.world.now()
        self._tell()

    def _lose(self, *sessions: Session) -> None:
        """End sessions by no fault of the bot's, so that its shards must begin new ones."""
        self.world.conditions.counts["lost sessions"] += len({one.shard for one in sessions})
        for one in sessions:
            self.sessions.remove(one)

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection until either side ends it."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        line = Line(socket, request)
        await line.send(HELLO, {"heartbeat_interval": HEARTBEAT_EVERY})
        try:
            async for frame in socket:
                if frame.type is not WSMsgType.TEXT:
                    break
                await self._hear(line, frame.json())
        finally:
            self._end(line)
        return socket

    async def _hear(self, line: Line, told: Json) -> None:
        """Handle a frame that a bot sent over a connection."""
        match told["op"]:
            case op if op == HEARTBEAT:
                await line.send(HEARTBEAT_ACK)
            case op if op in (IDENTIFY, RESUME):
                if line.session:
                    await line.cut(ALREADY_AUTHENTICATED)
                else:
                    await self._begin(line, op, told["d"])
            case op if op not in IGNORED:
                await line.cut(UNKNOWN_OPCODE if line.session else NOT_AUTHENTICATED)

    def _end(self, line: Line) -> None:
        """Forget a connection that has ended."""
        session = line.session
        if line.writer:
            line.writer.cancel()
        if session is None:
            return
        if session.line is line:
            self._part(session)
        if session in self.sessions and not line.is_cut and line.socket.close_code in FAREWELLS:
            self.sessions.remove(session)

    async def _begin(self, line: Line, op: int, asked: Json) -> None:
        """Begin or resume a session for a bot."""
        if asked["token"] != TOKEN:
            await line.cut(BAD_TOKEN)
            return
        if op == IDENTIFY:
            session, heard = await self._identify(line, *asked.get("shard", (0, 1))), 0
            if session:
                session.intents = asked.get("intents", EVERYTHING)
        else:
            session, heard = await self._resume(line, asked), asked["seq"]
        if session is None:
            return
        if session.line:
            await session.line.cut(UNKNOWN_ERROR)
        session.line, line.session = line, session
        line.writer = asyncio.create_task(self._write(line, session, heard))

    async def _identify(self, line: Line, shard: int, shards: int) -> Session | None:
        """Return a new session for a shard, or None where none can begin now."""
        if not 0 <= shard < shards:
            await line.cut(INVALID_SHARD)
            return None
        guilds = (one.id for one in self.world.guilds.values() if one.has_bot)
        on_it = [one for one in guilds if (one >> 22) % shards == shard]
        if len(on_it) > self.world.guilds_a_shard:
            await line.cut(SHARDS_REQUIRED)
            return None
        if not self._may_identify(shard):
            await self._refuse(line)
            return None
        return self._new(shard, shards)

    async def _resume(self, line: Line, asked: Json) -> Session | None:
        """Return the session that a bot resumes, or None if it is lost."""
        [session] = [one for one in self.sessions if one.id == asked["session_id"]] or [None]
        if session and not session.line and self.world.now() > session.left_at + KEPT:
            self._lose(session)
            session = None
        if session is None:
            await self._refuse(line)
            return None
        if not isinstance(asked["seq"], int) or not 0 < asked["seq"] <= len(session.events):
            self.sessions.remove(session)
            await line.cut(INVALID_SEQUENCE)
            return None
        counts = self.world.conditions.counts
        counts["resumes"] += 1
        if line.request.path != AGAIN:
            counts["resumes elsewhere"] += 1
        self._tell_of(session, "RESUMED", {})
        return session

    async def _refuse(self, line: Line) -> None:
        self.world.conditions.counts["refused sessions"] += 1
        await line.send(INVALID_SESSION, False)

    async def _write(self, line: Line, session: Session, sent: int) -> None:
        """Send events in order, from the first that the bot has not heard."""
        missed = len(session.events)
        with suppress(ConnectionError):
            while True:
                session.news.clear()
                while sent < len(session.events):
                    if (early := session.heard_at[sent] - self.world.now()) > 0:
                        await asyncio.sleep(early)
                    await line.socket.send_str(session.events[sent])
                    sent += 1
                    session.is_known = True
                    if sent == missed and session.line is line:
                        session.is_heard = True
                        self._tell()
                await session.news.wait()

    def _may_identify(self, shard: int) -> bool:
        """Return whether a shard may begin a session now, and note a refusal."""
        if self.world.conditions.may_identify(shard, self.world.now()):
            return True
        self.world.refuse(f"IDENTIFY of shard {shard} comes too early")
        return False

    def _new(self, shard: int, shards: int) -> Session:
        """Return a new session, which begins with everything that the bot must know."""
        session = Session(shard, shards)
        self.sessions.append(session)
        known = (one for one in self.world.guilds.values() if one.has_bot)
        guilds = [one for one in known if session.hears_of(one.id)]
        ready = {
            "v": 10,
            "user": payloads.user(self.world, self.world.bot),
            "session_id": session.id,
            "resume_gateway_url": self.world.address.replace("http", "ws", 1) + AGAIN,
            "shard": [shard, shards],
            "application": {"id": str(self.world.bot.id), "flags": 0},
            "guilds": [{"id": str(one.id), "unavailable": True} for one in guilds],
        }
        self._tell_of(session, "READY", ready)
        for one in guilds:
            self._tell_of(session, "GUILD_CREATE", payloads.guild(self.world, one))
        return session

    def ready(self) -> bool:
        """Return whether every shard of the bot hears events at once."""
        found = [one for one in self.sessions if one.is_heard]
        return bool(found) and len({one.shard for one in found}) == found[-1].shards

    def _tell(self) -> None:
        self.world.tell("bot", self.ready())
