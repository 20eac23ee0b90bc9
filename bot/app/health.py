"""Status: the pages on which a running bot says how it is, and how late its event loop is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from ..settings import SettingsError
from ..telemetry import Meter
from .metrics import CONTENT_TYPE, Metrics

BETWEEN_LOOKS = 0.25
"""Seconds between two looks at how late the event loop is: whatever takes longer is seen."""

TO_END = 1.0
"""Seconds for which pages that are being read are waited for at the end."""

Missing = Callable[[], Awaitable[str]]
"""Says in one line what a bot lacks to serve people; nothing where it lacks nothing."""


@asynccontextmanager
async def served(host: str, port: int, metrics: Metrics, missing: Missing) -> AsyncIterator[None]:
    """Serves the pages as long as this is entered.

    It is done in the bot's own event loop: where that hangs, there is no answer. Raises
    SettingsError where the port cannot be had.
    """
    # Nobody reads who asked for them.
    runner = web.AppRunner(_pages(metrics, missing), access_log=None, shutdown_timeout=TO_END)
    await runner.setup()
    looking = asyncio.create_task(_look(metrics))
    try:
        await _open(web.TCPSite(runner, host, port))
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await runner.cleanup()


async def _open(site: web.TCPSite) -> None:
    try:
        await site.start()
    except OSError as error:
        raise SettingsError(
            f"{site.name} cannot be served ({error.strerror}): set ONBOOK_METRICS_PORT to a free "
            f"port and ONBOOK_METRICS_HOST to an address of this machine, or leave them out."
        ) from error


def _pages(metrics: Metrics, missing: Missing) -> web.Application:
    async def numbers(_request: web.Request) -> web.Response:
        # Not here, where everybody would wait for it.
        page = await asyncio.to_thread(metrics.page)
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE})

    async def alive(_request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_request: web.Request) -> web.Response:
        lack = await missing()
        return web.Response(status=503 if lack else 200, text=f"{lack or 'ready'}\n")

    pages = web.Application()
    pages.router.add_get("/metrics", numbers)
    pages.router.add_get("/healthz", alive)
    pages.router.add_get("/readyz", ready)
    return pages


async def _look(meter: Meter) -> None:
    """Sleeps again and again, and tells how much too long that was."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + BETWEEN_LOOKS
        await asyncio.sleep(BETWEEN_LOOKS)
        meter.late(max(0.0, clock() - due))
