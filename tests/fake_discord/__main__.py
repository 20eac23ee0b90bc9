"""``python -m tests.fake_discord``: prints its address, and ends when its standard input does."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from .control import Control
from .emojis import Emojis
from .faults import GATEWAYS
from .gateway import Gateway
from .rest import BASE, Rest
from .state import TIME_TO_ANSWER, World
from .webhooks import Webhooks

HOST = "127.0.0.1"

LARGEST_REQUEST = 32 * 1024 * 1024


def application(world: World) -> web.Application:
    """Return the whole server for one world."""
    rest, gateway = Rest(world), Gateway(world)
    webhooks, emojis = Webhooks(rest, gateway), Emojis(rest)
    control = Control(world, gateway, webhooks)
    app = web.Application(
        middlewares=[
            *(rest.travelling, rest.limiting),
            *(control.holding, control.failing, rest.refusing),
        ],
        client_max_size=LARGEST_REQUEST,
    )
    gateways = [web.get(path, gateway.connect) for path in GATEWAYS]
    app.add_routes([*gateways, *control.routes()])
    for part in (rest, webhooks, emojis):
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


async def serve_until_the_input_ends(world: World) -> None:
    """Serve, and print the address, until the standard input closes."""
    async with served(world) as address:
        print(address, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.fake_discord", description=__doc__)
    parser.add_argument("--time-to-answer", type=float, default=TIME_TO_ANSWER, metavar="SECONDS")
    parser.add_argument("--shards", type=int, default=1, metavar="ADVISED")
    parser.add_argument("--guilds-a-shard", type=int, default=2500, metavar="MOST")
    parser.add_argument("--concurrency", type=int, default=16, metavar="SHARDS")
    parser.add_argument("--identify-every", type=float, default=0.0, metavar="SECONDS")
    asyncio.run(serve_until_the_input_ends(World(**vars(parser.parse_args()))))
