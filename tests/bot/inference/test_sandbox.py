"""Test that damaged and harmful voice files are refused in a sentence, and that the bot goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from bot.errors import ModelError, NoVerdict
from bot.inference import sandbox
from bot.inference.anatomy import Anatomy
from bot.inference.sandbox import ModelSandbox, compute_sha256
from bot.settings import SHIPPED_MODELS
from tests.bot.conftest import Stage, answer, start_script
from training.voice_file import Voice

from .test_model import changed

BOT = Path(sandbox.__file__).parents[1]

SIZE = 8
"""Size of these networks' state, in numbers."""

Network = tuple[Sequence[onnx.NodeProto], Sequence[onnx.TensorProto]]


def graph(voice: Voice, nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto]):
    """Build a network that keeps to the contract.

    The nodes compute ``odd`` [batch, 1] from ``tokens`` and ``state``; ``odd`` is added to the
    logits.
    """
    characters = len(json.loads(voice.metadata["onbook.vocabulary"]))
    flat = numpy_helper.from_array(np.zeros((1, characters), np.float32), "flat")
    state = ("state", TensorProto.FLOAT, ["batch", SIZE])
    whole = helper.make_graph(
        [
            *nodes,
            helper.make_node("Add", ["flat", "odd"], ["logits"]),
            helper.make_node("Identity", ["state"], ["next_state"]),
        ],
        "step",
        [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch"]),
            helper.make_tensor_value_info(*state),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", characters]),
            helper.make_tensor_value_info("next_state", *state[1:]),
        ],
        [flat, *constants],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("evil", 1)]
    return helper.make_model(whole, opset_imports=opsets, ir_version=8)


def numbers(name: str, array: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(array), name)


def step(operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [output], **attributes)


FROM_TOKENS = [
    step("Cast", ["number"], "real", to=TensorProto.FLOAT),
    step("Unsqueeze", ["real", "one"], "odd"),
]
ONE = numbers("one", [1])
"""The axis that makes ``odd`` [batch, 1] of one number a row."""


def sound() -> Network:
    return [step("Identity", ["tokens"], "number"), *FROM_TOKENS], [ONE]


def divides_the_least_number() -> Network:
    """Divide the least integer by -1: the overflow ends the process on an x86 processor."""
    constants = {"zero": 0, "least": -(2**63), "back": -1}
    nodes = [
        step("Mul", ["tokens", "zero"], "nothing"),
        step("Add", ["nothing", "least"], "dividend"),
        step("Div", ["dividend", "back"], "number"),
    ]
    return [*nodes, *FROM_TOKENS], [ONE, *(numbers(name, [n]) for name, n in constants.items())]


def fills_the_memory() -> Network:
    """Allocate 14 GB from a file of a few kilobytes."""
    side = numbers("side", np.ones((60_000, 1), np.float32))
    nodes = [
        step("Slice", ["state", "zero", "one"], "row"),
        step("ReduceSum", ["row"], "sum"),
        step("Mul", ["side", "sum"], "tall"),
        step("Transpose", ["tall"], "wide"),
        step("MatMul", ["tall", "wide"], "whole"),
        step("ReduceMax", ["whole"], "odd"),
    ]
    return nodes, [ONE, numbers("zero", [0]), side]


def takes_for_ever() -> Network:
    """Multiply large matrices for longer than the bot waits."""
    nodes = [step("MatMul", ["state", "first"], "x0")]
    nodes += [step("MatMul", [f"x{n}", "matrix"], f"x{n + 1}") for n in range(20_000)]
    nodes += [step("ReduceMax", ["x20000", "one"], "odd")]
    matrices = [("first", (SIZE, 1_000)), ("matrix", (1_000, 1_000))]
    return nodes, [ONE, *(numbers(name, np.full(of, 1e-4, np.float32)) for name, of in matrices)]


def says_nothing() -> Network:
    nan = numbers("odd", np.full((1, 1), np.nan, np.float32))
    return [], [nan]


def draws_at_random() -> Network:
    return [step("RandomUniform", [], "odd", shape=[1, 1])], []


def of_another_domain() -> Network:
    return [step("Tanh", ["tokens"], "odd", domain="evil")], []


def lies_elsewhere() -> Network:
    odd = onnx.TensorProto(name="odd", dims=[1, 1], data_type=TensorProto.FLOAT)
    odd.data_location = TensorProto.EXTERNAL
    odd.external_data.add(key="location", value="/etc/passwd")
    return [], [odd]


def is_huge() -> Network:
    return [], [onnx.TensorProto(name="odd", dims=[2**20, 2**20], data_type=TensorProto.FLOAT)]


def has_a_graph_inside() -> Network:
    odd = helper.make_tensor_value_info("odd", TensorProto.FLOAT, [1, 1])
    inside = helper.make_graph(
        [step("Identity", ["flat"], "odd")], "inside", [], [odd], [numbers("flat", [[1.0]])]
    )
    return [step("Tanh", ["state"], "odd", then_branch=inside)], []


DAMAGED = "is damaged, or not an ONNX file"
CONTRACT = "is not a valid voice ("
OTHER = f"{CONTRACT}its fingerprint does not match"
FAILS = "crashed, hung or ran out of memory"
NO_MEMORY = "was not loaded, because memory ran out"
NETWORKS: dict[str, tuple[Callable[[], Network], str]] = {
    "crashing": (divides_the_least_number, FAILS),
    "filling": (fills_the_memory, NO_MEMORY),
    "silent": (says_nothing, DAMAGED),
    "random": (draws_at_random, "it uses an unsupported operator: RandomUniform"),
    "foreign": (of_another_domain, "it uses an unsupported operator: evil.Tanh"),
    "elsewhere": (lies_elsewhere, "part of it is in another file"),
    "huge": (is_huge, "its constants are too large"),
    "nested": (has_a_graph_inside, "it is not a single plain graph"),
}


def swapped(voice: Voice) -> str:
    """Return another vocabulary of the same size."""
    first, second, *rest = json.loads(voice.metadata["onbook.vocabulary"])
    return json.dumps([second, first, *rest], separators=(",", ":"))


def damaged(models: Path, good: bytes, voice: Voice) -> dict[str, str]:
    """Write all kinds of damaged voices, and return the expected refusals by the files' names."""
    said = {name: sentence for name, (_, sentence) in NETWORKS.items()}
    for name, (make, _) in NETWORKS.items():
        model = graph(voice, *make())
        changed(models / f"{name}.onnx", Voice(model.SerializeToString(), voice.metadata))
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    vocabulary = voice.metadata["onbook.vocabulary"]
    for name, content, sentence in [
        ("cut", good[:-1000], DAMAGED),
        ("empty", b"", DAMAGED),
        ("text", b"To be, or not to be.", DAMAGED),
        ("flipped", bytes(flipped), OTHER),
        ("swapped", good.replace(vocabulary.encode(), swapped(voice).encode()), OTHER),
    ]:
        (models / f"{name}.onnx").write_bytes(content)
        said[name] = sentence
    more = json.dumps([*json.loads(vocabulary), "茂"])
    odd = {
        "older": ({"format": "0"}, "has format 0, but this bot reads format 1"),
        "newer": ({"format": "2"}, "has format 2, but this bot reads format 1"),
        "longer": ({"vocabulary": more}, f"{CONTRACT}its inputs and outputs are"),
        "twice": (
            {"vocabulary": '["\\n", "a", "a"]'},
            f"{CONTRACT}its vocabulary is not a list of",
        ),
        "folded": ({"fold": "[7]"}, f"{CONTRACT}its fold does not map"),
        "claiming": ({"fingerprint": "x"}, f"{CONTRACT}its fingerprint does not match"),
    }
    for name, (metadata, sentence) in odd.items():
        changed(models / f"{name}.onnx", voice, **metadata)
        said[name] = sentence
    return said


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


@pytest.fixture
def examiner(monkeypatch: pytest.MonkeyPatch) -> ModelSandbox:
    """Return an examiner whose process has examined nothing."""
    monkeypatch.setattr(ModelSandbox, "_examined", {})
    return ModelSandbox()


async def test_damaged_voices_are_refused_in_a_sentence_and_the_bot_goes_on(
    stage: Stage, models: Path, voice: Voice
):
    await start_script(stage)
    said = damaged(models, (models / "tiny.onnx").read_bytes(), voice)
    os.mkfifo(models / "pipe.onnx")
    said["pipe"] = "cannot be opened (a pipe)"
    for name in ("pipe", "crashing", "filling", "newer"):
        refused = answer(await stage.ann.slash(stage.channel, "voice use", voice=name, script=True))
        assert refused.ephemeral
        content = refused.content.replace("\\", "")
        assert said.pop(name) in content, name
        assert f"{name}.onnx" in content
        assert str(models) not in content  # a path is nobody's business but the operator's
        assert "\n" not in refused.content
    # The others, which do no harm, are examined without a process for each.
    for name, sentence in said.items():
        refusal = sandbox.examine_file(models / f"{name}.onnx")["refusal"]
        assert sentence in str(ModelError(refusal["sentence"], **refusal["fields"])), name
    listed = answer(await stage.ann.slash(stage.channel, "voice list")).content
    assert listed.startswith("**Voices**")
    await stage.continue_with_seed(stage.ann, stage.channel, seed=1)
    assert len(await stage.lines()) == 2


async def test_a_voice_that_hangs_is_given_up(models: Path, voice: Voice, examiner: ModelSandbox):
    content = graph(voice, *takes_for_ever()).SerializeToString()
    path = changed(models / "slow.onnx", Voice(content, voice.metadata))
    examiner._patience = 1
    with pytest.raises(ModelError, match=FAILS):
        await examiner.examine(path, compute_sha256(path.read_bytes()))
    assert not examiner._children


async def test_without_memory_there_is_no_verdict(
    models: Path, voice: Voice, examiner: ModelSandbox, monkeypatch: pytest.MonkeyPatch
):
    content = graph(voice, *fills_the_memory()).SerializeToString()
    path = changed(models / "filling.onnx", Voice(content, voice.metadata))
    examiner.verdicts = notes = Notes()
    with pytest.raises(NoVerdict, match=NO_MEMORY):
        await examiner.examine(path, compute_sha256(path.read_bytes()))
    assert not notes
    assert not examiner._examined
    # Memory may be short before the examination itself begins.
    monkeypatch.setattr(sandbox, "read_model_file", Mock(side_effect=MemoryError))
    refusal = sandbox.examine_file(path)["refusal"]
    assert not refusal["certain"]
    assert NO_MEMORY in str(ModelError(refusal["sentence"], **refusal["fields"]))


async def test_a_sound_network_of_any_kind_is_used(
    models: Path, voice: Voice, examiner: ModelSandbox
):
    content = graph(voice, *sound()).SerializeToString()
    path = changed(models / "any.onnx", Voice(content, voice.metadata))
    await examiner.examine(path, compute_sha256(path.read_bytes()))


class Notes(dict[str, str]):
    """Facts in memory."""

    async def find_value(self, name: str) -> str | None:
        return self.get(name)

    async def save_value(self, name: str, value: str) -> None:
        self[name] = value


async def test_a_verdict_is_remembered_by_the_content(
    models: Path, voice: Voice, examiner: ModelSandbox, monkeypatch: pytest.MonkeyPatch
):
    bad = changed(models / "bad.onnx", voice, fold="[7]")
    examiner.verdicts = notes = Notes()
    for path in (models / "tiny.onnx", bad):
        sha256 = compute_sha256(path.read_bytes())
        if path == bad:
            with pytest.raises(ModelError, match="its fold"):
                await examiner.examine(path, sha256)
        else:
            await examiner.examine(path, sha256)
        assert json.loads(notes[f"voice {sha256}"])["judge"] == sandbox.describe_checker()
    # A verdict is kept by content, so the next process and a copy need no examination.
    monkeypatch.setattr(ModelSandbox, "_examined", {})
    monkeypatch.setattr(sys, "executable", "/nothing/there")
    another = ModelSandbox(notes)
    await another.examine(models / "tiny.onnx", compute_sha256((models / "tiny.onnx").read_bytes()))
    copy = shutil.copy(bad, models / "copy.onnx")
    with pytest.raises(ModelError, match=r"copy\.onnx is not a valid voice"):
        await another.examine(copy, compute_sha256(copy.read_bytes()))
    # Another release of the runtime examines the file again.
    monkeypatch.setattr(onnxruntime, "__version__", "99")
    with pytest.raises(ModelError, match=FAILS):
        await another.examine(copy, compute_sha256(copy.read_bytes()))


def test_another_release_judges_anew(tmp_path: Path):
    copy = tmp_path / "bot"
    shutil.copytree(BOT, copy, ignore=shutil.ignore_patterns("*.onnx", "__pycache__", "locales"))
    assert sandbox.describe_checker(copy) == sandbox.describe_checker()
    changes = (
        ("inference/model.py", 'FORMAT = "1"', 'FORMAT = "2"'),
        ("inference/model.py", '"GRU", ', ""),
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


async def test_the_child_gets_no_tokens(
    models: Path, examiner: ModelSandbox, monkeypatch: pytest.MonkeyPatch
):
    began: list[dict[str, str]] = []

    class Watched(subprocess.Popen):
        def __init__(self, *args: Any, env: dict[str, str], **how: Any) -> None:
            began.append(env)
            super().__init__(*args, env=env, **how)

    monkeypatch.setattr(sandbox.subprocess, "Popen", Watched)
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    path = models / "tiny.onnx"
    await examiner.examine(path, compute_sha256(path.read_bytes()))
    [environment] = began
    assert "secret" not in environment.values()


async def test_a_file_that_is_written_to_meanwhile_is_not_remembered(
    models: Path, examiner: ModelSandbox
):
    with pytest.raises(NoVerdict, match="is still being written"):
        await examiner.examine(models / "tiny.onnx", "another")
    assert not examiner._examined


SHIPPED = sorted(SHIPPED_MODELS.glob("*.onnx"))


def test_the_verdicts_on_the_shipped_voices_are_up_to_date(tmp_path: Path):
    note = tmp_path / "examined.json"
    arguments = ["-m", "bot.inference.sandbox", *map(str, SHIPPED), "--note", str(note)]
    subprocess.run([sys.executable, *arguments], check=True)
    assert note.read_text() == sandbox.SHIPPED_VERDICTS.read_text()


async def test_the_shipped_voices_carry_their_verdicts(examiner: ModelSandbox):
    for path in SHIPPED:
        await examiner.examine(path, compute_sha256(path.read_bytes()))
    assert not examiner._examined


def test_a_damaged_file_is_not_noted(models: Path, voice: Voice, tmp_path: Path):
    changed(models / "bad.onnx", voice, format="2")
    note = tmp_path / "examined.json"
    files = [str(models / "tiny.onnx"), str(models / "bad.onnx")]
    command = [sys.executable, "-m", "bot.inference.sandbox", *files, "--note", str(note)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "bad.onnx has format 2" in done.stderr
    assert not note.exists()


def test_anatomy_agrees_with_onnx(models: Path):
    content = (models / "tiny.onnx").read_bytes()
    stored, found = onnx.ModelProto.FromString(content), Anatomy.of(content)
    assert found.operators == {(node.domain, node.op_type) for node in stored.graph.node}
    constants = [numpy_helper.to_array(one).nbytes for one in stored.graph.initializer]
    assert found.constants == sum(constants)
    assert found.metadata == {one.key: one.value for one in stored.metadata_props}
    assert found.fingerprint() == found.metadata["onbook.fingerprint"]
    assert (found.is_external, found.is_nested) == (False, False)


def test_anatomy_reads_whatever_bytes_there_are(models: Path):
    content = (models / "tiny.onnx").read_bytes()[-8_000:]
    rng = np.random.default_rng(1)
    for _ in range(500):
        changed = bytearray(content[int(rng.integers(7_000)) :])
        for at in rng.integers(len(changed), size=20):
            changed[at] = int(rng.integers(256))
        with suppress(ValueError):
            Anatomy.of(bytes(changed))


def field(number: int, content: bytes) -> bytes:
    """Return a field of a protocol buffer with up to 127 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def test_nothing_hides_behind_a_field_that_is_repeated():
    network = field(1, field(4, b"If") + field(5, field(6, b"\x0a\x00")))
    tensor = field(5, bytes([8, 1, 0x70, 1, 0x70, 0]))
    found = Anatomy.of(field(7, network) + field(7, tensor) + field(7, b""))
    assert found.operators == {("", "If")}
    assert found.is_nested
    assert found.is_external


def test_a_negative_size_counts_as_a_huge_one():
    minus_one = b"\xff" * 9 + b"\x01"
    assert Anatomy.of(field(7, field(5, b"\x08" + minus_one))).constants > 2**63


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(field(14, field(1, b"\xff")), id="no UTF-8"),
        pytest.param(b"\x3a\x7f\x00", id="cut short"),
        pytest.param(b"\x3b" * 200, id="nested without an end"),
        pytest.param(b"\x3f\x00", id="an unknown way of writing"),
    ],
)
def test_what_is_no_protocol_buffer_is_a_value_error(content: bytes):
    with pytest.raises(ValueError, match=r"protocol buffer|utf-8"):
        Anatomy.of(content)
