"""Serve a fake Discord with all its parts."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection, wait
from typing import Any

from aiohttp import web

from .control import Control
from .faults import GATEWAYS
from .gateway import Gateway
from .reactions import Reactions
from .rest import BASE, Rest
from .state import World
from .webhooks import Webhooks

HOST = "127.0.0.1"

LARGEST_REQUEST = 32 * 1024 * 1024


def application(world: World) -> web.Application:
    """Return the server of one world."""
    rest, gateway = Rest(world), Gateway(world)
    webhooks, reactions = Webhooks(rest, gateway), Reactions(rest, gateway)
    control = Control(world, gateway, webhooks, reactions)
    app = web.Application(
        middlewares=[rest.travelling, rest.limiting, control.failing, rest.refusing],
        client_max_size=LARGEST_REQUEST,
    )
    gateways = [web.get(path, gateway.connect) for path in GATEWAYS]
    app.add_routes([*gateways, *control.routes()])
    for part in (rest, webhooks, reactions):
        app.add_routes(part.routes())
    app.add_routes([web.route("*", BASE + "/{path:.*}", rest.unknown)])
    return app


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """Serve at a free port of this process, and yield the address."""
    # Do not wait at the end for the sockets of clients that have gone.
    runner = web.AppRunner(application(world), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    world.address = f"http://{HOST}:{runner.addresses[0][1]}"
    try:
        yield world.address
    finally:
        await runner.cleanup()


def serve_until_closed(caller: Connection, world: Mapping[str, Any]) -> None:
    """Serve a world and send the address; end when the connection to the caller closes."""

    async def serve() -> None:
        async with served(World(**world)) as address:
            caller.send(address)
            await asyncio.to_thread(wait, [caller])

    asyncio.run(serve())
