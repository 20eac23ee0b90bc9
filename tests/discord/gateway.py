"""Gateway: the web sockets over which a bot hears what happens."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from . import payloads
from .state import TOKEN, Json, World

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT = 0, 1, 2, 6, 7
INVALID_SESSION, HELLO, HEARTBEAT_ACK = 9, 10, 11
IGNORED = {3, 4, 8}
"""Presence, voice and requests for members: nobody here looks at them."""

UNKNOWN_OPCODE, NOT_AUTHENTICATED, BAD_TOKEN = 4001, 4003, 4004

HEARTBEAT_EVERY = 41_250
"""Milliseconds."""


@dataclass
class Session:
    """What one shard of a bot has been told, so that it can resume after a lost connection."""

    shard: int
    shards: int
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    events: list[str] = field(default_factory=list)
    """All events, as text frames; the number of an event is its place, from 1."""
    heard_at: list[float] = field(default_factory=list)
    """When the bot hears of each at the soonest: none of one before those that came before it."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    socket: web.WebSocketResponse | None = None

    def add(self, event: str, data: Json, at: float) -> float:
        """Tells the bot something at a time, or when it is back; the time at which it may be."""
        number = len(self.events) + 1
        self.heard_at.append(max(at, self.heard_at[-1] if self.heard_at else at))
        self.events.append(json.dumps({"op": DISPATCH, "t": event, "s": number, "d": data}))
        self.news.set()
        return self.heard_at[-1]

    def hears_of(self, guild: int) -> bool:
        """Whether a guild belongs to this shard."""
        return (guild >> 22) % self.shards == self.shard


class Gateway:
    """All sessions of the bot, of whatever process; a shard may have several."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sessions: list[Session] = []

    def dispatch(self, event: str, guild: int, data: Json, times: int = 1) -> float:
        """Tells the bot of something in a guild; ``times`` may be 0, or more than 1.

        Returns how many seconds that takes.
        """
        took = 0.0
        for session in self.sessions:
            if session.hears_of(guild):
                self.world.conditions.counts[f"{event} to shard {session.shard}"] += times
                for _ in range(times):
                    took = self._tell_of(session, event, data)
        return took

    def _tell_of(self, session: Session, event: str, data: Json) -> float:
        """Tells the bot of something; how many seconds that takes."""
        now = self.world.now()
        return session.add(event, data, now + self.world.conditions.latency()) - now

    async def drop(self) -> None:
        """Loses every connection; a bot can resume."""
        for _, socket in self._connected():
            await socket.close(code=4000)

    async def reconnect(self) -> None:
        """Asks for new connections; a bot resumes."""
        for _, socket in self._connected():
            await _send(socket, RECONNECT)

    async def invalidate(self, resumable: bool) -> None:
        """Ends every session; what happens before a bot has a new one, it never hears of."""
        connected = list(self._connected())
        if not resumable:
            self.world.conditions.counts["lost sessions"] += len(
                {one.shard for one in self.sessions}
            )
            self.sessions.clear()
        for _, socket in connected:
            await _send(socket, INVALID_SESSION, resumable)

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, until either side ends it."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await _send(socket, HELLO, {"heartbeat_interval": HEARTBEAT_EVERY})
        session: Session | None = None
        writer: asyncio.Task[None] | None = None
        try:
            async for frame in socket:
                if frame.type is not WSMsgType.TEXT:
                    break
                told = frame.json()
                match told["op"]:
                    case op if op == HEARTBEAT:
                        await _send(socket, HEARTBEAT_ACK)
                    case op if op in (IDENTIFY, RESUME) and writer is None:
                        session, heard = await self._begin(socket, op, told["d"])
                        if session:
                            write = _write(socket, session, heard, self.world.now)
                            writer = asyncio.create_task(write)
                    case op if op not in IGNORED:
                        await socket.close(code=UNKNOWN_OPCODE if session else NOT_AUTHENTICATED)
        finally:
            if writer:
                writer.cancel()
            if session and session.socket is socket:
                session.socket = None
                self._tell()
        return socket

    async def _begin(
        self, socket: web.WebSocketResponse, op: int, asked: Json
    ) -> tuple[Session | None, int]:
        """The session of a connection, and how much of it the bot has heard."""
        if asked["token"] != TOKEN:
            await socket.close(code=BAD_TOKEN)
            return None, 0
        heard = 0
        counts = self.world.conditions.counts
        if op == IDENTIFY:
            shard, shards = asked.get("shard", (0, 1))
            session = self._identify(shard, shards) if self._may_identify(shard) else None
        else:
            [session] = [one for one in self.sessions if one.id == asked["session_id"]] or [None]
        if session is None:
            counts["refused sessions"] += 1
            await _send(socket, INVALID_SESSION, False)
            return None, 0
        if op == RESUME:
            counts["resumes"] += 1
            self._tell_of(session, "RESUMED", {})
            heard = asked["seq"]
        session.socket = socket
        self._tell()
        return session, heard

    def _may_identify(self, shard: int) -> bool:
        """Whether a shard may begin a session now; it is noted where it may not."""
        if self.world.conditions.may_identify(shard, self.world.now()):
            return True
        self.world.refuse(f"IDENTIFY of shard {shard} comes too early")
        return False

    def _identify(self, shard: int, shards: int) -> Session:
        """A new session, which begins with all that the bot must know."""
        session = Session(shard, shards)
        self.sessions.append(session)
        guilds = [one for one in self.world.guilds.values() if session.hears_of(one.id)]
        ready = {
            "v": 10,
            "user": payloads.user(self.world, self.world.bot),
            "session_id": session.id,
            "resume_gateway_url": self.world.address.replace("http", "ws", 1) + "/",
            "shard": [shard, shards],
            "application": {"id": str(self.world.bot.id), "flags": 0},
            "guilds": [{"id": str(one.id), "unavailable": True} for one in guilds],
        }
        self._tell_of(session, "READY", ready)
        for one in guilds:
            self._tell_of(session, "GUILD_CREATE", payloads.guild(self.world, one))
        return session

    def ready(self) -> bool:
        """Whether every shard of the bot is connected."""
        found = [one for one, _ in self._connected()]
        return bool(found) and len({one.shard for one in found}) == found[-1].shards

    def _connected(self) -> Iterator[tuple[Session, web.WebSocketResponse]]:
        for one in list(self.sessions):
            if one.socket:
                yield one, one.socket

    def _tell(self) -> None:
        self.world.tell("bot", self.ready())


async def _send(socket: web.WebSocketResponse, op: int, data: object = None) -> None:
    # The bot may have gone in the meantime.
    with suppress(ConnectionError):
        await socket.send_str(json.dumps({"op": op, "d": data}))


async def _write(
    socket: web.WebSocketResponse, session: Session, sent: int, clock: Callable[[], float]
) -> None:
    """Sends what happens, in order, from the first event that the bot has not heard."""
    with suppress(ConnectionError):
        while True:
            session.news.clear()
            while sent < len(session.events):
                if (early := session.heard_at[sent] - clock()) > 0:
                    await asyncio.sleep(early)
                await socket.send_str(session.events[sent])
                sent += 1
            await session.news.wait()
