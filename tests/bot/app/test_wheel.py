"""Test the wheel, installed outside the repository and loaded by another bot."""

import signal
from collections.abc import AsyncIterator
from email import message_from_bytes
from pathlib import Path
from shutil import copy, copytree, ignore_patterns
from urllib.request import urlopen
from zipfile import ZipFile

import pytest

import bot
from tests.bot.conftest import HEADING
from tests.fake_discord.people import PATIENCE, Discord
from tests.fake_discord.processes import ROOT, fake_discord
from tests.fake_discord.state import TOKEN
from tests.wheels import Installed, install

HOST = Path(__file__).with_name("host_bot.py")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel in an empty environment that finds its requirements in this one."""
    folder = tmp_path_factory.mktemp("elsewhere")
    # Copy the source, because setuptools leaves its work in the folder that it builds from.
    copytree(ROOT / "bot", folder / "source" / "bot", ignore=ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy(ROOT / name, folder / "source")
    return install(folder / "source", folder)


def test_wheel_holds_exactly_the_package(installed: Installed):
    with ZipFile(installed.wheel) as wheel:
        [name] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        needs = message_from_bytes(wheel.read(name)).get_all("Requires-Dist", [])
    files = [path for path in (ROOT / "bot").rglob("*") if path.is_file()]
    named = {f"onbook/{path.relative_to(ROOT / 'bot').as_posix()}" for path in files}
    assert installed.files() == {name for name in named if "__pycache__" not in name}
    assert not [need for need in needs if "torch" in need and "extra ==" not in need]


def test_installed_program_serves_the_local_page(installed: Installed, tmp_path: Path):
    assert f"-{bot.__version__}-" in installed.wheel.name
    with installed.start(tmp_path, "onbook", "play", "--port", 0) as program:
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
            with installed.start(tmp_path, "python", "-P", HOST, address, TOKEN) as host:
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
    lines = [message for message in channel.messages() if message.is_line]
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
