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
"""Statuses of a server that is not well."""

AT_ONCE = struct.pack("ii", 1, 0)
"""Option of a socket that sends a reset when closed, so that the other side sees an error."""

GATEWAYS = "/", "/session/"
"""Paths at which a bot begins a session, and at which Discord tells it to resume one."""

GOING = 1001
"""Close code of a server that is about to end."""

BETWEEN_LOOKS = 0.05
"""Seconds between two checks whether the client still waits."""


class Kind(StrEnum):
    """The outcome of a request that gets no proper answer."""

    SILENCE = "silence"
    """No answer comes until the bot stops waiting."""
    RESET = "reset"
    """The connection breaks."""
    STATUS = "status"
    """Another answer comes, whose status is one of `STATUSES` or `TOO_MANY`."""
    HANG_UP = "hang up"
    """The gateway accepts the connection and closes it without a word."""
    KILL = "kill"
    """The bot's process is killed at this moment."""


@dataclass
class Fault:
    """A fault that befalls some of the bot's requests."""

    kind: Kind
    method: str
    path: str
    """A regular expression."""
    most: int
    """The number of requests that the fault befalls."""
    heard: bool = False
    """Whether the request is carried out before the fault."""
    status: int = 503
    retry_after: float = 0.0
    """Seconds to wait, for `TOO_MANY`."""
    process: int = 0
    """The process to kill."""
    after: int = 0
    """The number of requests that pass before the fault."""
    met: int = 0

    def strikes(self, request: web.Request) -> bool:
        """Count this request, and return whether the fault befalls it."""
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
        """Make the fault happen."""
        if self.heard:
            await handler(request)
        match self.kind:
            case Kind.SILENCE:
                # Poll, because aiohttp does not notify a handler when the other side has gone.
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
    """Break the connection of a request."""
    if request.transport:
        request.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, AT_ONCE)
        request.transport.abort()
