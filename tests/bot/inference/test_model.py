"""Test voice files: what the bot reads from one, how it computes, and which files it refuses."""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from bot.errors import ContractError, ModelError
from bot.inference import model as inference_model
from bot.inference.model import LONGEST_OPENING, Model, parse_openings
from tests.bot.voice_files import write_voice
from training.voice_file import Voice

from .networks import DOUBLE, FLOAT, INT64, STATE_SIZE, build_network, constant, node


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


def test_a_model_has_what_export_wrote(model: Model, voices: Path):
    path = voices / f"{model.name}.onnx"
    voice = Voice.read(path)
    assert list(model.vocabulary) == json.loads(voice.metadata["onbook.vocabulary"])
    assert model.fold == json.loads(voice.metadata["onbook.fold"])
    assert model.about["onbook.licence"] == "public domain"
    # The state is two layers' h and c, the 63 characters of the memory head, three to a number, and
    # the last eleven characters for the prior.
    assert model.state_size == 2 * (32 + 48) + 21 + 11
    assert model.memory == (160, 181)
    assert model.fingerprint == voice.fingerprint()
    stored = onnx.ModelProto.FromString(path.read_bytes())
    texts = [model.about[f"onbook.{key}"].encode() for key in ("vocabulary", "fold")]
    for name in ("producer_version", "model_version", "doc_string", "metadata_props"):
        stored.ClearField(name)
    graph = stored.SerializeToString(deterministic=True)
    assert model.fingerprint == hashlib.sha256(b"\0".join([graph, *texts])).hexdigest()


def test_openings_are_no_part_of_the_fingerprint(model: Model, tiny: Voice, tmp_path: Path):
    other = Model.load(write_voice(tmp_path / "tiny.onnx", tiny, openings=None), threads=1)
    assert (other.openings, other.fingerprint) == ({}, tiny.fingerprint())


def test_every_character_is_encoded_as_itself(model: Model):
    text = "".join(model.vocabulary)
    tokens = model.encode(text)
    assert tokens.dtype == np.int64
    assert tokens.tolist() == list(range(len(text)))
    assert model.decode(tokens) == text
    assert model.decode([model.newline]) == "\n"


def test_an_unknown_character_is_folded_or_skipped(model: Model):
    text = "“Café—you&me”, cafe\u0301, 茂茂!"
    assert model.decode(model.encode(text)) == "'Cafe--youandme', cafe, !"
    assert model.skipped(text) == 2
    # A lower-case letter would make a cue action.
    assert model.spell("ÞÓR (V.O.), GROẞ, Þór, Þ.") == "THOR (V.O.), GROSS, Thor, TH."
    assert model.encode("").shape == (0,)


def test_a_composed_and_a_decomposed_accent_are_encoded_alike(tiny: Voice, tmp_path: Path):
    french = {"onbook.vocabulary": '["\\n", "e", "é"]', "onbook.fold": "{}"}
    voice = build_network(Voice(b"", tiny.metadata | french))
    model = Model.load(write_voice(tmp_path / "french.onnx", voice))
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


def test_an_open_model_does_not_keep_its_file_in_memory(voices: Path):
    content = (voices / "tiny.onnx").read_bytes()
    held = sys.getrefcount(content)
    model = Model.of(content, "tiny", threads=1)
    assert sys.getrefcount(content) == held
    # Nor does it keep an arena, of what its largest batch needed.
    assert not model.session.get_session_options().enable_cpu_mem_arena
    assert model.step(np.array([model.newline]), model.start()[None])[0].shape[0] == 1


def test_a_file_that_is_no_voice_is_refused(tiny: Voice, voices: Path, tmp_path: Path):
    (tmp_path / "folder.onnx").mkdir()
    os.mkfifo(tmp_path / "pipe.onnx")
    for name, why in (("nobody", "No such file"), ("folder", "Is a directory"), ("pipe", "a pipe")):
        assert f"cannot be opened ({why}" in refusal(tmp_path / f"{name}.onnx")
    path = tmp_path / "odd.onnx"
    good = (voices / "tiny.onnx").read_bytes()
    words = b"To be, or not to be."
    for content in (b"", words, bytes(range(256)) * 40, good[:-1], good[:-70_000]):
        path.write_bytes(content)
        assert "is damaged, or not an ONNX file" in refusal(path)
    path.write_bytes(tiny.graph)
    assert "not an On Book voice" in refusal(path)


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inference_model, "LARGEST_MODEL_FILE", 2**20)
    path = tmp_path / "large.onnx"
    path.write_bytes(bytes(2**20 + 1))
    assert "is larger than 1 MB" in refusal(path)


def test_a_changed_byte_or_vocabulary_is_refused(tiny: Voice, voices: Path, tmp_path: Path):
    path = tmp_path / "odd.onnx"
    good = (voices / "tiny.onnx").read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    vocabulary = tiny.metadata["onbook.vocabulary"]
    first, second, *rest = json.loads(vocabulary)
    swapped = json.dumps([second, first, *rest], separators=(",", ":"))
    for content in (bytes(flipped), good.replace(vocabulary.encode(), swapped.encode())):
        path.write_bytes(content)
        assert "is not a valid voice (its fingerprint does not match" in refusal(path)


def test_metadata_that_break_the_contract_are_refused(tiny: Voice, tmp_path: Path):
    path = tmp_path / "odd.onnx"
    vocabulary = tiny.metadata["onbook.vocabulary"]
    more = json.dumps([*json.loads(vocabulary), "茂"])
    for key, value, why in (
        ("format", "0", "is in format 0, but this bot reads format 1"),
        ("format", "2", "is in format 2, but this bot reads format 1"),
        *(("vocabulary", value, "is not a valid voice (") for value in (None, "[not JSON", "7")),
        ("vocabulary", '["\\n", "a"]', "its inputs and outputs are"),
        ("vocabulary", more, "its inputs and outputs are"),
        ("vocabulary", vocabulary.replace("\\n", "\\u0000"), "its vocabulary has no newline"),
        ("vocabulary", '["\\n", "a", "a"]', "its vocabulary is not a list of"),
        ("fold", None, "is not a valid voice ("),
        ("fold", "[7]", "its fold does not map"),
        ("fingerprint", "x", "its fingerprint does not match"),
        ("openings", "[", "its metadata cannot be read"),
        ("openings", "[]", "its openings are invalid or too many"),
    ):
        assert why in refusal(write_voice(path, tiny, **{key: value})), key
    without_fingerprint = onnx.ModelProto.FromString(tiny.graph)
    helper.set_model_props(without_fingerprint, {"onbook.format": "1"} | dict(tiny.metadata))
    path.write_bytes(without_fingerprint.SerializeToString())
    assert "is not a valid voice (" in refusal(path)


@pytest.mark.parametrize(
    ("openings", "why"),
    [
        ({f"style {n}": "Rain." for n in range(26)}, "its openings are invalid or too many"),
        ({"": "Rain."}, "a style has an invalid name"),
        ({"two\nlines": "Rain."}, "a style has an invalid name: two lines"),
        ({"x" * 41: "Rain."}, "a style has an invalid name: xxx"),
        ({"\ud800": "Rain."}, "a style has an invalid name"),
        ({"noir": 7}, "an opening is not text, or is too long: noir"),
        ({"noir": "x" * (LONGEST_OPENING + 1)}, "an opening is not text, or is too long: noir"),
        ({"noir": ""}, "an opening is not plain Fountain: noir"),
        ({"noir": "Rain.\n\n\n\nWind."}, "an opening is not plain Fountain: noir"),
        ({"noir": "Rain.\u200b"}, "an opening is not plain Fountain: noir"),
        ({"noir": "# A section"}, "an opening is not plain Fountain: noir"),
    ],
)
def test_openings_must_be_few_short_and_plain_fountain(openings: dict[str, object], why: str):
    with pytest.raises(ContractError) as refused:
        parse_openings({"onbook.openings": json.dumps(openings)})
    assert why in f"{refused.value.sentence}{refused.value.what}"


def test_openings_may_have_transitions_without_a_mark():
    openings = {"film": "INT. ROOM - DAY\n\nCUT TO:\n\nFADE OUT."}
    assert parse_openings({"onbook.openings": json.dumps(openings)}) == openings


def test_any_network_that_keeps_to_the_contract_is_a_voice(tiny: Voice, tmp_path: Path):
    path = write_voice(tmp_path / "any.onnx", build_network(tiny))
    assert Model.load(path).state_size == STATE_SIZE


def test_other_inputs_and_outputs_are_refused(tiny: Voice, tmp_path: Path):
    for wrong in (
        {"state": (FLOAT, ["batch"])},
        {"state": (FLOAT, ["batch", "size"])},
        {"state": (FLOAT, ["batch", 2, 4])},
        {"state": (DOUBLE, ["batch", STATE_SIZE])},
        {"logits": (FLOAT, ["batch", 1, "characters"])},
        {"logits": (FLOAT, ["batch", 3])},
        {"logits": (DOUBLE, ["batch", "characters"])},
        {"tokens": (INT64, ["batch", 1])},
        {"tokens": (FLOAT, ["batch"])},
        {"time": (INT64, ["batch"])},
    ):
        path = write_voice(tmp_path / "odd.onnx", build_network(tiny, kinds=wrong))
        assert "is not a valid voice (its inputs and outputs are" in refusal(path), wrong


def test_what_no_voice_needs_is_refused(tiny: Voice, tmp_path: Path):
    elsewhere = onnx.TensorProto(name="odd", dims=[1, 1], data_type=FLOAT)
    elsewhere.data_location = onnx.TensorProto.EXTERNAL
    elsewhere.external_data.add(key="location", value="/etc/passwd")
    huge = onnx.TensorProto(name="odd", dims=[2**20, 2**20], data_type=FLOAT)
    odd = helper.make_tensor_value_info("odd", FLOAT, [1, 1])
    flat = constant("flat", np.ones((1, 1), np.float32))
    inside = helper.make_graph([node("Identity", ["flat"], "odd")], "inside", [], [odd], [flat])
    for nodes, constants, why in (
        ([node("RandomUniform", [], "odd", shape=[1, 1])], [], "operator: RandomUniform"),
        ([node("Tanh", ["tokens"], "odd", domain="evil")], [], "operator: evil.Tanh"),
        ([], [elsewhere], "part of it is in another file"),
        ([], [huge], "its constants are too large"),
        (
            [node("Tanh", ["state"], "odd", then_branch=inside)],
            [],
            "it is not a single plain graph",
        ),
    ):
        path = write_voice(tmp_path / "odd.onnx", build_network(tiny, nodes, constants))
        assert why in refusal(path)
