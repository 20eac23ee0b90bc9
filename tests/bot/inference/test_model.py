"""Test voice files: what the bot reads from one, how it computes, and which files it refuses."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from bot.errors import ModelError
from bot.inference.model import Model
from training.voice_file import Voice


@pytest.fixture(scope="module", params=["tiny", "other"])
def model(voices: Path, request: pytest.FixtureRequest) -> Model:
    """Return the voice in 8 bits and in 32."""
    return Model.load(voices / f"{request.param}.onnx", threads=1)


@pytest.fixture
def tiny(voices: Path) -> Voice:
    """Return the voice as export reads it, to make bad voices from it."""
    return Voice.read(voices / "tiny.onnx")


def refusal(path: Path) -> str:
    """Return the bot's refusal of an unusable file, after checking that it is one sentence."""
    with pytest.raises(ModelError) as refused:
        Model.load(path)
    sentence = str(refused.value)
    assert path.stem in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def changed(path: Path, voice: Voice, **metadata: object) -> Path:
    """Return a file with the voice's graph and other metadata; None leaves a key out."""
    new = {f"onbook.{key}": value for key, value in metadata.items()}
    texts = dict(voice.metadata) | new
    kept = {key: value for key, value in texts.items() if value is not None}
    texts = [str(texts.get(f"onbook.{key}")).encode() for key in ("vocabulary", "fold")]
    fingerprint = hashlib.sha256(b"\0".join([voice.graph, *texts])).hexdigest()
    props = onnx.ModelProto()
    helper.set_model_props(props, {"onbook.format": "1", "onbook.fingerprint": fingerprint} | kept)
    path.write_bytes(voice.graph + props.SerializeToString())
    return path


def test_what_the_file_says_is_what_export_wrote(model: Model, voices: Path):
    path = voices / f"{model.name}.onnx"
    voice = Voice.read(path)
    assert list(model.vocabulary) == json.loads(voice.metadata["onbook.vocabulary"])
    assert model.fold == json.loads(voice.metadata["onbook.fold"])
    assert model.about["onbook.licence"] == "public domain"
    # The state is two layers' h and c, and the last five characters.
    assert model.state_size == 2 * (32 + 64 + 48) + 24 + 1 + 11


def test_the_fingerprint_is_of_the_network_and_its_characters(model: Model, voices: Path):
    path = voices / f"{model.name}.onnx"
    assert model.fingerprint == Voice.read(path).fingerprint()
    stored = onnx.ModelProto.FromString(path.read_bytes())
    texts = [model.about[f"onbook.{key}"].encode() for key in ("vocabulary", "fold")]
    for name in ("producer_version", "model_version", "doc_string", "metadata_props"):
        stored.ClearField(name)
    graph = stored.SerializeToString(deterministic=True)
    assert model.fingerprint == hashlib.sha256(b"\0".join([graph, *texts])).hexdigest()


def test_every_character_is_read_and_written_as_itself(model: Model):
    text = "".join(model.vocabulary)
    tokens = model.encode(text)
    assert tokens.dtype == np.int64
    assert tokens.tolist() == list(range(len(text)))
    assert model.decode(tokens) == text
    assert model.decode([model.newline]) == "\n"


def test_what_is_not_in_the_vocabulary_is_folded_or_skipped(model: Model):
    text = "“Café—you&me”, cafe\u0301, 茂茂!"
    assert model.decode(model.encode(text)) == "'Cafe--youandme', cafe, !"
    assert model.skipped(text) == 2
    assert model.encode("").shape == (0,)


def test_an_accent_is_read_the_same_however_it_is_written(tiny: Voice, tmp_path: Path):
    french = Voice(
        b"", tiny.metadata | {"onbook.vocabulary": '["\\n", "e", "é"]', "onbook.fold": "{}"}
    )
    model = Model.load(simplest(tmp_path / "french.onnx", french, RIGHT))
    for text in ("é", "e\u0301"):
        assert model.encode(text).tolist() == [2]
        assert model.skipped(text) == 0


def test_a_row_does_not_depend_on_the_rows_beside_it(model: Model):
    rng = np.random.default_rng(1)
    tokens = rng.integers(len(model.vocabulary), size=64)
    states = rng.normal(size=(64, model.state_size)).astype(np.float32)
    logits, after = model.step(tokens, states)
    assert logits.shape == (64, len(model.vocabulary))
    assert after.shape == states.shape
    for some in ([0], [5, 63], [63, 7, 5], [*range(40, 9, -1)]):
        logits_of_some, after_of_some = model.step(tokens[some], states[some])
        np.testing.assert_array_equal(logits_of_some, logits[some])
        np.testing.assert_array_equal(after_of_some, after[some])


def test_an_open_voice_does_not_keep_its_file_in_memory(voices: Path):
    content = (voices / "tiny.onnx").read_bytes()
    held = sys.getrefcount(content)
    model = Model.of(content, "tiny", threads=1)
    assert sys.getrefcount(content) == held
    assert model.step(np.array([model.newline]), model.start()[None])[0].shape[0] == 1


def test_a_file_that_is_no_voice_is_refused(tiny: Voice, voices: Path, tmp_path: Path):
    (tmp_path / "folder.onnx").mkdir()
    for name, said in (("nobody", "No such file"), ("folder", "Is a directory")):
        assert f"cannot be opened ({said}" in refusal(tmp_path / f"{name}.onnx")
    path = tmp_path / "odd.onnx"
    good = (voices / "tiny.onnx").read_bytes()
    for content in (
        b"",
        b"To be, or not to be.",
        bytes(range(256)) * 40,
        good[:-1],
        good[:-70_000],
    ):
        path.write_bytes(content)
        assert "damaged" in refusal(path)
    path.write_bytes(tiny.graph)
    assert "not an On Book voice" in refusal(path)


def test_metadata_that_do_not_keep_to_the_contract_are_refused(tiny: Voice, tmp_path: Path):
    path = tmp_path / "odd.onnx"
    for key, value in (
        *(("vocabulary", one) for one in (None, "[not JSON", "7", '["\\n", "a"]')),
        ("fold", None),
    ):
        assert "not a valid voice" in refusal(changed(path, tiny, **{key: value}))
    without_fingerprint = onnx.ModelProto.FromString(tiny.graph)
    helper.set_model_props(without_fingerprint, {"onbook.format": "1"} | dict(tiny.metadata))
    path.write_bytes(without_fingerprint.SerializeToString())
    assert "not a valid voice" in refusal(path)
    endless = tiny.metadata["onbook.vocabulary"].replace("\\n", "\\u0000")
    assert "its vocabulary has no newline" in refusal(changed(path, tiny, vocabulary=endless))


INT64, FLOAT, DOUBLE = TensorProto.INT64, TensorProto.FLOAT, TensorProto.DOUBLE
RIGHT = {
    "tokens": (INT64, ["batch"]),
    "state": (FLOAT, ["batch", 8]),
    "logits": (FLOAT, ["batch", "characters"]),
}


def simplest(path: Path, voice: Voice, inputs_and_logits: dict[str, tuple[int, list]]) -> Path:
    """Write a network with the voice's characters that passes its state on."""
    characters = len(json.loads(voice.metadata["onbook.vocabulary"]))
    kinds = {
        name: (kind, [characters if size == "characters" else size for size in shape])
        for name, (kind, shape) in inputs_and_logits.items()
    }
    kind, shape = kinds.pop("logits")
    outputs = {"next_state": kinds["state"], "logits": (kind, shape)}
    numbers = np.zeros([1 if size == "batch" else size for size in shape])
    flat = helper.make_tensor("flat", kind, numbers.shape, numbers.ravel())
    graph = helper.make_graph(
        [
            helper.make_node("Identity", ["state"], ["next_state"]),
            helper.make_node("Identity", ["flat"], ["logits"]),
        ],
        "step",
        [helper.make_tensor_value_info(name, *kind) for name, kind in kinds.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [flat],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    return changed(path, Voice(model.SerializeToString(), voice.metadata))


def test_a_network_of_any_kind_is_a_voice_if_it_keeps_to_the_contract(tiny: Voice, tmp_path: Path):
    assert Model.load(simplest(tmp_path / "any.onnx", tiny, RIGHT)).state_size == 8


def test_a_network_of_another_shape_is_refused(tiny: Voice, tmp_path: Path):
    for wrong in (
        {"state": (FLOAT, ["batch"])},
        {"state": (FLOAT, ["batch", "size"])},
        {"state": (FLOAT, ["batch", 2, 4])},
        {"state": (DOUBLE, ["batch", 8])},
        {"logits": (FLOAT, ["batch", 1, "characters"])},
        {"logits": (FLOAT, ["batch", 3])},
        {"logits": (DOUBLE, ["batch", "characters"])},
        {"tokens": (INT64, ["batch", 1])},
        {"tokens": (FLOAT, ["batch"])},
        {"time": (INT64, ["batch"])},
    ):
        path = simplest(tmp_path / "odd.onnx", tiny, RIGHT | wrong)
        assert "is not a valid voice (its inputs and outputs are" in refusal(path), wrong
