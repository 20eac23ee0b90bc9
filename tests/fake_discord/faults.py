"""Make requests of the bot fail, as when the network or Discord fails."""

import asyncio
import os
import re
import signal
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from aiohttp import web

from .rest import BASE, TOO_MANY, too_many

STATUSES = (500, 502, 503, 504)
"""Statuses of a server that fails."""

LINGER = struct.pack("ii", 1, 0)
"""The value of SO_LINGER with which a closed socket sends a reset."""

GATEWAYS = "/", "/session/"
"""The paths at which a bot begins a session, and at which it resumes one."""

GOING = 1001
"""The close code of a server that is about to stop."""

POLLING = 0.05
"""Seconds between two checks of whether the client still waits."""


class Kind(StrEnum):
    """The outcome of a request that gets no proper answer, or a late one."""

    SILENCE = "silence"
    """No answer comes until the bot stops waiting."""
    RESET = "reset"
    """The connection breaks."""
    STATUS = "status"
    """The answer has one of `STATUSES`, or `TOO_MANY`."""
    HANG_UP = "hang up"
    """The gateway accepts the connection, and closes it before its first event."""
    KILL = "kill"
    """The bot's process is killed at this moment."""
    HOLD = "hold"
    """The request is carried out once the fault is mended, if its sender still waits then."""
    LATE = "late"
    """The request is carried out once the fault is mended, even if its sender waits no longer, or
    after a number of seconds."""


HELD = {Kind.HOLD, Kind.LATE}
"""The kinds that end when the fault is mended."""


@dataclass
class Fault:
    """A fault of some of the bot's requests."""

    kind: Kind
    method: str
    path: str
    """A regular expression."""
    most: int | None
    """The number of requests that fail; None for all."""
    heard: bool = False
    """True if the request is carried out before the fault."""
    status: int = 503
    retry_after: float = 0.0
    """Seconds to wait, for `TOO_MANY`."""
    seconds: float | None = None
    """Seconds after which a held request is carried out; None until the fault is mended."""
    process: int = 0
    """The process to kill."""
    after: int = 0
    """The number of requests that pass before the fault."""
    met: int = 0
    """The number of requests that have failed."""
    mended: asyncio.Event = field(default_factory=asyncio.Event)

    def strikes(self, request: web.Request) -> bool:
        """Count this request, and return whether it fails."""
        is_known = request.path.startswith(BASE) or request.path in GATEWAYS
        matches = request.method == self.method and re.search(self.path, request.path)
        if not (is_known and matches) or (self.most is not None and self.met >= self.most):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.met += 1
        return True

    async def strike(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.heard:
            await handler(request)
        match self.kind:
            case Kind.SILENCE:
                # Poll, because aiohttp does not notify a handler when the other side has gone.
                while request.transport and not request.transport.is_closing():  # noqa: ASYNC110
                    await asyncio.sleep(POLLING)
            case Kind.RESET:
                reset(request)
            case Kind.STATUS:
                failed = web.Response(status=self.status, text="upstream connect error")
                return too_many(self.retry_after) if self.status == TOO_MANY else failed
            case Kind.HANG_UP:
                socket = web.WebSocketResponse()
                await socket.prepare(request)
                await socket.close(code=GOING)
                return socket
            case Kind.KILL:
                os.kill(self.process, signal.SIGKILL)
            case kind if kind in HELD:
                await request.read()  # while its sender is there
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.seconds):
                        await self.mended.wait()
                if request.transport or kind is Kind.LATE:
                    return await handler(request)
        return web.Response(status=503)


def reset(request: web.Request) -> None:
    """Break the connection of a request."""
    if request.transport:
        request.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, LINGER)
        request.transport.abort()
