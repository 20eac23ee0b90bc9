"""Test docs/hub/upload.py against a server that answers as the Hugging Face Hub does."""

import base64
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from bot.settings import SHIPPED_MODELS

ROOT = Path(__file__).parents[1]
CARD = "---\nlicense: mit\n---\n\n# mine\n\n[The format](../docs/architecture.md#x) and [a](#b)\n"


class Hub(ThreadingHTTPServer):
    """The part of the Hub that takes small files."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.created: list[dict[str, Any]] = []
        self.files: dict[str, dict[str, bytes]] = {}
        """The files that were committed, by the paths of repositories."""
        self.tokens: set[str | None] = set()


class Answers(BaseHTTPRequestHandler):
    """Answers what huggingface_hub asks for when it uploads."""

    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens.add(self.headers["Authorization"])
        answer = json.dumps(self.answer(body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def answer(self, body: bytes) -> dict[str, Any]:
        hub = self.server
        if self.path == "/api/repos/create":
            hub.created.append(asked := json.loads(body))
            return {"url": f"{hub.address}/{asked['organization']}/{asked['name']}"}
        if self.path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if self.path.endswith("/preupload/main"):
            named = [file["path"] for file in json.loads(body)["files"]]
            modes = [
                {"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in named
            ]
            return {"files": modes}
        [path] = re.findall(r"^/api/(.+)/commit/main$", self.path)
        entries = [json.loads(line) for line in body.splitlines()]
        hub.files[path] = {
            entry["value"]["path"]: base64.b64decode(entry["value"]["content"])
            for entry in entries
            if entry["key"] == "file"
        }
        oid = "0" * 40
        return {
            "commitOid": oid,
            "commitUrl": f"{hub.address}/{path}/commit/{oid}",
            "success": True,
        }

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """Return a voice with its card."""
    file = tmp_path / "mine.onnx"
    file.write_bytes(b"a network")
    file.with_suffix(".md").write_text(CARD, encoding="utf-8")
    return file


def upload(hub: Hub, home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    own = {"HF_ENDPOINT": hub.address, "HF_HOME": str(home / "hf"), "HF_TOKEN": "hf_secret"}
    return subprocess.run(
        [sys.executable, ROOT / "docs" / "hub" / "upload.py", *map(str, arguments)],
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
    )


def test_voices_and_the_page_are_uploaded(hub: Hub, voice: Path, tmp_path: Path):
    done = upload(hub, tmp_path, "ann", voice, "--space", "--address", "https://example.org/x")
    assert done.returncode == 0, done.stderr
    assert [(repo["name"], repo.get("type"), repo.get("sdk")) for repo in hub.created] == [
        ("onbook-mine", "model", None),
        ("onbook", "space", "gradio"),
    ]
    model, space = hub.files["models/ann/onbook-mine"], hub.files["spaces/ann/onbook"]
    assert model["mine.onnx"] == b"a network"
    assert set(model) == {"README.md", "mine.onnx"}
    card = model["README.md"].decode()
    assert "[The format](https://example.org/docs/architecture.md#x) and [a](#b)" in card
    assert set(space) == {"README.md", "app.py", "requirements.txt"}
    assert hub.tokens == {"Bearer hf_secret"}
    assert "hf_secret" not in done.stdout + done.stderr


def test_a_dry_run_shows_the_files_and_sends_nothing(hub: Hub, voice: Path, tmp_path: Path):
    done = upload(hub, tmp_path, "ann", voice, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "model ann/onbook-mine:" in done.stdout
    assert "9 bytes  mine.onnx" in done.stdout
    assert hub.tokens == set()


def test_a_card_that_is_missing_or_wrong_is_refused(hub: Hub, voice: Path, tmp_path: Path):
    card = voice.with_suffix(".md")
    card.write_text("---\nmodel-index: [{name: mine}]\n---\n", encoding="utf-8")
    refused = upload(hub, tmp_path, "ann", voice)
    assert (refused.returncode, hub.tokens) == (1, set())
    assert "Traceback" not in refused.stderr
    card.unlink()
    assert "mine.md, like bot/models/stage.md." in upload(hub, tmp_path, "ann", voice).stderr


def test_without_its_package_the_program_names_it(tmp_path: Path):
    (tmp_path / "huggingface_hub").mkdir()
    (tmp_path / "huggingface_hub" / "__init__.py").write_text("raise ModuleNotFoundError")
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "hub" / "upload.py", "--help"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "pip install huggingface-hub" in done.stderr


@pytest.mark.parametrize("name", ["screen", "stage"])
def test_the_cards_of_the_shipped_voices_are_read_by_the_hub(name: str):
    card = ModelCard.load(SHIPPED_MODELS / f"{name}.md")
    assert card.data.pipeline_tag == "text-generation"
    [result] = card.data.eval_results
    assert result.metric_type == "bits-per-character"


def test_the_page_of_the_space_names_its_own_file():
    text = (ROOT / "docs" / "hub" / "space" / "README.md").read_text(encoding="utf-8")
    about = yaml.safe_load(text.split("---")[1])
    assert (ROOT / "docs" / "hub" / "space" / about["app_file"]).is_file()
    assert about["sdk"] == "gradio"
