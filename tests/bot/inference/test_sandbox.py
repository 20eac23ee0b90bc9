"""Test that harmful voice files are refused in a sentence, and that the bot goes on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import onnxruntime
import pytest

from bot.errors import ModelError, NoVerdict
from bot.inference import sandbox
from bot.inference.sandbox import ModelSandbox, compute_sha256
from bot.settings import SHIPPED_MODELS
from tests.bot.conftest import Stage, answer, start_script
from tests.bot.voice_files import write_voice
from training.voice_file import Voice

from .networks import FLOAT, STATE_SIZE, build_network, constant, node

BOT = Path(sandbox.__file__).parents[1]

FAILS = "crashed, hung or ran out of memory"
NO_MEMORY = "was not loaded, because memory ran out"


def make_linear(voice: Voice, weight: float) -> Voice:
    """Compute logits from the state, which is zero at the start."""
    weights = constant("weights", np.full((STATE_SIZE, 1), weight, np.float32))
    return build_network(voice, [node("MatMul", ["state", "weights"], "odd")], [weights])


def make_crashing(voice: Voice) -> Voice:
    """Divide the least integer by -1: the overflow ends the process on an x86 processor."""
    nodes = [node("Div", ["least", "back"], "ratio"), node("Cast", ["ratio"], "odd", to=FLOAT)]
    constants = [constant("least", [[-(2**63)]]), constant("back", [[-1]])]
    return build_network(voice, nodes, constants)


def make_filling(voice: Voice) -> Voice:
    """Allocate 14 GB from a file of a few kilobytes."""
    nodes = [
        node("ReduceMax", ["state"], "most"),
        node("Mul", ["side", "most"], "tall"),
        node("Transpose", ["tall"], "wide"),
        node("MatMul", ["tall", "wide"], "whole"),
        node("ReduceMax", ["whole"], "odd"),
    ]
    return build_network(voice, nodes, [constant("side", np.ones((60_000, 1), np.float32))])


def make_endless(voice: Voice) -> Voice:
    """Multiply large matrices for longer than the bot waits."""
    nodes = [node("MatMul", ["state", "first"], "x0")]
    nodes += [node("MatMul", [f"x{n}", "matrix"], f"x{n + 1}") for n in range(20_000)]
    nodes += [node("ReduceMax", ["x20000"], "odd")]
    shapes = {"first": (STATE_SIZE, 1_000), "matrix": (1_000, 1_000)}
    matrices = [constant(name, np.full(of, 1e-4, np.float32)) for name, of in shapes.items()]
    return build_network(voice, nodes, matrices)


@pytest.fixture
def models(voices: Path, tmp_path: Path) -> Path:
    """Return a folder of the test's own, with a good voice in it."""
    made = tmp_path / "models"
    made.mkdir()
    shutil.copy(voices / "tiny.onnx", made)
    return made


@pytest.fixture
def voice(models: Path) -> Voice:
    return Voice.read(models / "tiny.onnx")


class Notes(dict[str, str]):
    """Verdicts in memory."""

    async def find_value(self, name: str) -> str | None:
        return self.get(name)

    async def save_value(self, name: str, value: str) -> None:
        self[name] = value


@pytest.fixture
def examiner(monkeypatch: pytest.MonkeyPatch) -> ModelSandbox:
    """Return an examiner whose process has examined nothing."""
    monkeypatch.setattr(ModelSandbox, "_examined", {})
    return ModelSandbox(Notes())


def examine(examiner: ModelSandbox, path: Path) -> Coroutine[Any, Any, None]:
    return examiner.examine(path, compute_sha256(path.read_bytes()))


async def test_a_voice_that_crashes_is_refused_and_the_bot_goes_on(
    stage: Stage, models: Path, voice: Voice
):
    await start_script(stage)
    write_voice(models / "crashing.onnx", make_crashing(voice))
    refused = answer(await stage.ann.slash(stage.channel, "voice", voice="crashing", use="script"))
    assert refused.ephemeral
    content = refused.content.replace("\\", "")
    assert f"crashing.onnx was rejected: its check {FAILS}" in content
    assert str(models) not in content  # a path is nobody's business but the operator's
    assert "\n" not in content
    await stage.continue_with_seed(stage.ann, stage.channel, seed=1)
    assert len(await stage.lines()) == 2


async def test_a_voice_that_hangs_has_no_verdict(models: Path, voice: Voice):
    examiner = ModelSandbox(patience=1)
    with pytest.raises(NoVerdict, match=FAILS):
        await examine(examiner, write_voice(models / "slow.onnx", make_endless(voice)))
    assert not examiner._children


async def test_a_voice_that_lacks_memory_has_no_verdict(
    models: Path, voice: Voice, examiner: ModelSandbox, monkeypatch: pytest.MonkeyPatch
):
    path = write_voice(models / "filling.onnx", make_filling(voice))
    with pytest.raises(NoVerdict, match=NO_MEMORY):
        await examine(examiner, path)
    assert not examiner.verdicts
    # Memory may be short before the examination itself begins.
    monkeypatch.setattr(sandbox, "read_model_file", Mock(side_effect=MemoryError))
    refusal = sandbox.examine_file(path)["refusal"]
    assert not refusal["certain"]
    assert NO_MEMORY in str(ModelError(refusal["sentence"], **refusal["fields"]))


def test_a_voice_without_finite_numbers_is_damaged(models: Path, voice: Voice):
    path = write_voice(models / "silent.onnx", make_linear(voice, np.nan))
    refusal = sandbox.examine_file(path)["refusal"]
    assert refusal["certain"]
    assert "is damaged" in str(ModelError(refusal["sentence"], **refusal["fields"]))


async def test_a_verdict_is_remembered_by_the_content(
    models: Path, voice: Voice, examiner: ModelSandbox, monkeypatch: pytest.MonkeyPatch
):
    environments: list[dict[str, str]] = []

    class Watched(subprocess.Popen):
        def __init__(self, *args: Any, env: dict[str, str], **how: Any) -> None:
            environments.append(env)
            super().__init__(*args, env=env, **how)

    monkeypatch.setattr(sandbox.subprocess, "Popen", Watched)
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    good = write_voice(models / "any.onnx", make_linear(voice, 1.0))
    bad = write_voice(models / "bad.onnx", voice, fold="[7]")
    with pytest.raises(NoVerdict, match="is still being written"):
        await examiner.examine(good, "another")
    assert not examiner.verdicts
    await examine(examiner, good)
    with pytest.raises(ModelError, match="its fold"):
        await examine(examiner, bad)
    judges = [json.loads(verdict)["judge"] for verdict in examiner.verdicts.values()]
    assert judges == [sandbox.describe_checker()] * 2
    assert len(environments) == 3
    assert "secret" not in str(environments)
    # A verdict is kept by content, so the next process and a copy need no examination.
    monkeypatch.setattr(ModelSandbox, "_examined", {})
    another = ModelSandbox(examiner.verdicts)
    copy = shutil.copy(bad, models / "copy.onnx")
    await examine(another, good)
    with pytest.raises(ModelError, match=r"copy\.onnx is not a valid voice"):
        await examine(another, copy)
    assert len(environments) == 3
    # Another release of the runtime examines the file again.
    monkeypatch.setattr(onnxruntime, "__version__", "99")
    monkeypatch.setattr(sys, "executable", "/nothing/there")
    with pytest.raises(NoVerdict, match=FAILS):
        await examine(another, copy)


def test_verdicts_depend_on_the_code_that_judges(tmp_path: Path):
    copy = tmp_path / "bot"
    shutil.copytree(BOT, copy, ignore=shutil.ignore_patterns("*.onnx", "__pycache__", "locales"))
    assert sandbox.describe_checker(copy) == sandbox.describe_checker()
    changes = (
        ("inference/model.py", 'FORMAT = "1"', 'FORMAT = "2"'),
        ("inference/anatomy.py", "{2: 1, 3: 1,", "{2: 2, 3: 1,"),
        ("screenplay/elements.py", 'HEADING = "heading"', 'HEADING = "scene"'),
    )
    for number, (module, was, now) in enumerate(changes):
        copy = copy.rename(tmp_path / str(number))  # hashes are cached by folder
        source = (BOT / module).read_text()
        assert source.count(was) == 1
        (copy / module).write_text(source.replace(was, now))
        assert sandbox.describe_checker(copy) != sandbox.describe_checker()
        (copy / module).write_text(source)


async def test_the_shipped_voices_carry_their_verdicts(examiner: ModelSandbox):
    shipped = sorted(SHIPPED_MODELS.glob("*.onnx"))
    found = {path.name: sandbox.examine_file(path) for path in shipped}
    assert not any(verdict["refusal"] for verdict in found.values())
    names = {verdict["sha256"]: name for name, verdict in found.items()}
    assert json.loads(sandbox.SHIPPED_VERDICTS.read_text()) == names
    for path in shipped:
        await examine(examiner, path)
    assert not examiner.verdicts


def test_the_command_notes_no_damaged_file(models: Path, voice: Voice, tmp_path: Path):
    write_voice(models / "bad.onnx", voice, format="2")
    note = tmp_path / "examined.json"
    files = [str(models / "tiny.onnx"), str(models / "bad.onnx")]
    command = [sys.executable, "-m", "bot.inference.sandbox", *files, "--note", str(note)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "bad.onnx has format 2" in done.stderr
    assert not note.exists()
