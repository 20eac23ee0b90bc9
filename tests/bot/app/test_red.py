"""Test On Book in a real Red: installed, loaded, used and unloaded by the owner's messages."""

from __future__ import annotations

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
from hashlib import sha256
from pathlib import Path

import pytest
from discord import Permissions
from filelock import FileLock

import bot
from tests.fake_discord.people import PATIENCE, Channel, Discord, Guild, Message, Person
from tests.fake_discord.processes import ROOT, fake_discord
from tests.fake_discord.state import TOKEN

RED = "Red-DiscordBot==3.5.24"

HOST = Path(__file__).with_name("red_host.py")

INFO = json.loads((ROOT / "bot" / "info.json").read_text(encoding="utf-8"))

TAKEN = "name='onbook', description='What is on the booking list'"

HEADING = "INT. DINER - NIGHT"


def pip(python: Path, *arguments: object) -> None:
    """Install something in another environment."""
    quiet = ("--quiet", "--disable-pip-version-check", "--python", python)
    subprocess.run([sys.executable, "-m", "pip", *map(str, (*quiet, *arguments))], check=True)


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
            pip(found, "install", "--no-compile", "pip", RED)
            # Red's downloader installs into a folder, without a look at Red's own libraries.
            library = folder / "library"
            pip(found, "install", "--no-compile", "--target", library, *INFO["requirements"])
            [packages] = folder.glob("lib/*/site-packages")
            (packages / "library.pth").write_text(str(library))
            whole.touch()
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository of what Red sees of this one, whose requirements are installed."""
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
class SessionHarness:
    """A channel with Red in it, and Red's owner."""

    discord: Discord
    guild: Guild
    channel: Channel
    owner: Person
    data: Path

    async def says(self, after: int, text: str) -> Message:
        """Wait until Red has said this after a message."""

        def find() -> Message | None:
            found = (one for one in self.channel.messages() if one.id > after)
            return next((one for one in found if text in one.content), None)

        return await self.discord.until(find, lambda: f"{text!r} of Red")

    async def told(self, line: str, answer: str, by: Person | None = None) -> str:
        """Write a line to Red, and return the message in which Red gives the answer."""
        written = await (by or self.owner).write(self.channel, line.replace("[p]", "!"))
        return (await self.says(written, answer)).content

    async def evaluated(self, expression: str) -> str:
        """Return the value of an expression in Red's process, as Red's owner may ask for it."""
        said = await self.told(f"[p]debug {expression}", "```")
        return said.removeprefix("```py\n").removesuffix("\n```")

    async def there_is(self) -> str:
        """Return all that a cog could leave behind."""
        return await self.evaluated("__import__('__main__').there_is(bot)")

    async def confirmed(self, line: str, by: Person, answer: str) -> None:
        """Write a line that Red wants confirmed by a made-up word, and confirm it."""
        asked = await self.told(line, "respond with the following", by)
        await self.told(asked.split()[-1], answer, by)


@contextmanager
def red(python: Path, folder: Path, address: str, owner: Person) -> Iterator[None]:
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
async def harness(python: Path, tmp_path: Path) -> AsyncIterator[SessionHarness]:
    """Yield a new Red in a channel; fail on a refusal by Discord and on an error in Red's log."""
    with fake_discord(PATIENCE) as address:
        async with Discord(address) as discord:
            guild = await discord.guild("The Playhouse")
            channel = await guild.channel("stage")
            owner = await guild.person("Ann", Permissions.all().value)
            with red(python, tmp_path, address, owner):
                await discord.bot_is_ready()
                yield SessionHarness(discord, guild, channel, owner, tmp_path / "data")
            assert discord.refusals == []


def typed_by_the_owner(repository: Path) -> list[str]:
    """Return the lines to Red from the page of instructions, with an address for the repository."""
    page = (ROOT / "docs" / "plugin.md").read_text(encoding="utf-8")
    _, _, part = page.partition("\n## Red\n")
    lines = part.split("```")[1].split("\n")[1:-1]
    return [line.replace("ADDRESS-OF-THIS-REPOSITORY", repository.as_uri()) for line in lines]


async def test_its_owner_installs_it_and_people_use_it(harness: SessionHarness, repository: Path):
    downloader, repo_add, install, load, enable, sync = typed_by_the_owner(repository)
    await harness.told(downloader, "Loaded `downloader`")
    await harness.told(repo_add, "I agree")
    await harness.told("I agree", "Repo `onbook` successfully added")
    offered = await harness.told("[p]cog list onbook", "Available Cog")
    assert re.findall(r"^\+ (\w+)", offered, re.MULTILINE) == ["bot"]
    await harness.told(install, "Successfully installed the cog: `bot`")
    before = await harness.there_is()
    await is_refused_in_a_sentence(harness, load)
    assert await harness.there_is() == before

    await harness.told(load, "Loaded `bot`")
    assert await harness.discord.commands() == {}
    await harness.told(
        enable, "`onbook`, `Continue from here`, `Rewrite this line`, `Details`, and `Star`"
    )
    await harness.told(sync, "Synced 5 commands")
    channel, ann = harness.channel, harness.owner
    await (await ann.slash(channel, "onbook start", heading=HEADING)).is_done()
    await (await ann.slash(channel, "onbook continue")).is_done()
    assert list(harness.data.rglob("*.db")) == [harness.data / "cogs" / "OnBook" / "onbook.db"]

    await harness.told("[p]reload bot", "Reloaded `bot`")
    shown = await (await ann.slash(channel, "onbook continue")).is_done()
    lines = lines_in(channel)
    await harness.told("[p]unload bot", "The following package was unloaded: `bot`")
    assert await harness.there_is() == before
    await harness.told(load, "Loaded `bot`")
    await (await ann.click(shown, "Undo")).is_done()
    assert lines_in(channel) == lines[:-1]

    await whom_red_forgets_it_forgets(harness)


def lines_in(channel: Channel) -> list[Message]:
    """Return the messages that show lines, which Red's answers to its owner do not."""
    return [
        one for one in channel.messages() if one.is_line and not one.content.startswith("```py")
    ]


async def is_refused_in_a_sentence(harness: SessionHarness, load: str) -> None:
    await harness.evaluated(f"bot.tree.add_command(discord.app_commands.Group({TAKEN}))")
    await harness.told(load, "This bot already has a command /onbook. Set ONBOOK_GROUP to another")
    await harness.evaluated("bot.tree.remove_command('onbook')")
    await harness.evaluated("__import__('os').environ.update(ONBOOK_MODEL='nobody')")
    await harness.told(load, "There is no voice “nobody”")
    await harness.evaluated("__import__('os').environ.pop('ONBOOK_MODEL')")


async def whom_red_forgets_it_forgets(harness: SessionHarness) -> None:
    stated = await harness.evaluated("bot.extensions['bot'].__red_end_user_data_statement__")
    assert stated == INFO["end_user_data_statement"]
    ben, cleo = await harness.guild.person("Ben"), await harness.guild.person("Cleo")
    for person, text in ((ben, "It rains."), (cleo, "It snows.")):
        await (await person.slash(harness.channel, "onbook write", text=text)).is_done()
    given = "(await bot.cogs['OnBook.privacy'].red_get_data_for_user(user_id={}))".format
    one_file = "['on-book-yours.json'].getvalue().decode()"
    assert "It rains." in await harness.evaluated(given(ben.id) + one_file)

    # By default Red deletes a person's text too; the owner's setting keeps all but the name.
    await harness.confirmed("[p]mydata forgetme", ben, "I've deleted")
    level = "[p]mydata ownermanagement setuserdeletionlevel 0"
    await harness.told(level, "discretion of the cog author")
    await harness.confirmed("[p]mydata forgetme", cleo, "I've deleted")
    for person in (ben, cleo):
        assert await harness.evaluated(given(person.id)) == "{}"
    script = await ben.slash(harness.channel, "onbook script show")
    assert "It rains." not in (await script.shows("It snows.")).content


def test_it_tells_red_what_it_tells_others():
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    # Red has its own discord.py and no terminal, and a typing_extensions that a later pydantic is
    # too new for.
    absent = ("discord.py", "prompt-toolkit")
    bounded = {"pydantic>=2.10": "pydantic>=2.10,<2.12"}
    wanted = [bounded.get(one, one) for one in requires if not one.startswith(absent)]
    # Red installs one after the other, and pydantic-settings brings the latest pydantic.
    assert INFO["requirements"] == sorted(wanted, key=bounded["pydantic>=2.10"].__eq__)
    assert INFO["end_user_data_statement"] == bot.__red_end_user_data_statement__
