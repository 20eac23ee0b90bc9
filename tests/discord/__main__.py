"""``python -m tests.discord``: prints its address, and ends when its standard input does."""

from __future__ import annotations

import argparse
import asyncio
import sys

from aiohttp import web

from .control import Control
from .faults import GATEWAYS
from .gateway import Gateway
from .rest import Rest
from .state import TIME_TO_ANSWER, World

HOST = "127.0.0.1"

LARGEST_REQUEST = 32 * 1024 * 1024


def application(world: World) -> web.Application:
    """Return the whole server for one world."""
    rest, gateway = Rest(world), Gateway(world)
    control = Control(world, gateway)
    app = web.Application(
        middlewares=[
            *(rest.travelling, rest.limiting),
            *(control.holding, control.failing, rest.refusing),
        ],
        client_max_size=LARGEST_REQUEST,
    )
    gateways = [web.get(path, gateway.connect) for path in GATEWAYS]
    app.add_routes([*gateways, *control.routes(), *rest.routes()])
    return app


async def serve(world: World) -> None:
    """Serve at a free port until the standard input closes."""
    # Do not wait at the end for the sockets of clients that have gone.
    runner = web.AppRunner(application(world), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    world.address = f"http://{HOST}:{runner.addresses[0][1]}"
    print(world.address, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.discord", description=__doc__)
    parser.add_argument("--time-to-answer", type=float, default=TIME_TO_ANSWER, metavar="SECONDS")
    parser.add_argument("--shards", type=int, default=1, metavar="ADVISED")
    parser.add_argument("--guilds-a-shard", type=int, default=2500, metavar="MOST")
    parser.add_argument("--concurrency", type=int, default=16, metavar="SHARDS")
    parser.add_argument("--identify-every", type=float, default=0.0, metavar="SECONDS")
    asyncio.run(serve(World(**vars(parser.parse_args()))))
