"""Faults: what becomes of a request when the network, or Discord, is not well."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import struct
from dataclasses import dataclass
from enum import StrEnum
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from aiohttp import web

from .rest import BASE, TOO_MANY, too_many

STATUSES = (500, 502, 503, 504)
"""What a server says that is not well."""

AT_ONCE = struct.pack("ii", 1, 0)
"""A socket that is closed like this sends a reset, so that the other side sees an error."""

GATEWAYS = "/", "/session/"
"""Where a bot begins a session, and where it is told to resume it."""

GOING = 1001
"""What a server says that is about to end."""

BETWEEN_LOOKS = 0.05
"""Seconds between two looks at whether somebody still waits."""


class Kind(StrEnum):
    """What happens instead of an answer."""

    SILENCE = "silence"
    """None comes, until the bot waits no longer."""
    RESET = "reset"
    """The connection breaks."""
    STATUS = "status"
    """Another one comes: a number of `STATUSES`, or `TOO_MANY`."""
    HANG_UP = "hang up"
    """The gateway is reached, and ends the connection before it has said anything."""
    KILL = "kill"
    """The bot's process is killed in this moment."""


@dataclass
class Fault:
    """What happens to some of the bot's requests."""

    kind: Kind
    method: str
    path: str
    """A regular expression."""
    most: int
    """How many of them meet with it."""
    heard: bool = False
    """Whether they have done by then what they ask for."""
    status: int = 503
    retry_after: float = 0.0
    """Seconds, for `TOO_MANY`."""
    process: int = 0
    """What is killed."""
    after: int = 0
    """How many requests there are before."""
    met: int = 0

    def strikes(self, request: web.Request) -> bool:
        """Whether it happens to this request, which is counted."""
        asked = request.path.startswith(BASE) or request.path in GATEWAYS
        ours = asked and request.method == self.method
        if self.met >= self.most or not ours or not re.search(self.path, request.path):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.met += 1
        return True

    async def strike(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Lets it happen."""
        if self.heard:
            await handler(request)
        match self.kind:
            case Kind.SILENCE:
                # Nothing tells that the other side has gone.
                while request.transport and not request.transport.is_closing():  # noqa: ASYNC110
                    await asyncio.sleep(BETWEEN_LOOKS)
            case Kind.RESET:
                reset(request)
            case Kind.STATUS:
                return self._answer()
            case Kind.HANG_UP:
                socket = web.WebSocketResponse()
                await socket.prepare(request)
                await socket.close(code=GOING)
                return socket
            case Kind.KILL:
                os.kill(self.process, signal.SIGKILL)
        return web.Response(status=503)

    def _answer(self) -> web.Response:
        if self.status != TOO_MANY:
            return web.Response(status=self.status, text="upstream connect error")
        return too_many(self.retry_after)


def reset(request: web.Request) -> None:
    """Breaks the connection on which a request came."""
    if request.transport:
        request.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, AT_ONCE)
        request.transport.abort()
