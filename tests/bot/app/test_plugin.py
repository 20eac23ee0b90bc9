"""Test On Book as an extension of another bot, copied under another name."""

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

import bot
from bot.inference.request import WORD_OVERRUN
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import HEADING, Stage, answer, fields, labels, poll, simulated, staged
from tests.bot.playing import BY_PERSON, PAUSE
from tests.fake_discord import rules

EXTENSION = "prompter"
"""The name of the copied folder."""

OPEN_FILES = Path("/proc/self/fd")


@pytest.fixture(scope="module")
def plugins(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the compiled extension, which lists the voice ``tiny`` as shipped."""
    folder = tmp_path_factory.mktemp("plugins")
    unread = shutil.ignore_patterns("__pycache__", "models")
    shutil.copytree(Path(bot.__file__).parent, folder / EXTENSION, ignore=unread)
    (folder / EXTENSION / "models").mkdir()
    shutil.copy(voices / "SHA256SUMS", folder / EXTENSION / "models")
    compileall.compile_dir(folder, quiet=1)
    return folder


@pytest.fixture(autouse=True)
def environment(
    tmp_path: Path, plugins: Path, voices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set the environment of the extension, and other settings in the host's ``.env`` file."""
    monkeypatch.syspath_prepend(plugins)
    (tmp_path / ".env").write_text("ONBOOK_TEMPERATURE=9\nONBOOK_MODEL=nobody\n")
    monkeypatch.chdir(tmp_path)
    settings = {"models": voices, "model": "tiny", "database": tmp_path / "plugin.db"}
    for name, value in (settings | {"threads": 1, "line_length": 100}).items():
        monkeypatch.setenv(f"ONBOOK_{name.upper()}", str(value))


class Tree(app_commands.CommandTree[Any]):
    """A command tree that handles its errors, and blocks people."""

    blocked: int | None = None
    """The id of the person who is blocked."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        return interaction.user.id != self.blocked

    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /
    ) -> None:
        raise error


class Host(commands.Bot):
    """A bot with one command."""

    def __init__(self) -> None:
        super().__init__(command_prefix="!", intents=discord.Intents.default(), tree_cls=Tree)

        @self.tree.command(description="Roll a die")
        async def roll(interaction: discord.Interaction[Any]) -> None:
            await interaction.response.send_message("4")


@pytest.fixture
async def world() -> AsyncIterator[simcord.Env]:
    """Yield a simulated Discord with the host in it."""
    async with simulated(Host()) as env:
        yield env


@pytest.fixture
def host(world: simcord.Env) -> Host:
    assert isinstance(world.bot, Host)
    return world.bot


@pytest.fixture
async def stage(world: simcord.Env) -> Stage:
    return await staged(world, None)


async def load(stage: Stage, name: str = EXTENSION) -> None:
    host: Any = stage.world.bot
    with stage.world._bot_scope():
        await host.load_extension(name)
        await host.tree.sync()


async def unload(stage: Stage) -> None:
    host: Any = stage.world.bot
    with stage.world._bot_scope():
        await host.unload_extension(EXTENSION)
    await stage.world.settle()


async def start(stage: Stage, **options: str) -> Any:
    return await stage.ann.slash(stage.channel, "onbook start", heading=HEADING, **options)


async def continue_script(stage: Stage) -> None:
    """Continue the script with the same seed each time, as Ann."""
    await stage.continue_with_seed(stage.ann, "onbook continue", seed=1)


def list_traces(host: Host) -> dict[str, object]:
    """Return all that a guest could leave behind in its host and in the process."""
    views = host._connection._view_store
    threads = [thread.name for thread in threading.enumerate()]
    return {
        "modules": [module for module in sys.modules if module.partition(".")[0] == EXTENSION],
        # Threads of the event loop's executor start with work, and stay with the loop.
        "threads": sorted(name for name in threads if not name.startswith("asyncio_")),
        "tasks": sorted(task.get_coro().__qualname__ for task in asyncio.all_tasks()),
        "files": sorted(str(file.readlink()) for file in OPEN_FILES.iterdir() if file.exists()),
        "on the disk": sorted(path.name for path in Path().iterdir()),
        "commands": sorted(command.name for command in host.tree.walk_commands()),
        "menus": [
            command.name for command in host.tree.get_commands(type=discord.AppCommandType.message)
        ],
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


async def assert_refused(stage: Stage, host: Host, why: str) -> None:
    """Check that the extension is not loaded for this reason, and leaves nothing behind."""
    before = list_traces(host)
    with pytest.raises(commands.ExtensionFailed) as failed:
        await load(stage)
    assert str(failed.value.original).startswith(why)
    assert list_traces(host) == before


async def test_guest_works_and_changes_nothing_of_its_host(
    stage: Stage, host: Host, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ONBOOK_MODEL", "other")  # a voice that it must examine itself
    root = logging.getLogger()
    before = (list(root.handlers), root.level, host.tree.on_error, host.allowed_mentions)
    with caplog.at_level(logging.DEBUG, "onbook"), stage.world._bot_scope():
        await host.load_extension(EXTENSION)
    assert (list(root.handlers), root.level, host.tree.on_error, host.allowed_mentions) == before
    assert not logging.getLogger("onbook").handlers
    said = [record.name for record in caplog.records if f"/{EXTENSION}/" in record.pathname]
    assert said
    assert all(name.startswith("onbook.") for name in said)
    assert not [request for request in stage.world.http_requests if request.method != "GET"]

    with stage.world._bot_scope():
        await host.tree.sync()
    [synced] = [request.json for request in stage.world.http_requests if request.method == "PUT"]
    rules.check_commands(synced)
    menus = ["Continue from here", "Rewrite this line", "Details", "Add to the script"]
    named = [(command["type"], command["name"]) for command in synced]
    assert named == [(1, "roll"), (1, "onbook"), *((3, name) for name in menus)]
    # The commands are neither in private channels nor on a person's own installation.
    where = [(command["contexts"], command["integration_types"]) for command in synced[1:]]
    assert where == [([0, 1], [0])] * 5

    await start(stage, title="The Diner")
    assert labels(stage.panel()) == BY_PERSON
    plain = {"setting": "plain_messages", "value": "on"}
    refused = answer(await stage.ann.slash(stage.channel, "onbook settings", **plain))
    assert "`ONBOOK_MENTIONS=True`" in refused.content
    told = answer(await stage.ann.slash(stage.channel, "onbook privacy"))
    assert "It reads no other messages." in told.content
    await continue_script(stage)
    await stage.ben.click(stage.panel(), label="Another take")
    lines = await stage.lines()
    assert (len(lines), lines[0]) == (2, HEADING)
    await assert_channel_is_true(stage)
    # The environment was read, and the .env file was not.
    script = await stage.script()
    assert (script.model, script.preferences["temperature"]) == ("other", 0.65)
    assert len(lines[1]) <= 100 + WORD_OVERRUN + len("LEONATO\n")
    assert (await stage.ann.slash(stage.channel, "roll")).response.content == "4"


async def test_script_continues_after_unloading_and_reloading(stage: Stage, host: Host):
    await load(stage)
    await start(stage)
    await continue_script(stage)
    continued = stage.panel()
    lines = await stage.lines()

    await unload(stage)
    traces = list_traces(host)
    assert (traces["modules"], traces["cogs"], traces["menus"]) == ([], [], [])
    assert not [name for name in traces["threads"] if name.startswith("onbook")]
    assert (traces["commands"], traces["views"][-1]) == (["roll"], {})
    with FileLock("plugin.db.lock", timeout=0):
        pass
    ignored = await stage.ann.click(continued, label="Continue")
    assert not ignored.acknowledged

    await load(stage)
    assert await stage.lines() == lines
    await stage.ann.click(continued, label="Undo")
    assert await stage.lines() == [HEADING]
    with stage.world._bot_scope():
        await host.reload_extension(EXTENSION)
    await continue_script(stage)
    assert await stage.lines() == lines
    threads = [name for name in list_traces(host)["threads"] if name.startswith("onbook")]
    assert threads == ["onbook-engine-tiny"]


async def test_unloading_leaves_nothing_behind(stage: Stage, host: Host):
    async def visit() -> weakref.ref[object]:
        await load(stage)
        await start(stage)
        # On the second visit the bot asks what becomes of the first script, and waits.
        asked = await start(stage)
        assert "Continue it" in labels(asked.response)
        await stage.ben.slash(stage.channel, "onbook continue", takes=2, vote=600)
        assert [label[:6] for label in labels(poll(stage))] == ["Take 1", "Take 2"]
        asked = await stage.ann.slash(stage.channel, "onbook write", text="Rain.")
        await stage.ann.click(asked.response, label="Add it anyway")
        assert (await stage.ann.click(stage.panel(), label="Write")).modal
        views = host._connection._view_store
        assert [*views._modals, *views._views]
        gone = weakref.ref(host.cogs["OnBook"])
        await unload(stage)
        return gone

    await visit()
    before = list_traces(host)
    gone = await visit()
    assert list_traces(host) == before
    gc.collect()
    assert gone() is None


async def test_unloading_while_a_line_is_written(stage: Stage, host: Host):
    await load(stage)
    await start(stage)
    pressed = stage.press(stage.ann, stage.look(stage.panel()), "Continue")
    while not stage.world.http_requests[-1].path.endswith("/callback"):  # noqa: ASYNC110
        await asyncio.sleep(0)
    await unload(stage)
    traces = list_traces(host)
    # The buttons shown at the last moment are unregistered as well.
    assert (traces["modules"], traces["views"][-1]) == ([], {})
    assert not [name for name in traces["threads"] if name.startswith("onbook")]
    await load(stage)
    # The heading is either stored and shown, or neither, and the writer was told.
    assert bool(answer(pressed)) == (await stage.lines() == [HEADING])


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("ONBOOK_MODEL", "nobody", "There is no voice “nobody”"),
        ("ONBOOK_GROUP", "On Book", "ONBOOK_GROUP is not valid"),
        ("ONBOOK_DATABASE", "/nowhere/plugin.db", "There is no folder /nowhere"),
    ],
)
async def test_invalid_settings_refuse_to_load(
    stage: Stage, host: Host, name: str, value: str, why: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(name, value)
    await assert_refused(stage, host, why)


def add_group(host: Host) -> None:

    @host.tree.command(name="onbook", description="What is on the booking list")
    async def onbook(interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_message("Nothing.")


def add_menus(host: Host, *names: str) -> None:
    """Add commands on messages to the host."""

    async def show(interaction: discord.Interaction[Any], message: discord.Message) -> None:
        await interaction.response.send_message(message.content)

    for name in names:
        host.tree.add_command(app_commands.ContextMenu(name=name, callback=show))


async def test_commands_without_room_refuse_to_load(stage: Stage, host: Host):
    add_menus(host, *"1234")
    await assert_refused(stage, host, "There is no room for “Rewrite this line”, because Discord")
    host.tree.clear_commands(guild=None)
    add_menus(host, "Rewrite this line")
    await assert_refused(stage, host, "This bot already has a command “Rewrite this line”. Rename")
    host.tree.clear_commands(guild=None)
    add_group(host)
    taken = "This bot already has a command /onbook. Set ONBOOK_GROUP to another name."
    await assert_refused(stage, host, taken)


async def test_group_taken_during_loading_refuses_to_load(stage: Stage, host: Host):
    before = list_traces(host)
    loading = asyncio.create_task(load(stage))
    while not Path("plugin.db").exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(0)
    add_group(host)
    with pytest.raises(commands.ExtensionFailed, match="This bot already has a command /onbook"):
        await loading
    host.tree.remove_command("onbook")
    assert list_traces(host) == before | {"on the disk": ANY}  # a new database


async def test_second_copy_refuses_to_load(
    stage: Stage, host: Host, plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await load(stage)
    shutil.copytree(plugins / EXTENSION, tmp_path / "plugins" / "twin")  # with its bytecode
    before = list_traces(host)
    monkeypatch.syspath_prepend(tmp_path / "plugins")
    with pytest.raises(commands.ExtensionFailed, match="On Book is already loaded"):
        await load(stage, "twin")
    assert list_traces(host) == before


async def test_group_can_be_renamed(stage: Stage, host: Host, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ONBOOK_GROUP", "bühne_2")
    add_group(host)
    await load(stage)
    told = await stage.ann.slash(stage.channel, "bühne_2 help")
    assert "</bühne_2 script show:" in told.response.content
    refused = await stage.ann.slash(stage.channel, "bühne_2 undo")
    assert "/bühne_2 start" in refused.response.content
    assert (await stage.ann.slash(stage.channel, "onbook")).response.content == "Nothing."
    suggested = await stage.ann.autocomplete(stage.channel, "bühne_2 start", "voice", "ti")
    assert [choice["value"] for choice in suggested] == ["tiny"]


async def test_a_person_whom_the_host_blocks_can_neither_press_buttons_nor_submit_windows(
    stage: Stage, host: Host, monkeypatch: pytest.MonkeyPatch
):
    await load(stage)
    await start(stage)
    window = await stage.ben.click(stage.panel(), label="Write")
    offer = answer(await stage.ben.slash(stage.channel, "onbook start", title="The Roof"))
    monkeypatch.setattr(host.tree, "blocked", stage.ben.id)
    for label in ("Continue", "Undo", "Write"):
        pressed = await stage.ben.click(stage.panel(), label=label)
        assert not pressed.acknowledged
    pressed = await stage.ben.click(offer, label=PAUSE)
    assert not pressed.acknowledged
    await stage.ben.submit_modal(window, {fields(window)["Text"]: "Rain."})
    assert await stage.lines() == [HEADING]
    await stage.ann.click(stage.panel(), label="Undo")
    assert await stage.lines() == []


async def test_commands_of_a_single_server_are_not_mentioned_elsewhere(stage: Stage, host: Host):
    with stage.world._bot_scope():
        await host.load_extension(EXTENSION)
        guild = discord.Object(stage.guild.id)
        host.tree.copy_global_to(guild=guild)
        await host.tree.sync(guild=guild)
    await start(stage)
    told = await stage.ann.slash(stage.channel, "onbook help")
    assert "/onbook script show" in told.response.content
    assert "</" not in told.response.content


async def test_guest_leaves_messages_to_its_host_unless_its_operator_allows_it(
    stage: Stage, host: Host, monkeypatch: pytest.MonkeyPatch
):
    async def dice(context: commands.Context[Any]) -> None:
        await context.send("4")

    host.command_prefix = commands.when_mentioned_or("!")
    host.add_command(commands.Command(dice))
    me = f"<@{host.user.id}>"
    await load(stage)
    await start(stage)
    await stage.ann.send(stage.channel, f"{me} HELEN: Get me down.")
    await stage.ann.send(stage.channel, "Rain.", reply_to=stage.panel())
    assert await stage.lines() == [HEADING]

    monkeypatch.setenv("ONBOOK_MENTIONS", "true")
    with stage.world._bot_scope():
        await host.reload_extension(EXTENSION)
    for text in (f"{me} dice", f"{me} HELEN: Get me down."):
        await stage.ann.send(stage.channel, text)
    for text in ("!dice", "Rain."):
        await stage.ann.send(stage.channel, text, reply_to=stage.panel())
    said = await stage.ben.send(stage.channel, "Snow.")
    await stage.ben.context_menu(stage.channel, "Add to the script", said)
    assert await stage.lines() == [HEADING, "HELEN\nGet me down.", "Rain.", "Snow."]
    # The host has answered both of its commands, and a reply to that answer is none of a script's.
    answers = [message for message in stage.messages() if message.content == "4"]
    assert len(answers) == 2
    await stage.ann.send(stage.channel, "Again!", reply_to=answers[-1])
    assert len(await stage.lines()) == 4
    await assert_channel_is_true(stage)


async def test_guest_pings_nobody_though_its_host_may(stage: Stage):
    await load(stage)
    rights = stage.permit(**dict(discord.Permissions.all()))
    nasty = f"@everyone @here {stage.ben.mention} {rights.mention}"
    await stage.ann.slash(stage.channel, "onbook start", title=nasty, heading=nasty)
    await stage.ann.slash(stage.channel, "onbook write", text=nasty)
    look = stage.look(stage.panel())
    await stage.ann.slash(stage.channel, "onbook script show")
    await stage.ann.slash(stage.channel, "onbook undo")
    await stage.press_late(stage.ann, look, "Continue")
    asked = (await stage.ann.slash(stage.channel, "onbook start", title=nasty)).response
    await stage.ann.click(asked, label=PAUSE)
    await stage.press_late(stage.ann, look, "Continue")
    await stage.ann.slash(stage.channel, "onbook start", voice=nasty)
    sent = stage.world.backend.messages[stage.channel.id].values()
    assert len(sent) > 5
    for message in sent:
        assert not message.mention_everyone
        assert (message.ping_user_ids, message.ping_role_ids) == ([], [])
