"""Serve metrics and health by HTTP, and measure the delay of the event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from ..errors import SettingsError
from ..telemetry import LOOP_DELAY_SECONDS, Meter
from .metrics import Metrics

DELAY_INTERVAL = 0.25
"""Seconds between two measurements of the event loop's delay; all longer delays are seen."""

ReadinessCheck = Callable[[], Awaitable[str]]
"""Returns why a bot is not ready, in one line, or ""."""


@asynccontextmanager
async def serve_pages(
    host: str, port: int, metrics: Metrics, check_readiness: ReadinessCheck
) -> AsyncIterator[None]:
    """Serve the pages until the context exits.

    The pages are served in the bot's event loop, so that a loop that hangs does not answer. Raises
    SettingsError if the port is taken.
    """
    # No access log, because nobody would read it.
    runner = web.AppRunner(
        _make_application(metrics, check_readiness), access_log=None, shutdown_timeout=1.0
    )
    await runner.setup()
    measuring = asyncio.create_task(_measure_delay(metrics))
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            # The event loop adds the address to the reason, but a failed look-up has no other text.
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else error.strerror
            raise SettingsError(
                f"{site.name} cannot be served ({reason}). Stop the program on this port, perhaps "
                "another On Book, or set ONBOOK_METRICS_PORT to a free port and "
                "ONBOOK_METRICS_HOST to an address of this machine."
            ) from error
        yield
    finally:
        measuring.cancel()
        with suppress(asyncio.CancelledError):
            await measuring
        await runner.cleanup()


def _make_application(metrics: Metrics, check_readiness: ReadinessCheck) -> web.Application:
    async def numbers(_request: web.Request) -> web.Response:
        # In a thread, because the event loop would answer nobody meanwhile.
        page = await asyncio.to_thread(metrics.render)
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def alive(_request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_request: web.Request) -> web.Response:
        reason = await check_readiness()
        return web.Response(status=503 if reason else 200, text=f"{reason or 'ready'}\n")

    pages = web.Application()
    pages.router.add_get("/metrics", numbers)
    pages.router.add_get("/healthz", alive)
    pages.router.add_get("/readyz", ready)
    return pages


async def _measure_delay(meter: Meter) -> None:
    """Sleep repeatedly, and tell the meter how much too long each sleep was."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + DELAY_INTERVAL
        await asyncio.sleep(DELAY_INTERVAL)
        meter.observe(LOOP_DELAY_SECONDS, max(0.0, clock() - due))
