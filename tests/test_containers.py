"""Tests of Dockerfile and the compose files that need no container engine."""

import json
import re
import socket
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.settings import SHIPPED_MODELS, RunnerSettings, name_variable
from bot.sharding import Shards

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SETTINGS = {name_variable(name) for name in RunnerSettings.model_fields} | {"DISCORD_TOKEN"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.scale.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def bots(compose: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in compose["services"].items() if "build" in service}


def test_the_image_copies_existing_files():
    kept = re.findall(
        r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE
    )
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists()
        assert any(fnmatch(source, pattern) for pattern in kept), source


def test_the_image_installs_existing_extras_without_training():
    [parts] = re.findall(r"^ARG EXTRAS=(.+)$", DOCKERFILE, re.MULTILINE)
    assert '".[$EXTRAS]"' in DOCKERFILE
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chosen = {part: project["optional-dependencies"][part] for part in parts.split(",")}
    assert set(chosen) == {"audio", "metrics", "postgres"}
    assert re.findall(r'ENTRYPOINT \["(.+)"\]', DOCKERFILE) == list(project["scripts"])


def test_the_image_has_its_own_user():
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["onbook"]


@pytest.mark.parametrize(
    ("answer", "is_healthy"),
    [
        (b"HTTP/1.1 200 \r\n\r\n", True),
        (b"HTTP/1.1 500 \r\n\r\n", False),
        (b"", False),
        (None, True),
    ],
)
def test_the_health_check_asks_the_port_of_the_pages(answer: bytes | None, is_healthy: bool):
    joined = DOCKERFILE.replace("\\\n", "")
    [command] = re.findall(r"^HEALTHCHECK .* CMD (\[.+\])$", joined, re.MULTILINE)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        port = str(server.getsockname()[1] if answer is not None else 0)
        check = subprocess.Popen(
            [sys.executable, *json.loads(command)[1:]], env={"ONBOOK_METRICS_PORT": port}
        )
        if answer is not None:
            with server.accept()[0] as asked:
                asked.recv(4096)
                asked.sendall(answer)
        assert (check.wait(20) == 0) == is_healthy


def test_all_settings_exist(bots: dict[str, Any]):
    assert set(re.findall(r"\bONBOOK_[A-Z_]+", DOCKERFILE)) <= SETTINGS
    for bot in bots.values():
        assert set(bot["environment"]) <= SETTINGS
        # Secrets must come from the bot owner's environment.
        assert bot["environment"]["DISCORD_TOKEN"].startswith("${DISCORD_TOKEN:?")
        assert ":${POSTGRES_PASSWORD:?" in bot["environment"]["ONBOOK_DATABASE_URL"]


def test_a_single_bot_keeps_its_scripts_in_a_volume_of_its_own(compose: dict[str, Any]):
    single = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    [bot] = single["services"].values()
    [name] = single["volumes"]
    [folder] = re.findall(r"^VOLUME (.+)$", DOCKERFILE, re.MULTILINE)
    assert bot["volumes"] == [f"{name}:{folder}"]
    assert name not in compose["volumes"]
    assert bot["read_only"]
    assert bot["environment"]["DISCORD_TOKEN"].startswith("${DISCORD_TOKEN:?")


def test_four_processes_divide_all_shards(bots: dict[str, Any]):
    shares = [Shards.parse(bot["environment"]["ONBOOK_SHARDS"]) for bot in bots.values()]
    [count] = {share.count for share in shares}
    assert len(shares) == 4
    assert sorted(shard for share in shares for shard in share.ids) == list(range(count))


def test_the_processes_write_only_to_the_server(bots: dict[str, Any], compose: dict[str, Any]):
    for bot in bots.values():
        assert bot["read_only"]
        assert bot["restart"] == "always"
        assert set(bot["depends_on"]) <= set(compose["services"])
        assert [volume for volume in bot["volumes"] if not volume.endswith(":ro")] == []


def test_the_processes_have_the_settings_and_voices_of_the_operator(bots: dict[str, Any]):
    for bot in bots.values():
        assert bot["env_file"] == ".env"
        [volume] = bot["volumes"]
        folder, mounted, _ = volume.split(":")
        assert (ROOT / folder).samefile(SHIPPED_MODELS)
        assert bot["environment"]["ONBOOK_MODELS"] == mounted


def test_prometheus_scrapes_each_process(bots: dict[str, Any], compose: dict[str, Any]):
    [port] = re.findall(r"ONBOOK_METRICS_PORT=(\d+)", DOCKERFILE)
    looks = yaml.safe_load(compose["configs"]["prometheus"]["content"])
    [job] = looks["scrape_configs"]
    [found] = [config["targets"] for config in job["static_configs"]]
    assert found == [f"{name}:{port}" for name in bots]
