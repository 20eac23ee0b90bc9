"""Tests of ``onbook-export``, from a run, from a voice, and after a mistake."""

import dataclasses
import datetime
import json
import shutil
from unittest.mock import Mock

import numpy as np
import onnx
import pytest

import bot
from export import graph, make, openings
from export.__main__ import main
from export.runtime import Runtime
from tests.conftest import STYLES
from training import voice_file
from training.run import Run
from training.voice_file import Voice


def facts(path):
    model = onnx.ModelProto.FromString(path.read_bytes())
    return {entry.key: entry.value for entry in model.metadata_props}


def evaluation(path):
    return json.loads(facts(path)["onbook.evaluation"])


@pytest.fixture
def released(tiny_run, tmp_path):
    """Copy the run without its held-out texts."""
    without = shutil.ignore_patterns("heldout")
    return shutil.copytree(tiny_run.folder, tmp_path / "released", ignore=without)


@pytest.fixture
def few_words(scenes, tmp_path_factory):
    """Return a folder with a held-out text of a few lines."""
    folder = tmp_path_factory.mktemp("heldout")
    text = (scenes / "test" / "the-comedy-of-errors.fountain").read_text(encoding="utf-8")
    (folder / "errors.txt").write_text(text[:1_200], encoding="utf-8")
    return folder


def refused(capsys, *arguments):
    """Return the sentence with which a command was refused."""
    assert main([str(argument) for argument in arguments]) == 1
    [sentence] = capsys.readouterr().err.splitlines()
    assert sentence.endswith(".")
    return sentence


# From a run


@pytest.mark.parametrize("bits", [8, 32])
def test_the_metadata_and_onnx_fields_describe_the_voice(request, tiny_run, bits):
    path = request.getfixturevalue(f"voice_{bits}")
    said, config, vocabulary = facts(path), tiny_run.config(), tiny_run.vocabulary()
    names = [
        *("format", "name", "vocabulary", "fold", "fingerprint", "corpus", "licence", "language"),
        *("trained", "config", "evaluation", "curve", "memory"),
    ]
    names += ["openings"] if bits == 8 else []
    assert said.keys() == {f"onbook.{name}" for name in names}
    assert said["onbook.format"] == "1"
    assert said["onbook.name"] == config.name
    assert said["onbook.corpus"] == config.corpus
    assert said["onbook.licence"] == config.licence
    assert said["onbook.language"] == "en"
    assert tuple(json.loads(said["onbook.vocabulary"])) == vocabulary.characters
    assert json.loads(said["onbook.fold"]) == vocabulary.fold
    assert json.loads(said["onbook.config"])["upper"] == config.upper
    assert datetime.datetime.fromisoformat(said["onbook.trained"]).tzinfo
    assert said["onbook.fingerprint"] == Voice.read(path).fingerprint()
    model = onnx.ModelProto.FromString(path.read_bytes())
    assert (model.producer_name, model.producer_version) == ("onbook-export", bot.__version__)
    assert model.model_version == tiny_run.best()["step"]
    for words in (config.name, config.corpus, config.licence, "logits float32 [batch, V]"):
        assert words in model.doc_string


def test_new_openings_restore_the_description_and_keep_the_fingerprint(voice_8, tmp_path):
    """Give a file that has no description one without its checkpoint."""
    voice = Voice.read(voice_8)
    source, target = tmp_path / "source.onnx", tmp_path / "target.onnx"
    dataclasses.replace(voice, description={}).write(source)
    assert main([str(source), "--openings", str(STYLES), "-o", str(target)]) == 0
    assert target.read_bytes() == voice_8.read_bytes() != source.read_bytes()
    assert Voice.read(source).fingerprint() == Voice.read(target).fingerprint()


@pytest.mark.parametrize("bits", [8, 32])
def test_every_held_out_text_is_evaluated(request, tiny_run, bits):
    said = evaluation(request.getfixturevalue(f"voice_{bits}"))
    assert said["protocol"] == "carried state"
    assert said["weight_bits"] == bits
    assert said["step"] == tiny_run.best()["step"]
    assert said["seconds"] == tiny_run.best()["seconds"]
    names = [entry["name"] for entry in said["texts"]]
    assert names == ["validation/the-tempest", "test/the-comedy-of-errors"]
    for entry, text in zip(said["texts"], make.collect_heldout(tiny_run), strict=True):
        assert entry["characters"] == len(tiny_run.vocabulary().encode(text.content)) + 1
        assert entry["exported"] == pytest.approx(entry["pytorch"], rel=0.005)
        assert 1 < entry["pytorch"] < 5


def test_the_curve_is_that_of_the_training(voice_8, tiny_run):
    curve = json.loads(facts(voice_8)["onbook.curve"])
    noted = tiny_run.read_metrics()
    judged = [(row["step"], row["validation_bits"]) for row in noted if "validation_bits" in row]
    assert [step for step, _ in curve["validation"]] == [step for step, _ in judged]
    assert curve["validation"][-1][1] == pytest.approx(judged[-1][1], abs=0.001)
    assert curve["training"][-1][0] == tiny_run.config().steps


@pytest.mark.parametrize("points", [0, 1, 80, 81, 1000])
def test_a_long_curve_is_thinned_and_keeps_its_end(points):
    line = [[step, 2.0] for step in range(points)]
    thinned = make._thin_out(line)
    assert len(thinned) <= make.MOST_POINTS
    assert thinned[-1:] == line[-1:]


def test_the_same_run_gives_the_same_bytes_and_prints_the_proof(
    tiny_run, voice_8, tmp_path, capsys
):
    again = tmp_path / "again.onnx"
    assert main([str(tiny_run.folder), "--openings", str(STYLES), "-o", str(again)]) == 0
    assert again.read_bytes() == voice_8.read_bytes()
    printed = capsys.readouterr().out
    for words in (
        "check  ",
        "measured",
        "logits, PyTorch",
        "rows of a batch of 64",
        "validation/the-te",
    ):
        assert words in printed
    assert "NO" not in printed.split()


def test_a_graph_that_differs_from_the_run_is_not_written(
    tiny_run, few_words, tmp_path, capsys, monkeypatch
):
    honest = graph.build

    def trusting(network, bits):
        prior = dataclasses.replace(network.prior, trust=network.prior.trust + 1)
        return honest(dataclasses.replace(network, prior=prior), bits)

    monkeypatch.setattr(graph, "build", trusting)
    path = tmp_path / "a.onnx"
    path.write_text("what was there")
    command = [str(tiny_run.folder), "--heldout", str(few_words), "-o", str(path)]
    for bits, mend in (([], "Please report this"), (["--bits", "8"], "Leave out --bits 8.")):
        assert main([*command, *bits]) == 1
        said = capsys.readouterr()
        assert "NO" in said.out.split()
        assert "was not written: " in said.err
        assert mend in said.err
    assert path.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [path]


def test_a_released_run_is_proven_on_named_texts_and_gets_shipped_openings(
    released, few_words, tmp_path, monkeypatch
):
    (tmp_path / "tiny.toml").write_text('noir = "Rain."', encoding="utf-8")
    monkeypatch.setattr(openings, "SHIPPED", tmp_path)
    path = tmp_path / "a.onnx"
    assert main([str(released), "--heldout", str(few_words), "-o", str(path)]) == 0
    assert [text["name"] for text in evaluation(path)["texts"]] == ["errors"]
    assert facts(path)["onbook.openings"] == '{"noir":"Rain."}'


def test_ctrl_c_ends_the_proof_without_a_traceback(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(make, "prove", Mock(side_effect=KeyboardInterrupt))
    assert main([str(tiny_run.folder), "-o", str(tmp_path / "a.onnx")]) == 130


# From a voice in 8 bits


@pytest.fixture(scope="session")
def converted(voice_8, tmp_path_factory):
    path = tmp_path_factory.mktemp("converted") / "tiny-32.onnx"
    assert main([str(voice_8), "--bits", "32", "-o", str(path)]) == 0
    return path


def test_a_voice_in_8_bits_is_converted_to_32(voice_8, converted):
    stored = onnx.ModelProto.FromString(converted.read_bytes())
    assert graph.find_bits(stored) == 32
    before, after = (Runtime(Voice.read(path).graph) for path in (voice_8, converted))
    tokens = np.arange(20)
    near, _ = before.step(tokens, before.start(20))
    exact, _ = after.step(tokens, after.start(20))
    assert (near - exact).std() < 0.01 * exact.std()


def test_a_conversion_keeps_the_metadata(voice_8, converted):
    before, after = facts(voice_8), facts(converted)
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed == {"onbook.fingerprint", "onbook.evaluation"}
    note = evaluation(converted)["converted"]
    assert evaluation(converted) == evaluation(voice_8) | {"converted": note}
    assert note["from"] == before["onbook.fingerprint"]
    assert note["bits_32"] == pytest.approx(note["bits_8"], rel=0.005)
    assert note["characters"] > 0.9 * make.WRITTEN


def test_a_conversion_that_changes_the_voice_is_not_written(voice_8, tmp_path, capsys, monkeypatch):
    """Refuse even a change that PyTorch agrees with: other weights, faithfully computed."""
    honest = voice_file.read_network

    def other(model, recurrence):
        network = honest(model, recurrence)
        prior = dataclasses.replace(network.prior, trust=network.prior.trust + 1)
        return dataclasses.replace(network, prior=prior)

    monkeypatch.setattr(voice_file, "read_network", other)
    assert main([str(voice_8), "--bits", "32", "-o", str(tmp_path / "a.onnx")]) == 1
    assert "1 of 7 checks" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# Refusals


@pytest.mark.parametrize(
    ("source", "more", "said"),
    [
        ("missing", [], "does not exist"),
        ("released", [], "--heldout"),
        ("voice_32", ["--bits", 32], "already"),
        ("voice_32", [], "is a voice file. Add --bits 32"),
        ("voice_8", ["--bits", 32, "--heldout", "."], "is a voice file. Add --bits 32"),
    ],
)
def test_refusals_are_one_sentence(request, tmp_path, capsys, source, more, said):
    path = tmp_path / source if source == "missing" else request.getfixturevalue(source)
    target = tmp_path / "a.onnx"
    assert main([str(part) for part in (path, *more, "-o", target)]) == 1
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert not target.exists()
    # Nothing is compared before the source is known.
    assert printed.out == "" or said in ("--heldout", "already")


def test_bits_that_no_voice_has_are_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["missing", "--bits", "16", "-o", str(tmp_path / "a.onnx")])
    assert "None" not in capsys.readouterr().err


def test_too_little_text_proves_nothing(tiny_run, tmp_path, capsys):
    (tmp_path / "x.txt").write_text("x")
    target = tmp_path / "a.onnx"
    sentence = refused(capsys, tiny_run.folder, "--heldout", tmp_path / "x.txt", "-o", target)
    assert sentence == "--heldout has 1 of the 1,000 characters needed. Name more text."
    assert not target.exists()


def test_a_run_without_weights_is_refused(tiny_run, tmp_path, capsys):
    run = Run(tmp_path / "run")
    shutil.copytree(tiny_run.folder, run.folder)
    run.weights.unlink()
    sentence = refused(capsys, run.folder, "-o", tmp_path / "a.onnx")
    assert "weights.safetensors is missing" in sentence


def test_an_unusable_output_is_refused_before_the_work(tiny_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(make, "prove", None)
    target = tmp_path / "none" / "a.onnx"
    assert "There is no folder" in refused(capsys, tiny_run.folder, "-o", target)
    for target in (tmp_path, tmp_path / "mine"):
        assert "is not an .onnx file" in refused(capsys, tiny_run.folder, "-o", target)


def test_a_graph_of_another_program_is_refused(voice_8, tmp_path, capsys):
    voice = Voice.read(voice_8)
    model = onnx.ModelProto.FromString(voice.graph)
    [stored] = [tensor for tensor in model.graph.initializer if tensor.name == "lower.codes"]
    stored.name = "renamed"
    for node in model.graph.node:
        node.input[:] = ["renamed" if name == "lower.codes" else name for name in node.input]
    source = tmp_path / "source.onnx"
    dataclasses.replace(voice, graph=model.SerializeToString(deterministic=True)).write(source)
    assert "did not make" in refused(capsys, source, "--bits", 32, "-o", tmp_path / "a.onnx")
