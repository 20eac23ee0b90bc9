"""Tests of the voice file: it is whole, and its metadata are true."""

import dataclasses
import json
import os

import onnx
import onnxruntime
import pytest

from bot.inference.anatomy import Anatomy
from export import graph
from training.errors import VoiceError
from training.model.folding import FoldedNetwork
from training.voice_file import Voice, serialise


@pytest.fixture
def voice(network, vocabulary):
    return Voice(
        serialise(graph.build(FoldedNetwork.of(network()), 8)),
        {
            "onbook.name": "a voice",
            "onbook.vocabulary": json.dumps(vocabulary.characters),
            "onbook.fold": json.dumps(vocabulary.fold, ensure_ascii=False),
        },
        {"producer_version": "0.1", "model_version": 7, "doc_string": "A voice."},
    )


def with_fact(voice, name, value):
    return dataclasses.replace(voice, metadata=voice.metadata | {name: value})


def test_onnxruntime_finds_the_metadata(voice):
    session = onnxruntime.InferenceSession(voice.to_bytes())
    added = {"onbook.format": "1", "onbook.fingerprint": voice.fingerprint()}
    assert session.get_modelmeta().custom_metadata_map == dict(voice.metadata) | added
    onnx.checker.check_model(onnx.ModelProto.FromString(voice.to_bytes()))


def test_the_fingerprint_covers_graph_vocabulary_and_fold(voice, network):
    def with_graph(bits, seed):
        built = graph.build(FoldedNetwork.of(network(seed=seed)), bits)
        return dataclasses.replace(voice, graph=serialise(built))

    others = [
        with_graph(bits=32, seed=1),
        with_graph(bits=8, seed=2),
        with_fact(voice, "onbook.vocabulary", '["a"]'),
        with_fact(voice, "onbook.fold", "{}"),
    ]
    assert len({voice.fingerprint(), *(other.fingerprint() for other in others)}) == 5
    assert with_fact(voice, "onbook.name", "another").fingerprint() == voice.fingerprint()
    undescribed = dataclasses.replace(voice, description={})
    assert undescribed.fingerprint() == voice.fingerprint()
    assert Anatomy.of(undescribed.to_bytes()).fingerprint() == voice.fingerprint()
    assert Anatomy.of(voice.to_bytes()).fingerprint() == voice.fingerprint()


def test_a_failed_write_keeps_the_old_file(voice, tmp_path, monkeypatch):
    path = tmp_path / "a.onnx"
    path.write_text("what was there")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VoiceError, match="No space left"):
        voice.write(path)
    assert path.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [path]


def test_a_changed_file_is_refused(voice, tmp_path):
    path = tmp_path / "a.onnx"
    content = bytearray(voice.to_bytes())
    content[len(voice.graph) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(VoiceError, match="fingerprint"):
        Voice.read(path)


@pytest.mark.parametrize("missing", ["onbook.vocabulary", "onbook.fold", "onbook.fingerprint"])
def test_a_file_without_a_part_is_refused(voice, tmp_path, missing):
    model = onnx.ModelProto.FromString(voice.to_bytes())
    kept = [entry for entry in model.metadata_props if entry.key != missing]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    (tmp_path / "a.onnx").write_bytes(serialise(model))
    with pytest.raises(VoiceError, match="fingerprint"):
        Voice.read(tmp_path / "a.onnx")


def test_other_files_are_refused(voice, tmp_path):
    path = tmp_path / "a.onnx"
    path.write_text("no model at all")
    with pytest.raises(VoiceError, match="not an ONNX file"):
        Voice.read(path)
    path.write_bytes(voice.graph)
    with pytest.raises(VoiceError, match="not a voice of format 1"):
        Voice.read(path)
    with pytest.raises(VoiceError, match="cannot be read"):
        Voice.read(tmp_path / "missing.onnx")
