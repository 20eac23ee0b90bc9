"""Test the wheel, installed outside the repository and loaded by another bot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from shutil import copy, copytree, ignore_patterns
from urllib.request import urlopen
from zipfile import ZipFile

import pytest

import bot
from tests.fake_discord.people import PATIENCE, Discord
from tests.fake_discord.processes import ROOT, fake_discord
from tests.fake_discord.state import TOKEN

HOST = Path(__file__).with_name("host_bot.py")

HEADING = "INT. DINER - NIGHT"


@dataclass
class Installed:
    """The wheel, and the environment that it is installed in."""

    wheel: Path
    programs: Path

    def run(self, folder: Path, program: str, *arguments: object) -> subprocess.Popen[str]:
        """Start a program of the environment in a folder."""
        ours = ("PYTHONPATH", "ONBOOK", "DISCORD")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return subprocess.Popen(
            [self.programs / program, *map(str, arguments)],
            cwd=folder,
            env=clean | {"ONBOOK_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def pip(*arguments: object) -> None:
    """Run pip without a network."""
    quiet = ("--quiet", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", *quiet, *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel in an empty environment that finds its requirements in this one."""
    folder = tmp_path_factory.mktemp("elsewhere")
    # Copy the source, because setuptools leaves its work in the folder that it builds from.
    copytree(ROOT / "bot", folder / "source" / "bot", ignore=ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy(ROOT / name, folder / "source")
    building = ("--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    pip("wheel", *building, folder / "source")
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    programs = folder / "venv" / "bin"
    pip("--python", programs / "python", "install", "--no-deps", "--no-compile", wheel)
    [packages] = folder.glob("venv/lib/*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return Installed(wheel, programs)


def test_wheel_holds_exactly_the_package(installed: Installed):
    with ZipFile(installed.wheel) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
        [name] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        needs = message_from_bytes(wheel.read(name)).get_all("Requires-Dist", [])
    files = [one for one in (ROOT / "bot").rglob("*") if one.is_file()]
    named = {f"onbook/{one.relative_to(ROOT / 'bot').as_posix()}" for one in files}
    assert packed == {one for one in named if "__pycache__" not in one}
    assert not [one for one in needs if "torch" in one and "extra ==" not in one]


def test_installed_program_serves_the_local_page(installed: Installed, tmp_path: Path):
    assert f"-{bot.__version__}-" in installed.wheel.name
    with installed.run(tmp_path, "onbook", "play", "--port", 0) as program:
        assert program.stdout is not None
        address = program.stdout.readline().strip()
        with urlopen(address, timeout=PATIENCE) as page:
            assert "<html" in page.read().decode()
        program.send_signal(signal.SIGINT)
        _, log = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0
    assert "model stage is ready" in log
    assert "Traceback" not in log


@pytest.fixture
async def discord(installed: Installed, tmp_path: Path) -> AsyncIterator[Discord]:
    """Yield a Discord with another bot; fail where Discord refuses the bot anything."""
    with fake_discord(PATIENCE) as address:
        async with Discord(address) as discord:
            with installed.run(tmp_path, "python", "-P", HOST, address, TOKEN) as host:
                try:
                    await discord.bot_is_ready()
                    yield discord
                finally:
                    host.terminate()
                    _, log = host.communicate()
                    print(log)
            assert "ERROR" not in log
            assert discord.refusals == []


async def test_installed_extension_is_loaded_and_unloaded(installed: Installed, discord: Discord):
    menus = ["Add to the script", "Continue from here", "Details", "Rewrite this line"]
    assert sorted(await discord.commands()) == [*menus, "leave", "onbook"]
    guild = await discord.guild("The Playhouse")
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    hans = await guild.person("Hans", locale="de")

    begun = await ann.slash(channel, "onbook start", heading=HEADING, cast="MAYA, JONAS")
    await begun.is_done()
    panel = await (await ann.slash(channel, "onbook continue")).is_done()
    await (await hans.click(panel, "Continue")).is_done()
    lines = [one for one in channel.messages() if one.is_line]
    assert lines[0].reads(HEADING)
    assert len(lines) == 3
    # The German help names the commands as this bot calls them.
    told = await (await hans.slash(channel, "onbook help")).shows("Skript")
    assert "</onbook script show:" in told.content
    [film] = await hans.autocomplete(channel, "onbook start", "voice", "scr")
    assert film == "screen"

    gone = await (await ann.slash(channel, "leave")).shows("left")
    source, left = gone.content.split(" left ")
    assert Path(source).is_relative_to(installed.programs.parent)
    assert left == "[]"
    assert sorted(await discord.commands()) == ["leave"]
