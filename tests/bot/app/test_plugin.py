"""Test the folder as an extension of somebody else's bot, under its own name and another."""

from __future__ import annotations

import asyncio
import compileall
import gc
import logging
import shutil
import sys
import threading
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import discord
import pytest
import simcord
from discord import app_commands
from discord.ext import commands
from filelock import FileLock

from bot.inference.request import WORD_OVERRUN
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import Stage, answer, labels, poll
from tests.fake_discord import rules

OPEN_FILES = Path("/proc/self/fd")

FOLDER = Path(__file__).parents[3] / "bot"

UNREAD = shutil.ignore_patterns("__pycache__", "models")

HEADING = "INT. DINER - NIGHT"


@pytest.fixture(scope="module")
def plugins(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the extension under another name, compiled once for all tests.

    It is shipped with the verdict on the voice ``tiny``.
    """
    folder = tmp_path_factory.mktemp("plugins")
    shutil.copytree(FOLDER, folder / "prompter", ignore=UNREAD)
    (folder / "prompter" / "models").mkdir()
    shutil.copy(voices / "examined.json", folder / "prompter" / "models")
    compileall.compile_dir(folder, quiet=1)
    return folder


@pytest.fixture
def extension(
    tmp_path: Path,
    plugins: Path,
    voices: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Return another name of the extension, with its settings in the environment.

    A ``.env`` file in the working directory, which belongs to the host, has other settings.
    """
    monkeypatch.syspath_prepend(plugins)
    (tmp_path / ".env").write_text("ONBOOK_TEMPERATURE=9\nONBOOK_MODEL=nobody\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONBOOK_MODELS", str(voices))
    monkeypatch.setenv("ONBOOK_MODEL", "tiny")
    monkeypatch.setenv("ONBOOK_DATABASE", str(tmp_path / "plugin.db"))
    monkeypatch.setenv("ONBOOK_THREADS", "1")
    monkeypatch.setenv("ONBOOK_LINE_LENGTH", "100")
    return "prompter"


class Tree(app_commands.CommandTree[Any]):
    """A tree with an error handler of its own."""

    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /
    ) -> None:
        raise error


class Host(commands.Bot):
    """Somebody's bot, with a command of its own."""

    def __init__(self) -> None:
        super().__init__(command_prefix="!", intents=discord.Intents.default(), tree_cls=Tree)

        @self.tree.command(description="Roll a die")
        async def roll(interaction: discord.Interaction[Any]) -> None:
            await interaction.response.send_message("4")


@pytest.fixture
async def world(extension: str) -> AsyncIterator[simcord.Env]:
    """Yield a simulated Discord with somebody's bot in it."""
    env = simcord.Env(Host(), settle_timeout=60.0)
    await env.start()
    try:
        yield env
    finally:
        await env.shutdown()
        await env.bot.close()
    env._raise_errors_since(env._errors_acknowledged)


@pytest.fixture
def host(world: simcord.Env) -> Host:
    """Return somebody's bot."""
    assert isinstance(world.bot, Host)
    return world.bot


@pytest.fixture
async def stage(world: simcord.Env) -> Stage:
    """Return a channel and two people in it."""
    guild = world.create_guild("The Playhouse")
    channel = guild.create_text_channel("stage")
    ann = guild.add_member(world.create_user("Ann"))
    ben = guild.add_member(world.create_user("Ben"))
    await world.settle()
    return Stage(world, guild, channel, ann, ben, None)


def left_behind(extension: str) -> list[str]:
    """Return the threads and modules of the extension that are still in this process."""
    threads = [one.name for one in threading.enumerate() if one.name.startswith("onbook")]
    return threads + [one for one in sys.modules if one.partition(".")[0] == extension]


async def test_it_is_a_guest(
    extension: str,
    stage: Stage,
    host: Host,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("ONBOOK_MODEL", "other")  # a voice that it must examine itself
    root = logging.getLogger()
    before = (list(root.handlers), root.level, host.tree.on_error, host.allowed_mentions)
    with caplog.at_level(logging.DEBUG, "onbook"), stage.world._bot_scope():
        await host.load_extension(extension)
    assert (list(root.handlers), root.level, host.tree.on_error, host.allowed_mentions) == before
    assert not logging.getLogger("onbook").handlers
    said = [record.name for record in caplog.records if f"/{extension}/" in record.pathname]
    assert said
    assert all(name.startswith("onbook.") for name in said)
    assert not [one for one in stage.world.http_requests if one.method != "GET"]

    with stage.world._bot_scope():
        await host.tree.sync()
    await stage.ann.slash(stage.channel, "onbook start", title="The Diner", heading=HEADING)
    assert labels(stage.panel()) == ["Continue", "Undo", "Write", "More…"]
    await stage.continue_with_seed(stage.ben, stage.channel, "onbook continue", seed=1)
    await stage.ben.click(stage.panel(), label="Another take")
    lines = await stage.lines()
    assert (len(lines), lines[0]) == (2, HEADING)
    await assert_channel_is_true(stage)
    # The environment was read, and the .env file was not.
    script = await stage.script()
    assert (script.voice, script.options["temperature"]) == ("other", 0.65)
    assert len(lines[1]) <= 100 + WORD_OVERRUN + len("LEONATO\n")
    assert (await stage.ann.slash(stage.channel, "roll")).response.content == "4"


async def test_it_leaves_nothing_behind_and_comes_back(extension: str, stage: Stage, host: Host):
    with stage.world._bot_scope():
        await host.load_extension(extension)
        await host.tree.sync()
    await stage.ann.slash(stage.channel, "onbook start", heading=HEADING)
    await stage.continue_with_seed(stage.ann, stage.channel, "onbook continue", seed=1)
    continued = stage.panel()
    lines = await stage.lines()
    assert left_behind(extension)

    with stage.world._bot_scope():
        await host.unload_extension(extension)
    assert left_behind(extension) == []
    assert list(host.cogs) == []
    assert [command.name for command in host.tree.get_commands()] == ["roll"]
    assert host._connection._view_store._dynamic_items == {}
    with FileLock("plugin.db.lock", timeout=0):
        pass
    ignored = await stage.ann.click(continued, label="Continue")
    assert not ignored.acknowledged

    with stage.world._bot_scope():
        await host.load_extension(extension)
    assert await stage.lines() == lines
    await stage.ann.click(continued, label="Undo")
    assert await stage.lines() == [HEADING]
    with stage.world._bot_scope():
        await host.reload_extension(extension)
    await stage.continue_with_seed(stage.ann, stage.channel, "onbook continue", seed=1)
    assert await stage.lines() == lines
    assert [name for name in left_behind(extension) if name.startswith("onbook")] == [
        "onbook-engine-tiny"
    ]


def there_is(host: Host) -> dict[str, object]:
    """Return all that a guest could leave behind in a client and in its process."""
    views = host._connection._view_store
    threads = [one.name for one in threading.enumerate()]
    return {
        # Threads of the event loop's executor start with work, and stay with the loop.
        "threads": sorted(name for name in threads if not name.startswith("asyncio_")),
        "tasks": sorted(task.get_coro().__qualname__ for task in asyncio.all_tasks()),
        "files": sorted(str(one.readlink()) for one in OPEN_FILES.iterdir() if one.exists()),
        "on the disk": sorted(one.name for one in Path().iterdir()),
        "commands": sorted(one.name for one in host.tree.walk_commands()),
        "menus": [one.name for one in host.tree.get_commands(type=discord.AppCommandType.message)],
        "cogs": list(host.cogs),
        "listeners": {name: len(found) for name, found in host.extra_events.items() if found},
        "views": [views._views, views._synced_message_views, views._modals, views._dynamic_items],
        "filters": {
            name: list(logger.filters)
            for name, logger in logging.root.manager.loggerDict.items()
            if isinstance(logger, logging.Logger) and logger.filters
        },
        "attributes": sorted(vars(host)),
    }


async def test_again_and_again_it_leaves_nothing_behind(extension: str, stage: Stage, host: Host):
    async def visit() -> weakref.ref[object]:
        with stage.world._bot_scope():
            await host.load_extension(extension)
            await host.tree.sync()
        await stage.ann.slash(stage.channel, "onbook start", heading=HEADING)
        # On the second visit the bot asks what becomes of the first script, and waits.
        asked = await stage.ann.slash(stage.channel, "onbook start", heading=HEADING)
        assert "Continue it" in labels(asked.response)
        await stage.ben.slash(stage.channel, "onbook continue", takes=2, vote=600)
        assert [one[:1] for one in labels(poll(stage))] == ["1", "2"]
        await stage.ann.slash(stage.channel, "onbook write", text="Rain.")
        assert (await stage.ann.click(stage.panel(), label="Write")).modal
        assert views_of(host)
        gone = weakref.ref(host.cogs["OnBook"])
        with stage.world._bot_scope():
            await host.unload_extension(extension)
        await stage.world.settle()
        return gone

    await visit()
    before = there_is(host)
    for _ in range(2):
        gone = await visit()
        assert there_is(host) == before
    gc.collect()
    assert gone() is None


def views_of(host: Host) -> list[object]:
    """Return the open windows and offers."""
    views = host._connection._view_store
    return [*views._modals, *views._views]


async def test_it_may_leave_in_the_middle_of_a_line(extension: str, stage: Stage, host: Host):
    with stage.world._bot_scope():
        await host.load_extension(extension)
        await host.tree.sync()
    await stage.ann.slash(stage.channel, "onbook start", heading=HEADING)
    pressed = stage.press(stage.ann, stage.look(stage.panel()), "Continue")
    while not stage.world.http_requests[-1].path.endswith("/callback"):  # noqa: ASYNC110
        await asyncio.sleep(0)
    with stage.world._bot_scope():
        await host.unload_extension(extension)
    await stage.world.settle()
    assert left_behind(extension) == []
    # The buttons shown at the last moment are unregistered as well.
    assert host._connection._view_store._dynamic_items == {}
    with stage.world._bot_scope():
        await host.load_extension(extension)
    # The heading is either stored and shown, or neither, and the writer was told.
    assert bool(answer(pressed)) == (await stage.lines() == [HEADING])


async def test_what_keeps_it_from_loading_is_said_and_leaves_nothing(
    extension: str, stage: Stage, host: Host, monkeypatch: pytest.MonkeyPatch
):
    before = there_is(host)
    for name, value, why in (
        ("ONBOOK_MODEL", "nobody", "There is no voice “nobody”"),
        ("ONBOOK_GROUP", "On Book", "ONBOOK_GROUP is not valid"),
        ("ONBOOK_DATABASE", "/nowhere/plugin.db", "There is no folder /nowhere"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(commands.ExtensionFailed) as failed, stage.world._bot_scope():
                await host.load_extension(extension)
        assert str(failed.value.original).startswith(why)
        assert left_behind(extension) == []
        assert there_is(host) == before


def group_of(host: Host) -> None:
    @host.tree.command(name="onbook", description="What is on the booking list")
    async def onbook(interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_message("Nothing.")


def menu_of(host: Host) -> None:
    @host.tree.context_menu(name="Rewrite this line")
    async def rewrite(interaction: discord.Interaction[Any], message: discord.Message) -> None:
        await interaction.response.send_message(message.content)


def four_menus_of(host: Host) -> None:
    async def nothing(interaction: discord.Interaction[Any], message: discord.Message) -> None:
        await interaction.response.send_message(message.content)

    for number in range(4):
        host.tree.add_command(app_commands.ContextMenu(name=f"{number}", callback=nothing))


async def test_a_command_that_has_no_place_is_refused_and_leaves_nothing(
    extension: str, stage: Stage, host: Host
):
    for furnish, why in (
        (four_menus_of, "There is no room for “Rewrite this line”, because Discord allows 5"),
        (menu_of, "This bot already has a command “Rewrite this line”. Rename that one."),
        (group_of, "This bot already has a command /onbook. Set ONBOOK_GROUP to another name."),
    ):
        host.tree.clear_commands(guild=None)
        furnish(host)
        before = there_is(host)
        with pytest.raises(commands.ExtensionFailed) as failed, stage.world._bot_scope():
            await host.load_extension(extension)
        assert str(failed.value.original).startswith(why)
        assert left_behind(extension) == []
        assert there_is(host) == before


async def test_a_name_that_was_taken_while_it_loads_is_refused_and_leaves_nothing(
    extension: str, stage: Stage, host: Host
):
    async def load() -> None:
        with stage.world._bot_scope():
            await host.load_extension(extension)

    before = there_is(host)
    loading = asyncio.create_task(load())
    while not Path("plugin.db").exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(0)
    group_of(host)
    with pytest.raises(commands.ExtensionFailed, match="This bot already has a command /onbook"):
        await loading
    host.tree.remove_command("onbook")
    assert there_is(host) == before | {"on the disk": ANY}  # a new database


async def test_it_can_be_there_once(
    extension: str, stage: Stage, host: Host, plugins: Path, tmp_path: Path
):
    with stage.world._bot_scope():
        await host.load_extension(extension)
    shutil.copytree(plugins / "prompter", tmp_path / "plugins" / "twin")  # with its bytecode
    before = there_is(host)
    sys.path.insert(0, str(tmp_path / "plugins"))
    try:
        with pytest.raises(commands.ExtensionFailed, match="On Book is already loaded"):
            await host.load_extension("twin")
    finally:
        sys.path.remove(str(tmp_path / "plugins"))
    assert there_is(host) == before


async def test_its_commands_are_such_as_discord_takes(extension: str, stage: Stage, host: Host):
    with stage.world._bot_scope():
        await host.load_extension(extension)
        await host.tree.sync()
    [synced] = [one.json for one in stage.world.http_requests if one.method == "PUT"]
    rules.check_commands(synced)
    assert [(one["type"], one["name"]) for one in synced] == [
        (1, "roll"),
        (1, "onbook"),
        (3, "Continue from here"),
        (3, "Rewrite this line"),
        (3, "Details"),
        (3, "Star"),
    ]
    # The commands are neither in private channels nor on a person's own installation.
    where = [(one["contexts"], one["integration_types"]) for one in synced[1:]]
    assert where == [([0, 1], [0])] * 5


async def test_its_group_has_the_name_that_is_set(
    extension: str, stage: Stage, host: Host, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ONBOOK_GROUP", "bühne_2")
    group_of(host)
    with stage.world._bot_scope():
        await host.load_extension(extension)
        await host.tree.sync()
    told = await stage.ann.slash(stage.channel, "bühne_2 help")
    assert "</bühne_2 script show:" in told.response.content
    refused = await stage.ann.slash(stage.channel, "bühne_2 continue")
    assert "/bühne_2 start" in refused.response.content
    assert (await stage.ann.slash(stage.channel, "onbook")).response.content == "Nothing."
    suggested = await stage.ann.autocomplete(stage.channel, "bühne_2 start", "voice", "ti")
    assert [one["value"] for one in suggested] == ["tiny"]


async def test_nothing_pings_from_a_bot_that_may(extension: str, stage: Stage, host: Host):
    with stage.world._bot_scope():
        await host.load_extension(extension)
        await host.tree.sync()
    backend = stage.world.backend
    rights = stage.guild.create_role("Bot", permissions=discord.Permissions.all())
    backend.add_member_role(stage.guild.id, backend.bot_user.id, rights.id)
    nasty = f"@everyone @here {stage.ben.mention} {rights.mention}"
    await stage.ann.slash(stage.channel, "onbook start", title=nasty, heading=nasty)
    await stage.ann.slash(stage.channel, "onbook write", text=nasty)
    look = stage.look(stage.panel())
    await stage.ann.slash(stage.channel, "onbook script show")
    await stage.ann.slash(stage.channel, "onbook undo")
    await stage.press_late(stage.ann, look, "Continue")
    asked = (await stage.ann.slash(stage.channel, "onbook start", title=nasty)).response
    await stage.ann.click(asked, label="Pause it and start the new one")
    await stage.press_late(stage.ann, look, "Continue")
    await stage.ann.slash(stage.channel, "onbook start", voice=nasty)
    sent = backend.messages[stage.channel.id].values()
    assert len(sent) > 5
    for message in sent:
        assert not message.mention_everyone
        assert (message.ping_user_ids, message.ping_role_ids) == ([], [])
