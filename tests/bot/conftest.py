"""Fixtures: a real bot with a tiny voice, in a simulated Discord with two writers."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite
import discord
import pytest
import simcord
from discord.app_commands import Command, ContextMenu, Group
from discord.ext import commands
from pydantic import SecretStr
from simcord.backend.serializers import message_payload
from simcord.components import walk_components
from simcord.interactions import base_payload
from simcord.results import ResponseMessage
from sqlalchemy import URL
from sqlalchemy import Engine as SqlEngine
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import LRUCache

from bot.app.client import SINGLE_SHARD, Bot
from bot.cogs.upkeep import Upkeep
from bot.i18n import catalogue
from bot.i18n.translator import Names
from bot.inference.engine import Engine
from bot.inference.model import Model
from bot.interactions.services import CogServices
from bot.session.channel_session import ChannelSession
from bot.settings import RunnerSettings
from bot.sharding import Shards
from bot.storage import migrations
from bot.storage.schema import Line, Script
from bot.storage.store import Store
from tests.conftest import Made
from tests.fake_discord.bot import bot_here
from tests.fake_discord.people import PATIENCE, Channel, Discord, Person
from tests.fake_discord.rules import BUTTON, SELECT
from tests.fake_discord.server import served
from tests.fake_discord.state import World
from tests.tools.postgres_server import Server, server

from .session_harness import SessionHarness, run_sql

HEADING = "INT. DINER - NIGHT"

BOTH = ["sqlite", "postgresql"]
"""The databases for a test module: the module sets ``DATABASES`` to this list."""


on_a_file = pytest.mark.parametrize("where", ["sqlite"], indirect=True)
"""Mark a test that is about a file, in a module with several databases."""

on_a_server = pytest.mark.parametrize("where", ["postgresql"], indirect=True)


def pytest_generate_tests(metafunc: pytest.Metafunc):
    """Run the tests of a store on all databases of their module, unless a test names its own."""
    databases = getattr(metafunc.module, "DATABASES", None)
    marks = (mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if databases and "where" in metafunc.fixturenames and "where" not in marks:
        metafunc.parametrize("where", databases, indirect=True)


@pytest.fixture(autouse=True)
def _unknown_commands(monkeypatch: pytest.MonkeyPatch):
    """Forget the ids of the commands of other tests' bots."""
    monkeypatch.setattr(catalogue, "_command_ids", {})


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Start a PostgreSQL server."""
    with server() as started:
        yield started


@pytest.fixture(scope="session")
def emptied(postgres: Server) -> URL:
    """Create the database that the tests use one after the other."""
    return postgres.create()


@pytest.fixture
def url(postgres: Server, emptied: URL) -> Iterator[URL]:
    """Empty the shared database on the server, and yield its address."""
    yield emptied
    postgres.empty(emptied)


@pytest.fixture(scope="session")
def patch() -> Iterator[pytest.MonkeyPatch]:
    """Yield what patches objects for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="session", autouse=True)
def statements(patch: pytest.MonkeyPatch) -> None:
    """Compile each SQL statement once, and not for every test's database again.

    Compiling them again would take a fourth more processor time in tests with a bot.
    """
    compiled = LRUCache[Any, Any](2000)
    prepare = AsyncEngine.__init__

    def share(engine: AsyncEngine, sync_engine: SqlEngine) -> None:
        prepare(engine, sync_engine)
        sync_engine._compiled_cache = compiled

    patch.setattr(AsyncEngine, "__init__", share)
    # The cache knows statements by their dialect, and each engine has one of its own.
    for dialect in (SQLiteDialect_aiosqlite, PGDialect_asyncpg):
        patch.setattr(dialect, "__hash__", lambda mine: hash(type(mine)))
        patch.setattr(dialect, "__eq__", lambda mine, other: type(mine) is type(other))


@pytest.fixture(scope="session", autouse=True)
def translations(patch: pytest.MonkeyPatch) -> None:
    """Translate each command once, and not for every test's bot again."""
    known: dict[str, str] = {}

    def once(translate: Callable[..., Any]) -> Callable[..., Any]:
        async def translated(command: Any, tree: Any, translator: Any) -> Any:
            if not isinstance(translator, Names):  # another one may listen to what it translates
                return await translate(command, tree, translator)
            english = json.dumps(command.to_dict(tree))
            if english not in known:
                known[english] = json.dumps(await translate(command, tree, translator))
            return json.loads(known[english])

        return translated

    for kind in (Command, ContextMenu, Group):
        patch.setattr(kind, "get_translated_payload", once(kind.get_translated_payload))


@pytest.fixture(scope="session", autouse=True)
def settling(patch: pytest.MonkeyPatch) -> None:
    """Let simcord look every 10 ms instead of every 50 ms whether the bot has finished."""
    patch.setitem(simcord.Env._settle_internal.__kwdefaults__, "idle", 0.01)
    patch.setattr(simcord.Env.settle, "__defaults__", (None, 0.01))


async def execute_inline(
    connection: aiosqlite.Connection, function: Callable[..., Any], *arguments: Any, **more: Any
) -> Any:
    """Call SQLite in the thread of the event loop, because each change of threads takes longer."""
    if not connection._connection:
        raise ValueError("Connection closed")
    result = function(*arguments, **more)
    if function.__name__ in ("execute", "commit"):
        await asyncio.sleep(0)  # so that other tasks run between two statements, as with a thread
    return result


@pytest.fixture(scope="session")
def empty_database(made: Made) -> Path:
    """Return a database that has all tables, which takes long to make, and nothing in them."""

    def fill(folder: Path) -> None:
        async def create() -> None:
            await (await Store.open(folder / "empty.db")).close()

        asyncio.run(create())

    return made("database", fill) / "empty.db"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a database file that does not exist yet."""
    return tmp_path / "scripts.db"


@pytest.fixture
def where(request: pytest.FixtureRequest) -> Path | URL:
    """Return the file or the server's database, as the test is parametrized."""
    server = getattr(request, "param", None) == "postgresql"
    return request.getfixturevalue("url" if server else "path")


AddRevision = Callable[[str], None]


@pytest.fixture
def add_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AddRevision:
    """Return a function that adds a revision with these statements."""
    *_, newest = migrations.list_revisions()

    def add(statements: str) -> None:
        folder = tmp_path / "versions"
        folder.mkdir()
        monkeypatch.setattr(migrations, "VERSIONS", [*migrations.VERSIONS, folder])
        (folder / "v9999_next.py").write_text(
            f"from alembic import op\nrevision = '9999'\ndown_revision = {newest!r}\n"
            f"def upgrade():\n    {statements}\n"
        )

    return add


def on(chosen: RunnerSettings, where: Path | URL) -> RunnerSettings:
    """Return the settings with this database."""
    if isinstance(where, URL):
        address = SecretStr(where.render_as_string(hide_password=False))
        return chosen.model_copy(update={"database_url": address})
    return chosen.model_copy(update={"database": where})


def count(where: Path | URL, table: str) -> int:
    """Count the rows on the disk, as another connection sees them."""
    [[number]] = run_sql(where, f"SELECT count(*) FROM {table}")  # noqa: S608 - our own names
    return int(number)


@pytest.fixture
def models(voices: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return the folder of the bot's voices, copied for a module that sets ``CHANGES_MODELS``."""
    changes = getattr(request.module, "CHANGES_MODELS", False)
    return Path(shutil.copytree(voices, tmp_path / "models")) if changes else voices


@pytest.fixture
def chosen(models: Path, tmp_path: Path, empty_database: Path) -> RunnerSettings:
    """Return settings of a bot without candidates, whose scripts lie in the test's own folder."""
    shutil.copy(empty_database, tmp_path / "scripts.db")
    return RunnerSettings(
        models=models,
        model="tiny",
        database=tmp_path / "scripts.db",
        threads=1,
        line_length=200,
        quality="quick",
        look="typewriter",
    )


@pytest.fixture
async def harness(chosen: RunnerSettings, where: Path | URL) -> AsyncIterator[SessionHarness]:
    """Yield the bot without Discord."""
    harness = SessionHarness(on(chosen, where))
    await harness.open()
    yield harness
    await harness.close()


@pytest.fixture(scope="session")
def model(voices: Path) -> Model:
    """Return the tiny voice."""
    return Model.load(voices / "tiny.onnx", threads=1)


@pytest.fixture
def engine(model: Model) -> Iterator[Engine]:
    """Yield an engine of the tiny voice."""
    engine = Engine(model)
    yield engine
    engine.close()


@asynccontextmanager
async def discord_here(**world: Any) -> AsyncIterator[Discord]:
    """Yield the project's own Discord; ``world`` holds further arguments of `World`."""
    async with served(World(PATIENCE, **world)) as address, Discord(address) as discord:
        yield discord


@asynccontextmanager
async def bot_at(
    discord: Discord, chosen: RunnerSettings, shards: Shards = SINGLE_SHARD
) -> AsyncIterator[Bot]:
    """Yield a bot that is connected to a Discord; fail where Discord refuses it anything."""
    async with bot_here(discord.address, chosen, shards) as bot:
        await discord.bot_is_ready()
        yield bot
        # Discord refuses requests that are repeated after a fault, and some come late.
        assert discord.faults or discord.refusals == []


@pytest.fixture
async def bare_discord() -> AsyncIterator[Discord]:
    """Yield the project's own Discord, to which no bot is connected."""
    async with discord_here() as discord:
        yield discord


@dataclass
class Inside:
    """The project's own Discord with a bot in the test's own process, and two people."""

    discord: Discord
    services: CogServices
    channel: Channel
    ann: Person
    ben: Person

    @property
    def store(self) -> Store:
        """Return the store of the bot."""
        return self.services.sessions.store

    async def script(self) -> Script | None:
        """Return the script that runs in the channel."""
        return await self.store.scripts.find_running_script(self.channel.id)

    async def until_idle(self) -> None:
        """Wait until the bot does nothing more for anybody."""
        while tasks := self.services.in_flight.tasks:
            await asyncio.wait(tasks)


@pytest.fixture
async def inside(bare_discord: Discord, chosen: RunnerSettings) -> AsyncIterator[Inside]:
    """Start a bot whose parts a test can slow down."""
    async with bot_at(bare_discord, chosen) as bot:
        guild = await bare_discord.guild("The Playhouse")
        channel = await guild.channel("stage")
        ann, ben = [await guild.person(name) for name in ("Ann", "Ben")]
        yield Inside(bare_discord, bot.services, channel, ann, ben)


@dataclass
class Stage:
    """A channel, two people in the channel, and the bot."""

    world: simcord.Env
    guild: simcord.GuildHandle
    channel: simcord.ChannelHandle
    ann: simcord.MemberActor
    ben: simcord.MemberActor
    settings: RunnerSettings

    @property
    def services(self) -> CogServices:
        """Return the services that the cogs of the running bot share, as a guest or alone."""
        bot: Any = self.world.bot
        return bot.cogs["OnBook"].services

    @property
    def store(self) -> Store:
        """Return the store of the running bot."""
        return self.services.sessions.store

    @property
    def session(self) -> ChannelSession:
        """Return the session of the channel."""
        return self.services.sessions.get(self.channel.id)

    async def script(self) -> Script | None:
        """Return the script that runs in the channel."""
        return await self.store.scripts.find_running_script(self.channel.id)

    def closed(self, **denied: bool) -> simcord.ChannelHandle:
        """Create a channel in which the bot lacks permissions."""
        rights = discord.PermissionOverwrite(**denied)
        return self.guild.create_text_channel("closed", overwrites={self.guild.me: rights})

    @property
    def upkeep(self) -> Upkeep:
        """Return the cog of the background tasks."""
        bot: Any = self.world.bot
        return bot.cogs["OnBook.upkeep"]

    async def restart(self) -> None:
        """End the bot, and start another on the same database, in the same world."""
        with self.world._bot_scope():
            await self.world.bot.close()
        await self.world.restart_bot(Bot(self.settings))

    def permit(self, **permissions: bool) -> Any:
        """Give the bot a role with permissions in the server, and return the role."""
        rights = self.guild.create_role("Bot", permissions=discord.Permissions(**permissions))
        backend = self.world.backend
        backend.add_member_role(self.guild.id, backend.bot_user.id, rights.id)
        return rights

    def member(self, name: str) -> simcord.MemberActor:
        """Add a member to the server."""
        return self.guild.add_member(self.world.create_user(name))

    async def continue_with_seed(
        self, actor: Any, name: str = "continue", *, seed: int, **options: Any
    ) -> simcord.InteractionResult:
        """Continue the script with a seed, as after a change of the settings that nobody saw."""
        script, scripts = await self.script(), self.store.scripts
        await scripts.update_script(script.id, {"seed": seed})
        answered = await actor.slash(self.channel, name, **options)
        await scripts.update_script(script.id, {"seed": None})
        return answered

    async def lines(self, channel: Any = None) -> list[str]:
        """Return the script of a channel as the database has it."""
        session = self.services.sessions.get((channel or self.channel).id)
        return [line.text for line in await session.library.load_lines()]

    async def last_line(self) -> Line:
        """Return the last line of the script."""
        return (await self.session.library.load_lines())[-1]

    def messages(self, channel: Any = None) -> list[discord.Message]:
        """Return the messages that everybody sees in a channel, oldest first."""
        return (channel or self.channel).history()

    def seen(self) -> list[tuple[str, list[str]]]:
        """Return the text and the button labels of each message that everybody sees."""
        return [(message.content, labels(message)) for message in self.messages()]

    def with_buttons(self, channel: Any = None) -> list[int]:
        """Return the ids of the messages that have buttons."""
        return [message.id for message in self.messages(channel) if message.components]

    def panel(self, channel: Any = None) -> discord.Message:
        """Return the one message with the buttons of a script."""
        [panel] = [message for message in self.messages(channel) if "Write" in labels(message)]
        return panel

    def look(self, message: Any) -> dict[str, Any]:
        """Return the message as people see it now."""
        (of,) = (of for of in self.world.backend.messages.values() if message.id in of)
        return deepcopy(dict(message_payload(self.world.backend, of[message.id])))

    def press(self, actor: Any, look: dict[str, Any], label: str) -> simcord.InteractionResult:
        """Press a button that was there when its reader looked, and do not wait for the bot."""
        record, payload = base_payload(
            self.world.backend,
            type=3,
            channel_id=int(look["channel_id"]),
            guild_id=self.guild.id,
            user_id=actor.id,
            data={"custom_id": buttons(look)[label], "component_type": 2},
        )
        record.source_message_id = int(look["id"])
        self.world.backend.emit("INTERACTION_CREATE", payload | {"message": look})
        return simcord.InteractionResult(self.world, record)

    async def press_late(self, actor: Any, look: dict[str, Any], label: str) -> Any:
        """Press a button that was there when its reader looked, and wait for the bot."""
        pressed = self.press(actor, look, label)
        await self.world.settle()
        return pressed

    def sent(self) -> list[dict[str, Any]]:
        """Return the bodies of all messages sent or edited, as Discord received them."""
        bodies = (request.json for request in self.world.http_requests)
        inner = (body.get("data", body) for body in bodies if isinstance(body, dict))
        return [body for body in inner if "content" in body]


def find_components(message: Any) -> list[dict[str, Any]]:
    """Return the components of a message, each before those inside it."""
    rows = message["components"] if isinstance(message, dict) else message.components
    return list(walk_components([row if isinstance(row, dict) else row.to_dict() for row in rows]))


def find_menus(message: Any) -> list[dict[str, Any]]:
    """Return the lists of a message."""
    return [item for item in find_components(message) if item["type"] == SELECT]


def buttons(message: Any) -> dict[str, str]:
    """Return the ids of a message's buttons by their labels."""
    found = (item for item in find_components(message) if item["type"] == BUTTON)
    return {item["label"]: item["custom_id"] for item in found}


def labels(message: Any) -> list[str]:
    """Return the labels of a message's buttons."""
    return list(buttons(message))


def fields(shown: Any) -> dict[str, str]:
    """Return the ids of a shown modal's inputs by their labels."""
    found = {}
    for row in shown.modal["components"]:
        for component in row.get("components") or [row]:
            found[component["label"]] = component.get("component", component)["custom_id"]
    return found


@asynccontextmanager
async def simulated(client: commands.Bot) -> AsyncIterator[simcord.Env]:
    """Open a simulated Discord with a bot in it; raise what the bot raises without an answer."""
    env = simcord.Env(client, settle_timeout=60.0)
    await env.start()
    try:
        yield env
    finally:
        await env.shutdown()
        await env.bot.close()
    env._raise_errors_since(env._errors_acknowledged)


def opened(chosen: RunnerSettings) -> AbstractAsyncContextManager[simcord.Env]:
    """Open a simulated Discord with the bot in it."""
    return simulated(Bot(chosen))


async def staged(world: simcord.Env, chosen: RunnerSettings) -> Stage:
    """Put the bot on a stage."""
    guild = world.create_guild("The Playhouse")
    channel = guild.create_text_channel("stage")
    ann = guild.add_member(world.create_user("Ann"))
    ben = guild.add_member(world.create_user("Ben"))
    await world.settle()
    return Stage(world, guild, channel, ann, ben, chosen)


@pytest.fixture
async def world(
    chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[simcord.Env]:
    """Yield a simulated Discord with the bot in it; fail where the bot raises without an answer."""
    monkeypatch.setattr(aiosqlite.Connection, "_execute", execute_inline)
    async with opened(chosen) as env:
        yield env


@pytest.fixture
async def stage(
    world: simcord.Env, chosen: RunnerSettings, request: pytest.FixtureRequest
) -> Stage:
    """Return a stage with the bot, and with a script of Ann's if the module sets ``STARTED``."""
    stage = await staged(world, chosen)
    if getattr(request.module, "STARTED", False):
        await start_script(stage)
    return stage


async def start_script(stage: Stage, channel: Any = None, **options: Any) -> Any:
    """Begin a script in a diner, as Ann."""
    options = {"title": "The Diner", "heading": HEADING, **options}
    return await stage.ann.slash(channel or stage.channel, "start", **options)


def moderator(stage: Stage, name: str = "Mo", **permissions: bool) -> simcord.MemberActor:
    """Return somebody who may manage messages, and has these permissions too."""
    rights = discord.Permissions(**({"manage_messages": True} | permissions))
    role = stage.guild.create_role("Moderators", permissions=rights)
    return stage.guild.add_member(stage.world.create_user(name), roles=[role])


def poll(stage: Stage) -> ResponseMessage:
    """Return the newest message that shows takes to choose from, as it is now and becomes."""
    shown = [message for message in stage.messages() if "**Take 1**" in message.content][-1]
    return ResponseMessage(stage.world, stage.world.backend.messages[shown.channel.id][shown.id])


def assert_private(message: Any, *parts: str) -> None:
    """Check that one person alone reads a message, which has these parts."""
    assert message.ephemeral
    for part in parts:
        assert part in message.content


def answer(result: Any) -> Any:
    """Return the message that answers an interaction: its follow-up, its response, or None.

    The response to a button may be the button's own message.
    """
    return next(iter(result.followups), None) or result.response
