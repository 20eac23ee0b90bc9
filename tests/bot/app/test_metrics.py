"""Test what a running bot says of itself by HTTP: its numbers, its life, its readiness."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.app.client import Bot
from bot.cogs.services import CogServices
from bot.errors import SettingsError
from bot.settings import RunnerSettings
from tests.bot.cogs.test_concurrency import begin
from tests.fake_discord.bot import at
from tests.fake_discord.faults import TOO_MANY, Kind
from tests.fake_discord.people import PATIENCE, Channel, Discord, Person
from tests.fake_discord.processes import PATIENCE as LONGEST_END
from tests.fake_discord.processes import fake_discord, running_bot
from tests.fake_discord.state import TOKEN

DASHBOARD = Path(__file__).parents[3] / "docs" / "dashboard.json"

HELD = 0.5
"""Seconds for which the event loop is held up, longer than between two checks of its delay."""

Look = Callable[[str], Awaitable[None]]
"""Ask for the bot's state, and note the answer under this name."""


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Numbers:
    """A page of metrics, each less its value at the first count."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = text_string_to_metric_families(text)
        self.families = [one for one in found if not one.name.endswith("_created")]
        self.samples = [one for family in self.families for one in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        """Return the sum of the samples that bear this name and these labels."""
        found = [one for one in self.samples if one.name == name]
        assert found, f"there is no {name}"
        return sum(one.value for one in found if labels.items() <= one.labels.items())


@dataclass
class Pages:
    """The pages of a bot, as a monitor reads them."""

    session: aiohttp.ClientSession
    address: str

    async def get(self, name: str) -> tuple[int, str]:
        """Return the status and the text of a page."""
        async with self.session.get(f"{self.address}/{name}") as response:
            return response.status, await response.text()

    async def numbers(self) -> Numbers:
        """Return the numbers as they are now."""
        status, text = await self.get("metrics")
        assert status == 200
        return Numbers(text)

    async def until(self, **wanted: float) -> Numbers:
        """Return the numbers once they have the wanted values."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.numbers()
                if all(found(f"onbook_{name}") == value for name, value in wanted.items()):
                    return found


@dataclass
class Seen:
    """The observations of one run."""

    health: dict[str, tuple[int, str]] = field(default_factory=dict)
    readiness: dict[str, tuple[int, str]] = field(default_factory=dict)
    transactions: dict[str, float] = field(default_factory=dict)
    calm: Numbers = field(init=False)
    """The numbers before two lines are asked for."""
    busy: Numbers = field(init=False)
    """The numbers while one of the two lines is written and the other waits."""
    after: Numbers = field(init=False)
    """The numbers when both lines are written."""
    end: Numbers = field(init=False)
    read: int = 0
    written: int = 0
    """Characters, as the engine has answered them."""
    private: list[str] = field(default_factory=list)
    """Texts and names that no metric may reveal."""


@contextmanager
def watched(gate: threading.Event, seen: Seen) -> Iterator[None]:
    """Let voices step only while the gate is open, and count the characters that they answer."""
    # An unloaded bot took its modules along, so the next bot has modules of its own.
    engine = import_module("bot.inference.engine").Engine

    class Watched(engine.batch_class):  # type: ignore[name-defined, misc]
        def step(self) -> Any:
            assert gate.wait(PATIENCE)
            return super().step()

        def outcome(self, row: Any) -> Any:
            reply = super().outcome(row)
            seen.read += len(row.request.prompt)
            seen.written += len(reply.written)
            return reply

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "batch_class", Watched)
        yield


@asynccontextmanager
async def running(bot: Bot) -> AsyncIterator[None]:
    """Keep the bot on Discord."""
    task = asyncio.create_task(bot.start(TOKEN))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def a_run(chosen: RunnerSettings, gate: threading.Event, seen: Seen) -> None:
    """Run through all sorts of acts, and read the pages."""
    async with aiohttp.ClientSession() as session, Bot(chosen) as bot, bot.serve_metrics():
        pages = Pages(session, f"http://127.0.0.1:{chosen.metrics_port}")

        async def look(when: str) -> None:
            seen.health[when] = await pages.get("healthz")
            seen.readiness[when] = await pages.get("readyz")
            seen.transactions[when] = (await pages.numbers())("onbook_transactions_in_progress")

        await look("before it is connected")
        with ExitStack() as server:
            address = server.enter_context(fake_discord(PATIENCE))
            with at(address):
                async with running(bot):
                    async with Discord(address) as discord:
                        await bot.wait_until_ready()
                        await look("ready")
                        stage = await staged(discord, bot)
                        await write_at_once(stage, pages, seen, gate)
                        await do_all_sorts(stage)
                        await connect_anew(stage)
                        seen.end = await pages.until(
                            interactions_in_progress=0, transactions_in_progress=0
                        )
                        seen.private += [str(one.id) for one in (stage.ann, stage.ben, stage.hall)]
                    await break_the_database(stage.services, chosen.database, look)
                    (await stage.services.voices.engine(chosen.model)).close()
                    await look("without a voice")
                    lost = bot.wait_for("disconnect")
                    await asyncio.to_thread(server.close)
                    await lost
                    await look("without Discord")


@dataclass
class Stage:
    """Two people, three scripts, and a channel without a script."""

    discord: Discord
    bot: Bot
    services: CogServices
    hall: Channel
    roof: Channel
    attic: Channel
    cellar: Channel
    ann: Person
    ben: Person


async def staged(discord: Discord, bot: Bot) -> Stage:
    """Begin three scripts, and press a button."""
    guild = await discord.guild("The Playhouse")
    places = [await guild.channel(name) for name in ("hall", "roof", "attic", "cellar")]
    hall, roof, attic, _ = places
    ann, ben = [await guild.person(name) for name in ("Ann", "Ben")]
    begun = await begin(ann, hall)
    for place in (roof, attic):
        await begin(ben, place)
    await (await ben.click(begun, "Continue")).is_done()
    return Stage(discord, bot, bot.services, *places, ann, ben)


async def write_at_once(stage: Stage, pages: Pages, seen: Seen, gate: threading.Event) -> None:
    """Write two lines side by side, of which one must wait; a third is refused."""
    seen.calm = await pages.until(interactions_in_progress=0)
    gate.clear()
    asked = [await stage.ann.slash(stage.hall, "continue")]
    await pages.until(rows=1)
    asked.append(await stage.ben.slash(stage.roof, "continue"))
    seen.busy = await pages.until(rows=1, queue=1)
    engine = await stage.services.voices.engine("tiny")
    most, engine.queue = engine.queue, 1
    await (await stage.ann.slash(stage.attic, "continue")).shows("very busy")
    engine.queue = most
    time.sleep(HELD)  # noqa: ASYNC251 - the event loop must be late
    gate.set()
    for one in asked:
        await one.is_done()
    for place in (stage.hall, stage.roof):
        [*_, last] = await stage.services.sessions.get(place.id).library.load_lines()
        seen.private.append(last.text)
    seen.after = await pages.until(interactions_in_progress=0)


async def do_all_sorts(stage: Stage) -> None:
    """Act, be refused, fail, repeat a delivery, and let Discord defer an answer."""
    ann, hall = stage.ann, stage.hall
    await (await ann.slash(hall, "undo")).is_done()
    await (await ann.slash(stage.cellar, "continue")).shows("/start")
    async with only_read(stage.services):
        await (await ann.slash(hall, "write", text="Snow.")).shows("is read-only")
    await (await ann.slash(hall, "write", text="Rain.", times=2)).is_done()
    how = {"status": TOO_MANY, "retry_after": 0.1}
    await stage.discord.fail(Kind.STATUS, "POST", "/callback", **how)
    await (await ann.slash(hall, "help")).shows("/continue")


@asynccontextmanager
async def only_read(services: CogServices) -> AsyncIterator[None]:
    """Make the database read-only for a while."""
    for switch in ("ON", "OFF"):
        async with services.store._database.reading() as session:
            connection = await session.connection()
            await connection.exec_driver_sql(f"PRAGMA query_only = {switch}")
        if switch == "ON":
            yield


async def connect_anew(stage: Stage) -> None:
    """Ask for another connection, as Discord does."""
    resumed = stage.bot.wait_for("resumed")
    await stage.discord.reconnect()
    await resumed


async def break_the_database(services: CogServices, path: Path, look: Look) -> None:
    """Damage the database, make it busy, and mend it."""
    with closing(sqlite3.connect(path)) as another_program:
        another_program.execute("ALTER TABLE key_values RENAME TO lost")
        await look("with a damaged database")
        another_program.execute("ALTER TABLE lost RENAME TO key_values")
    async with services.store._database.reading():
        await look("with a database that does not come to an end")
    await look("mended")


@pytest.fixture(scope="module")
def seen(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Return the observations of the one run that all tests judge."""
    chosen = RunnerSettings(
        models=voices,
        model="tiny",
        database=tmp_path_factory.mktemp("watched") / "scripts.db",
        threads=1,
        rows=1,
        line_length=200,
        quality="quick",
        metrics_port=free_port(),
    )
    seen, gate = Seen(), threading.Event()
    gate.set()
    with watched(gate, seen):
        asyncio.run(a_run(chosen, gate, seen))
    return seen


def test_it_lives_whatever_it_lacks(seen: Seen):
    assert set(seen.health.values()) == {(200, "alive\n")}


def test_it_is_ready_when_all_is_there_and_says_what_is_not(seen: Seen):
    gateway = (503, "Not connected to Discord's gateway.\n")
    database = (503, "The database does not answer.\n")
    assert seen.readiness == {
        "before it is connected": gateway,
        "ready": (200, "ready\n"),
        "with a damaged database": database,
        "with a database that does not come to an end": database,
        "mended": (200, "ready\n"),
        "without a voice": (503, "The voice tiny is not running.\n"),
        "without Discord": gateway,
    }


def test_everything_asked_for_is_counted_by_what_became_of_it(seen: Seen):
    ended = {
        (one.labels["act"], one.labels["outcome"]): one.value
        for one in seen.end.samples
        if one.name == "onbook_finish_seconds_count"
    }
    assert ended == {
        ("start", "done"): 3,
        ("button continue", "done"): 1,
        ("continue", "done"): 2,
        ("continue", "refused"): 1,
        ("continue", "limited"): 1,
        ("undo", "done"): 1,
        ("write", "failed"): 1,
        ("write", "done"): 1,
        ("write", "unanswered"): 1,
        ("help", "done"): 1,
    }
    for act in {act for act, _ in ended}:
        asked = sum(count for (one, _), count in ended.items() if one == act)
        assert seen.end("onbook_interactions_total", act=act) == asked
        heard_twice = act == "write"
        assert seen.end("onbook_acknowledge_seconds_count", act=act) == asked - heard_twice
    assert seen.end("onbook_interactions_in_progress") == 0


def test_lines_in_hand_wait_and_are_written(seen: Seen):
    for numbers, rows, queue in ((seen.calm, 0, 0), (seen.busy, 1, 1), (seen.after, 0, 0)):
        assert numbers("onbook_rows", voice="tiny") == rows
        assert numbers("onbook_queue", voice="tiny") == queue
    assert seen.busy("onbook_interactions_in_progress") == 2
    assert seen.end("onbook_characters_total", voice="tiny", work="reading") == seen.read > 0
    assert seen.end("onbook_characters_total", voice="tiny", work="writing") == seen.written > 0


def test_times_are_those_that_people_waited(seen: Seen):
    done = {"act": "continue", "outcome": "done"}
    assert seen.after("onbook_finish_seconds_sum", **done) >= 2 * HELD
    assert seen.after("onbook_finish_seconds_bucket", **done, le="0.25") == 0
    acknowledged = seen.busy("onbook_acknowledge_seconds_sum", act="continue")
    assert 0 < acknowledged < seen.after("onbook_finish_seconds_sum", **done)
    late = [
        one("onbook_loop_delay_seconds_count") - one("onbook_loop_delay_seconds_bucket", le="0.1")
        for one in (seen.busy, seen.after)
    ]
    assert late[1] > late[0]


def test_the_database_discord_and_the_gateway_are_counted(seen: Seen):
    reading, writing = [
        seen.end("onbook_transaction_seconds_count", purpose=purpose)
        for purpose in ("reading", "writing")
    ]
    assert reading > writing >= 8  # at least the lines begun, written and undone
    assert seen.end("onbook_transactions_in_progress") == 0
    assert seen.transactions["with a database that does not come to an end"] == 1
    assert seen.end("onbook_request_seconds_count", status="429") == 1
    assert seen.end("onbook_request_seconds_count", status="2xx") > 12
    events = {one.labels["event"]: one.value for one in seen.end.samples if "event" in one.labels}
    assert events == {"connected": 1, "resumed": 1, "lost": 1}


def test_no_number_tells_who_or_what(seen: Seen):
    for private in (TOKEN, *seen.private):
        assert private not in seen.end.text
    labels = {name for one in seen.end.samples for name in one.labels}
    assert labels == {
        *("act", "outcome", "voice", "work", "purpose", "status", "event", "le"),
    }


def test_the_dashboard_shows_all_of_the_numbers_and_no_other(seen: Seen):
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    asked = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    exported = {one.name for one in seen.end.samples}
    assert set(re.findall(r"\b(?:onbook|process)_\w+", asked)) <= exported
    for family in seen.end.families:
        if family.name.startswith("onbook"):
            assert family.name in asked
    wanted = {
        name for group in re.findall(r"by \(([\w, ]+)\)", asked) for name in group.split(", ")
    }
    assert wanted <= {name for one in seen.end.samples for name in one.labels}


def test_a_port_that_is_taken_is_told_of_in_one_sentence(tmp_path: Path, voices: Path):
    log = tmp_path / "log"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = {"models": voices, "model": "tiny", "metrics_port": port, "shards": "0/1"}
        with running_bot("http://127.0.0.1:9", tmp_path, log, **settings) as bot:
            assert bot.wait(LONGEST_END) == 1
    [sentence] = log.read_text().splitlines()
    assert sentence.startswith(f"http://127.0.0.1:{port} cannot be served (")
    assert "Set ONBOOK_METRICS_PORT to a free port" in sentence


def test_without_what_counts_a_port_is_refused_and_none_is_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "bot.app.metrics", raising=False)
    Bot(RunnerSettings())
    with pytest.raises(SettingsError, match="pip install prometheus-client"):
        Bot(RunnerSettings(metrics_port=9100))
