"""Test On Book in Red, whose owner installs, loads and unloads the cog by messages."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from discord import Permissions
from filelock import FileLock

import bot
from tests.bot.conftest import HEADING
from tests.fake_discord.people import PATIENCE, Channel, Discord, Guild, Message, Person
from tests.fake_discord.processes import ROOT, fake_discord
from tests.fake_discord.state import TOKEN
from tests.wheels import pip

RED = "Red-DiscordBot==3.5.24"

HOST = Path(__file__).with_name("red_host.py")

INFO = json.loads((ROOT / "bot" / "info.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def python() -> Path:
    """Return the Python of an environment with Red and the requirements of the cog.

    The installation takes a minute and a network; the environment is kept while its contents stay
    the same.
    """
    if sys.version_info >= (3, 12):
        pytest.skip("Red 3.5 runs on Python 3.11 and earlier, and this is a later one")
    wanted = "\n".join([sys.version, RED, *INFO["requirements"]])
    folder = ROOT / ".venv" / f"red-{sha256(wanted.encode()).hexdigest()[:12]}"
    folder.parent.mkdir(exist_ok=True)
    found, whole = folder / "bin" / "python", folder / "whole"
    with FileLock(f"{folder}.lock"):
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, symlinks=True)
            # The downloader of Red imports pip, and so does Red.
            install = ("--python", found, "install", "--no-compile")
            pip(*install, "pip", RED)
            # Red's downloader installs into a folder, without a look at Red's own libraries.
            library = folder / "library"
            pip(*install, "--target", library, *INFO["requirements"])
            [packages] = folder.glob("lib/*/site-packages")
            (packages / "library.pth").write_text(str(library))
            whole.touch()
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository of the cog, without requirements because they are installed."""
    folder = tmp_path / "repository"
    shutil.copytree(
        ROOT / "bot", folder / "bot", ignore=shutil.ignore_patterns("__pycache__", "screen.onnx")
    )
    (folder / "bot" / "info.json").write_text(json.dumps(INFO | {"requirements": []}))
    for other in ("export", "tests", "training"):
        (folder / other).mkdir()
        for name in ("__init__.py", "info.json"):
            shutil.copy(ROOT / other / name, folder / other)
    git = ("git", "-C", folder, "-c", "user.name=A", "-c", "user.email=a@b.c")
    quick = ("-c", "core.compression=0")
    subprocess.run([*git, "init", "--quiet", "--initial-branch", "main"], check=True)
    subprocess.run([*git, *quick, "add", "."], check=True)
    subprocess.run([*git, *quick, "commit", "--quiet", "--message", "All"], check=True)
    return folder


@dataclass
class Red:
    """A channel with Red in it, and Red's owner."""

    discord: Discord
    guild: Guild
    channel: Channel
    owner: Person
    data: Path

    async def tell(self, line: str, answer: str, by: Person | None = None) -> str:
        """Write a line to Red, and return the message with Red's answer."""
        written = await (by or self.owner).write(self.channel, line.replace("[p]", "!"))

        def find() -> str | None:
            later = (message.content for message in self.channel.messages() if message.id > written)
            return next((content for content in later if answer in content), None)

        return await self.discord.until(find, lambda: f"{answer!r} of Red")

    async def evaluate(self, expression: str) -> str:
        """Return the value of an expression in Red's process."""
        said = await self.tell(f"[p]debug {expression}", "```")
        return said.removeprefix("```py\n").removesuffix("\n```")

    async def list_traces(self) -> str:
        return await self.evaluate("__import__('__main__').list_traces(bot)")

    async def confirm(self, line: str, by: Person, answer: str) -> None:
        """Write a line that Red wants confirmed by a made-up word, and confirm it."""
        asked = await self.tell(line, "respond with the following", by)
        # Red asks before it listens, and would miss a quick answer.
        while "message" not in await self.evaluate("[*bot._listeners]"):
            pass
        await self.tell(asked.split()[-1], answer, by)


@contextmanager
def running_red(python: Path, folder: Path, address: str, owner: Person) -> Iterator[None]:
    """Run a new Red in a folder, as its owner starts it; fail on an error in its log."""
    home = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    hidden = ("PYTHON", "ONBOOK", "DISCORD", "RED_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment = clean | home | {"ONBOOK_THREADS": "1"}
    options = "--data-path", folder / "data", "--backend", "json"
    setup = [python, "-m", "redbot.setup", "--no-prompt", "--instance-name", "theatre", *options]
    subprocess.run(setup, env=environment, check=True, stdout=subprocess.DEVNULL)
    start = [python, "-P", HOST, address, "theatre", "--no-prompt", "--token", TOKEN]
    start += ["--prefix", "!", "--owner", str(owner.id), "--dev"]
    start += ["--disable-intent", "members", "--disable-intent", "presences"]
    log = folder / "red.log"
    with (
        log.open("w") as said,
        subprocess.Popen(start, cwd=folder, env=environment, stdout=said, stderr=said) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            process.wait()
            print(log.read_text(encoding="utf-8"))
    assert not re.search(r"\[(ERROR|CRITICAL)\]|Traceback", log.read_text(encoding="utf-8"))


@pytest.fixture
async def red(python: Path, tmp_path: Path) -> AsyncIterator[Red]:
    """Yield a new Red in a channel; fail on a refusal by Discord and on an error in Red's log."""
    with fake_discord(PATIENCE, may_read_content=True) as address:
        async with Discord(address) as discord:
            guild = await discord.guild("The Playhouse")
            channel = await guild.channel("stage")
            owner = await guild.person("Ann", Permissions.all().value)
            with running_red(python, tmp_path, address, owner):
                await discord.bot_is_ready()
                yield Red(discord, guild, channel, owner, tmp_path / "data")
            assert discord.refusals == []


def read_instructions(repository: Path) -> list[str]:
    """Return the messages to Red in docs/plugin.md, with the address of a repository."""
    page = (ROOT / "docs" / "plugin.md").read_text(encoding="utf-8")
    _, _, part = page.partition("\n## Red\n")
    lines = part.split("```")[1].split("\n")[1:-1]
    return [line.replace("file:///path/to/onbook", repository.as_uri()) for line in lines]


async def test_owner_installs_and_unloads_the_cog(red: Red, repository: Path):
    downloader, repo_add, install, bound, load, enable, sync = read_instructions(repository)
    assert bound == f"[p]pipinstall {INFO['requirements'][-1]}"
    await red.tell(downloader, "Loaded `downloader`")
    await red.tell(repo_add, "I agree")
    await red.tell("I agree", "Repo `onbook` successfully added")
    offered = await red.tell("[p]cog list onbook", "Available Cog")
    assert re.findall(r"^\+ (\w+)", offered, re.MULTILINE) == ["bot"]
    await red.tell(install, "Successfully installed the cog: `bot`")
    before = await red.list_traces()
    taken = "name='onbook', description='What is on the booking list'"
    await red.evaluate(f"bot.tree.add_command(discord.app_commands.Group({taken}))")
    await red.tell(load, "This bot already has a command /onbook. Set ONBOOK_GROUP to another")
    await red.evaluate("bot.tree.remove_command('onbook')")
    await red.evaluate("__import__('os').environ.update(ONBOOK_MODEL='nobody')")
    await red.tell(load, "There is no voice “nobody”")
    await red.evaluate("__import__('os').environ.pop('ONBOOK_MODEL')")
    assert await red.list_traces() == before

    await red.tell(load, "Loaded `bot`")
    assert await red.discord.commands() == {}
    await red.tell(
        enable,
        "`onbook`, `Continue from here`, `Rewrite this line`, `Details`, and `Add to the script`",
    )
    await red.tell(sync, "Synced 5 commands")
    channel, ann = red.channel, red.owner
    await (await ann.slash(channel, "onbook start", heading=HEADING)).is_done()
    await (await ann.slash(channel, "onbook continue")).is_done()
    assert list(red.data.rglob("*.db")) == [red.data / "cogs" / "OnBook" / "onbook.db"]

    await red.evaluate("__import__('os').environ.update(ONBOOK_MENTIONS='True')")
    await red.tell("[p]reload bot", "Reloaded `bot`")
    shown = await (await ann.slash(channel, "onbook continue")).is_done()
    lines = lines_in(channel)
    await red.tell("[p]unload bot", "The following package was unloaded: `bot`")
    assert await red.list_traces() == before
    await red.tell(load, "Loaded `bot`")
    await (await ann.click(shown, "Undo")).is_done()
    assert lines_in(channel) == lines[:-1]

    await ignore_people(red)
    await forget_people(red)


def lines_in(channel: Channel) -> list[Message]:
    """Return the messages that show lines, which Red's answers to its owner do not."""
    return [
        post for post in channel.messages() if post.is_line and not post.content.startswith("```py")
    ]


async def ignore_people(red: Red) -> None:
    """Check that the cog leaves out people, channels and servers that Red is told to ignore."""
    ben, me = await red.guild.person("Ben"), await red.evaluate("bot.user.id")
    # Red's command looks the person up over the gateway.
    blocklist = f"[p]debug await bot.{{}}_blacklist([{ben.id}])"
    for ignore, ignored, allow, allowed in (
        (blocklist.format("add_to"), "None", blocklist.format("remove_from"), "None"),
        ("[p]ignore channel", "added", "[p]unignore channel", "removed"),
        ("[p]command disablecog OnBook", "disabled", "[p]command enablecog OnBook", "enabled"),
    ):
        await red.tell(ignore, ignored)
        await ben.write(red.channel, f"<@{me}> It hails.")
        if "cog" not in ignore:  # this concerns only messages
            [panel] = [post for post in red.channel.messages() if post.is_panel]
            pressed = await ben.click(panel, "Continue")
            await pressed.shows("You are not permitted", "is ignored")
        await red.tell(allow, allowed)
        written = await ben.write(red.channel, f"<@{me}> It thaws.")
        # A message gets a tick once its line is shown, and the cog hears the next message.
        await red.discord.until(partial(is_ticked, red.discord, written))
    texts = [line.text for line in lines_in(red.channel)]
    assert len([text for text in texts if "thaws" in text]) == 3
    assert not [text for text in texts if "hails" in text]


def is_ticked(discord: Discord, message: int) -> bool:
    return message in discord.messages and bool(discord.messages[message].reactions)


async def forget_people(red: Red) -> None:
    """Check that the cog shows and forgets what Red asks it to."""
    stated = await red.evaluate("bot.extensions['bot'].__red_end_user_data_statement__")
    assert stated == INFO["end_user_data_statement"]
    ben, cleo = await red.guild.person("Ben"), await red.guild.person("Cleo")
    for person, text in ((ben, "It rains."), (cleo, "It snows.")):
        await (await person.slash(red.channel, "onbook write", text=text)).is_done()
    given = "(await bot.cogs['OnBook.privacy'].red_get_data_for_user(user_id={}))".format
    one_file = "['on-book-yours.json'].getvalue().decode()"
    assert "It rains." in await red.evaluate(given(ben.id) + one_file)

    # By default Red deletes a person's text too; the owner's setting keeps all but the name.
    await red.confirm("[p]mydata forgetme", ben, "I've deleted")
    level = "[p]mydata ownermanagement setuserdeletionlevel 0"
    await red.tell(level, "discretion of the cog author")
    await red.confirm("[p]mydata forgetme", cleo, "I've deleted")
    for person in (ben, cleo):
        assert await red.evaluate(given(person.id)) == "{}"
    script = await ben.slash(red.channel, "onbook script show")
    assert "It rains" not in (await script.shows("It snows")).content


def test_info_matches_the_package():
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    # Red has its own discord.py, no terminal and no command line of ours, and a typing_extensions
    # that a later pydantic is too new for.
    absent = ("discord.py", "prompt-toolkit", "tyro")
    bounded = {"pydantic>=2.10,<3": "pydantic>=2.10,<2.12"}
    wanted = [bounded.get(need, need) for need in requires if not need.startswith(absent)]
    # Red installs one after the other in any order, and pydantic-settings brings the latest
    # pydantic, so the instructions repeat this one.
    assert INFO["requirements"] == sorted(wanted, key=bounded["pydantic>=2.10,<3"].__eq__)
    assert INFO["end_user_data_statement"] == bot.__red_end_user_data_statement__
