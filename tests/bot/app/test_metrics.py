"""Test the pages of a running bot for monitors: metrics, health and readiness."""

import asyncio
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot import telemetry
from bot.app.client import Bot
from bot.errors import SettingsError
from bot.inference import engine
from bot.inference.batch import Batch
from bot.settings import RunnerSettings
from bot.telemetry import METRICS, Metric
from tests.bot.playing import begin_script
from tests.bot.session_harness import run_sql
from tests.fake_discord.bot import at, started
from tests.fake_discord.faults import TOO_MANY, Kind
from tests.fake_discord.people import PATIENCE, Discord
from tests.fake_discord.processes import PATIENCE as LONGEST_END
from tests.fake_discord.processes import fake_discord, running_bot
from tests.fake_discord.state import TOKEN
from tests.tools.postgres_server import find_free_port

DASHBOARD = Path(__file__).parents[3] / "docs" / "dashboard.json"

HELD = 0.5
"""Seconds for which the event loop is blocked, longer than between two checks of its delay."""


class Numbers:
    """The samples of a page of metrics."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = text_string_to_metric_families(text)
        self.families = [family for family in found if not family.name.endswith("_created")]
        self.samples = [sample for family in self.families for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        """Return the sum of the samples with this name and these labels."""
        found = [sample for sample in self.samples if sample.name == f"onbook_{name}"]
        assert found, f"there is no {name}"
        return sum(sample.value for sample in found if labels.items() <= sample.labels.items())


@dataclass
class Monitor:
    """A client of the pages of a bot, and what the client has seen."""

    session: aiohttp.ClientSession
    address: str
    readiness: dict[str, tuple[int, str]] = field(default_factory=dict)
    numbers: dict[str, Numbers] = field(default_factory=dict)
    private: list[str] = field(default_factory=list)
    """Texts and ids that no metric may reveal."""

    @property
    def end(self) -> Numbers:
        return self.numbers["end"]

    async def get(self, name: str) -> tuple[int, str]:
        """Return the status and the text of a page."""
        async with self.session.get(f"{self.address}/{name}") as response:
            return response.status, await response.text()

    async def look(self, when: str) -> None:
        """Record the pages of a bot that is alive."""
        assert await self.get("healthz") == (200, "alive\n")
        self.readiness[when] = await self.get("readyz")
        self.numbers[when] = Numbers((await self.get("metrics"))[1])

    async def until(self, when: str, **wanted: float) -> None:
        """Wait until metrics have these values, and record the page."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = self.numbers[when] = Numbers((await self.get("metrics"))[1])
                if all(found(name) == value for name, value in wanted.items()):
                    return


class GatedBatch(Batch):
    """A batch that steps only while a gate is open, and counts characters."""

    gate = threading.Event()
    read = written = 0

    def step(self) -> Any:
        assert self.gate.wait(PATIENCE)
        return super().step()

    def outcome(self, row: Any) -> Any:
        reply = super().outcome(row)
        GatedBatch.read += len(row.request.prompt)
        GatedBatch.written += len(reply.written)
        return reply


async def run(chosen: RunnerSettings) -> Monitor:
    """Play many kinds of requests, take away what the bot needs, and record the pages."""
    address = f"http://127.0.0.1:{chosen.metrics_port}"
    async with aiohttp.ClientSession() as session, Bot(chosen) as bot, bot.serve_metrics():
        monitor = Monitor(session, address)
        await monitor.look("before it is connected")
        with ExitStack() as server:
            discord_address = server.enter_context(fake_discord(PATIENCE))
            with at(discord_address):
                async with started(bot):
                    async with Discord(discord_address) as discord:
                        await bot.wait_until_ready()
                        await monitor.look("ready")
                        await play(discord, bot, monitor)
                    await break_the_database(bot, monitor)
                    (await bot.services.models.engine(chosen.model)).close()
                    await monitor.look("without a voice")
                    lost = bot.wait_for("disconnect")
                    await asyncio.to_thread(server.close)
                    await lost
                    await monitor.look("without Discord")
    return monitor


async def play(discord: Discord, bot: Bot, monitor: Monitor) -> None:
    """Play many kinds of requests."""
    guild = await discord.guild("The Playhouse")
    hall, roof, attic, cellar = await guild.channels("hall", "roof", "attic", "cellar")
    ann, ben = [await guild.person(name) for name in ("Ann", "Ben")]
    begun = await begin_script(ann, hall)
    for place in (roof, attic):
        await begin_script(ben, place)
    await (await ben.click(begun, "Continue")).is_done()

    # Two lines at once, of which one must wait; a third is refused.
    await monitor.until("calm", interactions_in_progress=0)
    GatedBatch.gate.clear()
    asked = [await ann.slash(hall, "continue")]
    await monitor.until("busy", rows=1)
    asked.append(await ben.slash(roof, "continue"))
    await monitor.until("busy", rows=1, queue=1)
    in_flight = bot.services.in_flight
    most, in_flight._most_requests = in_flight._most_requests, 2
    await (await ann.slash(attic, "continue")).shows("very busy")
    in_flight._most_requests = most
    time.sleep(HELD)  # noqa: ASYNC251 - the event loop must be late
    GatedBatch.gate.set()
    for request in asked:
        await request.is_done()
    monitor.private += [str(subject.id) for subject in (ann, ben, hall)]
    for place in (hall, roof):
        [*_, last] = await bot.services.sessions.get(place.id).library.load_lines()
        monitor.private.append(last.text)
    await monitor.until("after", interactions_in_progress=0)

    await (await ann.slash(hall, "undo")).is_done()
    await (await ann.slash(cellar, "undo")).shows("/start")
    await set_read_only(bot, "ON")
    await (await ann.slash(hall, "write", text="Snow.")).shows("is read-only")
    await set_read_only(bot, "OFF")
    await (await ann.slash(hall, "write", text="Rain.", times=2)).is_done()
    await discord.fail(Kind.STATUS, "POST", "/callback", status=TOO_MANY, retry_after=0.1)
    await (await ann.slash(hall, "help")).shows("/continue")
    resumed = bot.wait_for("resumed")
    await discord.reconnect()
    await resumed
    await monitor.until("end", interactions_in_progress=0, transactions_in_progress=0)


async def set_read_only(bot: Bot, switch: str) -> None:
    async with bot.services.sessions.store._database.reading() as session:
        await (await session.connection()).exec_driver_sql(f"PRAGMA query_only = {switch}")


async def break_the_database(bot: Bot, monitor: Monitor) -> None:
    """Damage the database, make it busy, and mend it."""
    run_sql(bot.settings.database, "ALTER TABLE key_values RENAME TO lost")
    await monitor.look("with a damaged database")
    run_sql(bot.settings.database, "ALTER TABLE lost RENAME TO key_values")
    async with bot.services.sessions.store._database.reading():
        await monitor.look("with a busy database")
    await monitor.look("mended")


@pytest.fixture(scope="module")
def seen(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """Return the observations of one run, which all tests share."""
    chosen = RunnerSettings(
        models=voices,
        model="tiny",
        database=tmp_path_factory.mktemp("watched") / "scripts.db",
        threads=1,
        rows=1,
        line_length=200,
        quality="quick",
        metrics_port=find_free_port(),
    )
    GatedBatch.gate.set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "Batch", GatedBatch)
        yield asyncio.run(run(chosen))


def test_readiness_names_what_is_missing(seen: Monitor):
    gateway = (503, "Not connected to Discord's gateway.\n")
    database = (503, "The database does not answer.\n")
    assert seen.readiness == {
        "before it is connected": gateway,
        "ready": (200, "ready\n"),
        "with a damaged database": database,
        "with a busy database": database,
        "mended": (200, "ready\n"),
        "without a voice": (503, "The voice tiny is not running.\n"),
        "without Discord": gateway,
    }


def test_interactions_are_counted_by_outcome(seen: Monitor):
    ended = {
        (sample.labels["act"], sample.labels["outcome"]): sample.value
        for sample in seen.end.samples
        if sample.name == "onbook_finish_seconds_count"
    }
    assert ended == {
        ("start", "done"): 3,
        ("button continue", "done"): 1,
        ("continue", "done"): 2,
        ("undo", "refused"): 1,
        ("continue", "limited"): 1,
        ("undo", "done"): 1,
        ("write", "failed"): 1,
        ("write", "done"): 1,
        ("write", "unanswered"): 1,
        ("help", "done"): 1,
    }
    for act in {act for act, _ in ended}:
        asked = sum(count for (label, _), count in ended.items() if label == act)
        assert seen.end("interactions_total", act=act) == asked
        heard_twice = act == "write"
        assert seen.end("acknowledge_seconds_count", act=act) == asked - heard_twice
    assert seen.end("interactions_in_progress") == 0


def test_rows_queue_and_characters_are_counted(seen: Monitor):
    for when, rows, queue in (("calm", 0, 0), ("busy", 1, 1), ("after", 0, 0)):
        assert seen.numbers[when]("rows", voice="tiny") == rows
        assert seen.numbers[when]("queue", voice="tiny") == queue
    assert seen.numbers["busy"]("interactions_in_progress") == 2
    for work, count in (("reading", GatedBatch.read), ("writing", GatedBatch.written)):
        assert seen.end("characters_total", voice="tiny", work=work) == count > 0


def test_times_are_those_that_people_wait(seen: Monitor):
    busy, after = seen.numbers["busy"], seen.numbers["after"]
    done = {"act": "continue", "outcome": "done"}
    assert after("finish_seconds_sum", **done) >= 2 * HELD
    assert after("finish_seconds_bucket", **done, le="0.25") == 0
    acknowledged = busy("acknowledge_seconds_sum", act="continue")
    assert 0 < acknowledged < after("finish_seconds_sum", **done)
    late = [
        numbers("loop_delay_seconds_count") - numbers("loop_delay_seconds_bucket", le="0.1")
        for numbers in (busy, after)
    ]
    assert late[1] > late[0]


def test_transactions_requests_and_gateway_events_are_counted(seen: Monitor):
    reading, writing = [
        seen.end("transaction_seconds_count", purpose=purpose) for purpose in ("reading", "writing")
    ]
    assert reading > writing >= 8  # at least the lines begun, written and undone
    assert seen.end("transactions_in_progress") == 0
    assert seen.numbers["with a busy database"]("transactions_in_progress") == 1
    assert seen.end("request_seconds_count", status="429") == 1
    assert seen.end("request_seconds_count", status="2xx") > 12
    for event in ("connected", "resumed", "lost"):
        assert seen.end("gateway_events_total", event=event) == 1


def test_metrics_hold_nothing_private(seen: Monitor):
    for private in (TOKEN, *seen.private):
        assert private not in seen.end.text
    labels = {name for sample in seen.end.samples for name in sample.labels}
    assert labels == {"act", "outcome", "voice", "work", "purpose", "status", "event", "le"}


def test_every_metric_is_named():
    declared = [value for value in vars(telemetry).values() if isinstance(value, Metric)]
    assert declared == list(METRICS)


def test_dashboard_shows_every_metric(seen: Monitor):
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    asked = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    exported = {sample.name for sample in seen.end.samples}
    assert set(re.findall(r"\b(?:onbook|process)_\w+", asked)) <= exported
    for family in seen.end.families:
        if family.name.startswith("onbook"):
            assert family.name in asked
    groups = re.findall(r"by \(([\w, ]+)\)", asked)
    wanted = {name for group in groups for name in group.split(", ")}
    assert wanted <= {name for sample in seen.end.samples for name in sample.labels}


def test_taken_port_is_explained(tmp_path: Path, voices: Path):
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = {"models": voices, "model": "tiny", "metrics_port": port, "shards": "0/1"}
        with running_bot("http://127.0.0.1:9", tmp_path, log, **settings) as bot:
            assert bot.wait(LONGEST_END) == 1
    [sentence] = log.read_text().splitlines()
    assert sentence.startswith(f"http://127.0.0.1:{port} cannot be served (Address already in use)")
    assert "set ONBOOK_METRICS_PORT to a free port" in sentence


def test_metrics_need_prometheus_client(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "bot.app.metrics", raising=False)
    Bot(RunnerSettings())
    with pytest.raises(SettingsError, match="pip install prometheus-client"):
        Bot(RunnerSettings(metrics_port=9100))
