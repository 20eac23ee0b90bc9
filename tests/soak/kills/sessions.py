"""Write in channels without Discord, in a child process that is killed."""

import asyncio
import json
import os
import random
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from sqlalchemy import URL

from bot.errors import RequestError
from bot.inference.engine import Engine
from bot.inference.model import Model
from bot.inference.registry import ModelRegistry
from bot.session.channel_session import ChannelSession, ChannelSessions
from bot.session.turn import ContinueRequest, NewScript, Requester, TurnResult
from bot.settings import Settings
from bot.storage.copying import copy_database
from bot.storage.store import Store
from tests.fake_discord.people import letters
from tests.tools.postgres_server import Server

from .database_check import DatabaseCheck, Found
from .points import AT_RANDOM, POINTS, KillAt

CHANNELS = 5

LATEST, AT_MOST = 0.2, 25
"""The longest time before a random kill [s], and the most passes of a point before its kill."""

ONE_DATABASE = 50
"""The number of kills after which a new database begins, so that none grows large."""


def kill_sessions(
    voice: Path, folder: Path, times: int, server: Server | None = None
) -> dict[str, Found]:
    """Kill a child a number of times, and compare the database with the lines that it showed.

    With a server, the child writes there, and a copy of the database is compared.
    """
    model = Model.load(voice, 1)
    found: dict[str, Found] = {}
    for number in range(times):
        if number % ONE_DATABASE == 0:
            here = folder / str(number)
            here.mkdir()
            file = here / "scripts.db"
            where = server.create() if server else file
            check = DatabaseCheck(file, model)
        point = [*POINTS, AT_RANDOM, AT_RANDOM][number % (len(POINTS) + 2)]
        _kill(model, here, where, point)
        if where != file:
            file.unlink(missing_ok=True)
            asyncio.run(copy_database(where, file))
        record = here / "shown"
        told = record.read_text() if record.exists() else ""
        found.setdefault(point, Found()).__iadd__(check.compare(*shown_in(told)))
    return found


def _kill(model: Model, folder: Path, where: Path | URL, point: str) -> None:
    """Run a child until it is killed at a point."""
    begins, says = os.pipe()
    child = os.fork()
    if not child:
        if point != AT_RANDOM:
            KillAt(point, random.randint(1, AT_MOST))
        live(model, folder, where, lambda: os.write(says, b"."))
    os.close(says)
    os.read(begins, 1)
    os.close(begins)
    if point == AT_RANDOM:
        time.sleep(random.uniform(0, LATEST))
        os.kill(child, signal.SIGKILL)
    _, how = os.waitpid(child, 0)
    assert how == signal.SIGKILL, "the child ended by itself"


def live(model: Model, folder: Path, where: Path | URL, begins: Callable[[], object]) -> NoReturn:
    """Write in all channels, as the child, until killed; record shown lines in ``shown``."""
    try:
        asyncio.run(_play(model, folder, where, begins))
    finally:
        os._exit(1)


async def _play(
    model: Model, folder: Path, where: Path | URL, begins: Callable[[], object]
) -> None:
    random.seed(secrets.randbits(64))
    settings = Settings(
        model=model.name, line_length=40, soft_length=20, quality="quick", threads=1
    )
    voices = ModelRegistry(folder, 1, 64)
    # The model was loaded before the fork, with one thread, because a fork loses all other threads.
    voices._engines[model.name] = Engine(model, 64)
    store = await Store.open(where)
    sessions = ChannelSessions(store, voices, settings)
    shown = os.open(folder / "shown", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    begins()
    await asyncio.gather(*(_write_on(sessions.get(channel), shown) for channel in range(CHANNELS)))


async def _write_on(room: ChannelSession, shown: int) -> None:
    """Write in a channel, and record the lines of each turn as shown."""
    if await room.store.scripts.find_running_script(room.channel) is None:
        await room.library.begin(_writer(), NewScript(title="T"))
    while True:
        writer = _writer()
        try:
            turn = await _turn(room, writer)
        except RequestError:
            continue
        if turn.lines:
            line = {"delivery": writer.delivery, "texts": [line.text for line in turn.lines]}
            os.write(shown, json.dumps(line).encode() + b"\n")


async def _turn(room: ChannelSession, writer: Requester) -> TurnResult:
    what = random.random()
    if what < 0.2:
        return await room.history.undo(writer)
    if what < 0.6:
        texts = [f"{random.getrandbits(60):x}." for _ in range(random.choice((1, 1, 2)))]
        return await room.continuation.write(writer, "\n\n".join(texts))
    return await room.continuation.generate(writer, ContinueRequest(lines=random.choice((1, 1, 2))))


def _writer() -> Requester:
    return Requester(1, "Ann", secrets.token_hex(8), moderator=True)


def shown_in(record: str) -> tuple[dict[str, str], dict[str, int]]:
    """Return the `letters` of the lines that a child has shown, and their number, by delivery.

    An incomplete end of the record was not shown.
    """
    lines = [json.loads(line) for line in record.split("\n")[:-1]]
    shown = {line["delivery"]: letters("".join(line["texts"])) for line in lines}
    return shown, {line["delivery"]: len(line["texts"]) for line in lines}
