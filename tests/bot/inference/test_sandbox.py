"""Test that harmful voice files are refused in a sentence, and that the bot goes on."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from bot.errors import ExaminationFailed, ModelError
from bot.inference import sandbox
from bot.inference.model import Model
from bot.inference.sandbox import ModelSandbox
from bot.settings import SHIPPED_MODELS
from tests.bot.conftest import Stage, answer, start_script
from tests.bot.voice_files import write_voice
from training.voice_file import Voice

from .networks import FLOAT, STATE_SIZE, build_network, constant, node

CHANGES_MODELS = True

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
def voice(models: Path) -> Voice:
    return Voice.read(models / "tiny.onnx")


@pytest.fixture
def model_sandbox(monkeypatch: pytest.MonkeyPatch) -> ModelSandbox:
    """Return a sandbox in a process that has examined nothing."""
    sound: set[str] = set()
    monkeypatch.setattr(sandbox, "load_sound_files", lambda: sound)
    return ModelSandbox()


def examine(model_sandbox: ModelSandbox, path: Path) -> Coroutine[Any, Any, None]:
    content = path.read_bytes()
    return model_sandbox.examine(content, hashlib.sha256(content).hexdigest(), path.name)


def find_sentence(path: Path) -> tuple[str, bool]:
    """Return why this process finds a file unsound, and whether that is final."""
    error = sandbox.find_error(path.read_bytes())
    assert error
    return str(ModelError(error["sentence"], **error["fields"])), error["is_final"]


async def test_a_voice_that_crashes_is_refused_and_the_bot_goes_on(
    stage: Stage, models: Path, voice: Voice
):
    await start_script(stage)
    write_voice(models / "crashing.onnx", make_crashing(voice))
    refused = answer(await stage.ann.slash(stage.channel, "voice", voice="crashing", use="script"))
    assert refused.ephemeral
    content = refused.content.replace("\\", "")
    assert f"crashing.onnx was rejected: its check {FAILS}" in content
    assert str(models) not in content  # a path is nobody's business but the bot owner's
    assert "\n" not in content
    await stage.continue_with_seed(stage.ann, seed=1)
    assert len(await stage.lines()) == 2


async def test_a_voice_that_hangs_is_given_up(
    models: Path, voice: Voice, model_sandbox: ModelSandbox, monkeypatch: pytest.MonkeyPatch
):
    path = write_voice(models / "slow.onnx", make_endless(voice))
    monkeypatch.setattr(sandbox, "EXAMINATION_TIMEOUT", 1)
    with pytest.raises(ExaminationFailed, match=FAILS):
        await examine(model_sandbox, path)
    assert not model_sandbox._children


async def test_a_voice_that_lacks_memory_is_not_called_damaged(
    models: Path, voice: Voice, model_sandbox: ModelSandbox, monkeypatch: pytest.MonkeyPatch
):
    path = write_voice(models / "filling.onnx", make_filling(voice))
    with pytest.raises(ExaminationFailed, match=rf"filling\.onnx {NO_MEMORY}"):
        await examine(model_sandbox, path)
    # Memory may be short before a step is taken.
    monkeypatch.setattr(Model, "of", Mock(side_effect=MemoryError))
    sentence, is_final = find_sentence(path)
    assert NO_MEMORY in sentence
    assert not is_final


def test_a_voice_without_finite_numbers_is_damaged(models: Path, voice: Voice):
    path = write_voice(models / "silent.onnx", make_linear(voice, np.nan))
    sentence, is_final = find_sentence(path)
    assert "is damaged" in sentence
    assert is_final


async def test_a_sound_file_is_examined_once_without_tokens(
    models: Path, voice: Voice, model_sandbox: ModelSandbox, monkeypatch: pytest.MonkeyPatch
):
    started = Mock(side_effect=subprocess.Popen)
    monkeypatch.setattr(sandbox.subprocess, "Popen", started)
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    good = write_voice(models / "any.onnx", make_linear(voice, 1.0))
    bad = write_voice(models / "bad.onnx", voice, fold="[7]")
    await examine(model_sandbox, good)
    await examine(ModelSandbox(), shutil.copy(good, models / "copy.onnx"))
    assert started.call_count == 1
    for _ in range(2):
        with pytest.raises(ModelError, match=r"bad\.onnx is not a valid voice \(its fold"):
            await examine(model_sandbox, bad)
    assert started.call_count == 3
    assert "secret" not in str(started.call_args_list)


async def test_the_shipped_voices_are_sound_and_need_no_child(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/nothing/there")
    shipped = sorted(SHIPPED_MODELS.glob("*.onnx"))
    lines = sandbox.SHIPPED_FILES.read_text().splitlines()
    assert [line.split()[1] for line in lines] == [path.name for path in shipped]
    for path in shipped:
        assert sandbox.find_error(path.read_bytes()) is None
        await examine(ModelSandbox(), path)


def test_without_a_list_of_shipped_voices_none_is_known(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox, "SHIPPED_FILES", Path("/nothing/there"))
    assert sandbox.load_sound_files.__wrapped__() == set()
