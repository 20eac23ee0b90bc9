"""Tests of tuning: old knowledge, new scripts, and characters that the voice had never seen."""

import dataclasses
import json
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NamedTuple

import pytest
import torch

from export import proof
from export.__main__ import main as export
from tests.tiny_voice import TINY, read_play
from training import finetune, trainer
from training.cli import main, tune
from training.data.texts import collect
from training.errors import TrainingError
from training.evaluation import calibrate, measure_carried
from training.model.network import CharLSTM
from training.model.prior import NO_PRIOR
from training.model.tables import make_empty_tables
from training.pretraining import prepare_training
from training.run import Run, load, save
from training.voice_file import Trained, Voice

from .small_runs import FEW, assert_same, interrupted_at_step_3, last_step, measure_validation

SCHEDULE: dict[str, Any] = {
    "steps": 60,
    "minutes": None,
    "learning_rate": 0.005,
    "evaluate_every": 60,
}


class Tuned(NamedTuple):
    """A run that was tuned, and what it was before the first step."""

    run: Run
    first_bits: float
    first: CharLSTM


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return three scenes that the tiny voice has not read, with characters unknown to it."""
    folder = tmp_path_factory.mktemp("scripts")
    # The last one is held out.
    for name, start, length in (
        ("macbeth", 0, 18_000),
        ("hamlet", 0, 18_000),
        ("hamlet", 60_000, 4_000),
    ):
        text = read_play(name)[start : start + length]
        text = text.replace("you", "y\u00f6u").replace("sword", "\u2694")
        (folder / f"{name}-{start}.fountain").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def old(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a voice that has read next to nothing, and of which tuning drops little."""
    run = Run(tmp_path_factory.mktemp("old"))
    assert prepare_training([scenes], run, dataclasses.replace(FEW, steps=2)).run()
    return run


@pytest.fixture(scope="module")
def released(voices: Path) -> Voice:
    """Return the file of a voice, all that a fresh clone has."""
    return Voice.read(voices / "tiny.onnx")


@pytest.fixture(scope="module")
def tuned(released: Voice, scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    run = Run(tmp_path_factory.mktemp("tuned") / "run")
    training = finetune.create([scripts], released, run, SCHEDULE)
    before = measure_validation(training), deepcopy(training.average)
    assert training.run()
    return Tuned(run, *before)


def interrupt(*_: object, **_options: object) -> None:
    raise KeyboardInterrupt


def bits(run: Trained, heldout: Run) -> float:
    """Return bits per character of the held-out part of a run."""
    text = "\n\n".join(t.content for t in heldout.read_heldout("validation"))
    return measure_carried(run.model(), run.vocabulary(), text).per_character


def test_a_tuned_voice_beats_the_voice_and_the_scripts_alone(
    tuned: Tuned, released: Voice, scripts: Path, tmp_path: Path
):
    alone = Run(tmp_path)
    assert prepare_training([scripts], alone, dataclasses.replace(TINY, **SCHEDULE)).run()
    after = bits(tuned.run, tuned.run)
    assert after < bits(released, tuned.run) - 0.05
    assert after < bits(alone, tuned.run) - 0.1
    # Before its first step it knew the scripts by their counts alone.
    assert tuned.first_bits < bits(released, tuned.run)


def test_frequent_characters_are_added_and_rare_ones_folded(tuned: Tuned, released: Voice):
    before, after = released.vocabulary(), tuned.run.vocabulary()
    assert after.characters[: len(before)] == before.characters
    assert "\u00f6" in after.characters[len(before) :]
    assert "\u2694" not in after.characters
    assert after.decode(after.encode("y\u00f6u, \u00e9t\u00e9")) == "y\u00f6u, ete"
    assert before.decode(before.encode("y\u00f6u")) == "you"


def test_new_characters_hardly_change_the_network(released: Voice, tuned: Tuned):
    known, larger = released.model(), deepcopy(tuned.first)
    characters = known.shape.vocabulary
    for network in (larger, known):
        assert network.prior
        network.prior.set_tables(make_empty_tables(network.shape.vocabulary, 3))
        network.prior.rows.fill_(60)
    tokens = torch.tensor(released.vocabulary().encode("To be, or not to be"))[:, None]
    with torch.no_grad():
        ours, theirs = (model(tokens, model.start(1))[0] for model in (larger, known))
    # A shift of all logits alike changes no probability.
    ours, theirs = (logits[..., :characters].log_softmax(dim=-1) for logits in (ours, theirs))
    # The network also expects a new character in place of each old one.
    assert torch.allclose(ours, theirs, atol=0.05)


def test_one_command_makes_a_voice(
    released: Voice, voices: Path, scripts: Path, tmp_path: Path, monkeypatch, capsys
):
    def run(command: list[str], *, check: bool) -> CompletedProcess[str]:
        assert command[:3] == [sys.executable, "-m", "export"]
        return CompletedProcess(command, export(command[3:]))

    monkeypatch.setattr(tune.subprocess, "run", run)
    monkeypatch.chdir(tmp_path)
    # As if 8 bits lost too much: then the voice is written in 32 bits.
    monkeypatch.setitem(proof.LARGEST_LOSS, 8, -1.0)
    command = ["voice", str(scripts), "--from", str(voices / "tiny.onnx"), "--voices", "."]
    assert main([*command, "--steps", "10", "--language", "de", "--name", "my own"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("3 texts, ")
    before, _, after = printed.partition("Trying 32 bits")
    assert "-100.0000%  NO\n" in before
    assert "0.1000%  yes\n" in after
    assert "\nTuned, it costs " in printed
    assert "Wrote my own.onnx: " in printed
    onbook = f"{sys.executable} -m bot"
    expected = f"`ONBOOK_MODELS={tmp_path} ONBOOK_MODEL='my own' {onbook} write`"
    assert expected in printed.splitlines()[-1]
    config = Run(tmp_path / "runs" / "my own").config()
    assert (config.name, config.language) == ("my own", "de")
    assert config.corpus == "own scripts, after: a few scenes of Shakespeare"
    assert config.upper == released.config().upper
    written = (tmp_path / "my own.onnx").read_bytes()
    assert main([*command, "--steps", "11", "--language", "fr", "--name", "my own"]) == 0
    assert Voice.read(tmp_path / "my own.onnx").metadata["onbook.language"] == "fr"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = (tmp_path / "my own.onnx").read_bytes()
    assert again != written
    assert main([*command, "--voices", str(tmp_path), "--steps", "1", "--name", "my own"]) == 1
    assert "is another voice" in capsys.readouterr().err
    assert (tmp_path / "my own.onnx").read_bytes() == again
    monkeypatch.chdir(tmp_path)
    command = ["tune", str(voices / "tiny.onnx"), str(scripts), "--out", "runs/my own"]
    assert main([*command, "--steps", "4"]) == 1
    assert "already holds a run" in capsys.readouterr().err


def test_the_same_command_goes_on_wherever_it_was_stopped(
    voices: Path, scripts: Path, tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    command = ["voice", str(scripts), "--from", str(voices / "tiny.onnx"), "--steps", "4"]
    with monkeypatch.context() as patch:
        patch.setattr(finetune, "Training", interrupt)
        assert main(command) == 130
    assert Run(tmp_path / "runs" / "mine").is_begun
    stopped = "Stopped before the first step. Repeat the command to continue.\n"
    assert capsys.readouterr().out.endswith(stopped)
    with interrupted_at_step_3(monkeypatch):
        assert main(command) == 130
    stopped = "Stopped and saved. Repeat the command to continue.\n"
    assert capsys.readouterr().out.endswith(stopped)
    monkeypatch.setattr(tune.subprocess, "run", interrupt)
    assert main(command) == 130
    assert "installed. Repeat the command" in capsys.readouterr().out


def test_options_that_a_voice_has_and_training_lacks_are_left_out(released: Voice):
    told = json.loads(released.metadata["onbook.config"]) | {"clock": "words"}
    metadata = {**released.metadata, "onbook.config": json.dumps(told)}
    assert dataclasses.replace(released, metadata=metadata).config() == released.config()


def test_a_harmful_tuning_is_reported(
    released: Voice, scripts: Path, tmp_path: Path, monkeypatch, capsys
):
    run = Run(tmp_path / "run")
    command = ["tune", str(released), str(scripts), "--out", str(run.folder)]
    assert main([*command, "--steps", "6", "--warmup", "1", "--learning-rate", "0.5"]) == 0
    printed = capsys.readouterr().out
    assert f"not less: keep {released}, or start another run" in printed.splitlines()[-1]
    # The tuned voice is calibrated on this text, so the untuned voice is too.
    [text] = run.read_heldout("validation")
    streams = len(text.content) // 1000
    _, cost = calibrate(released.model(), released.vocabulary(), text.content, streams)
    assert f"(carried state in {streams} pieces)" in printed
    assert f"Untuned, a held-out character costs {cost.per_character:.4f} bits." in printed
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        tune, "TUNING", dataclasses.replace(tune.TUNING, warmup=1, learning_rate=0.5)
    )
    command = ["voice", str(scripts), "--from", str(released), "--voices", "."]
    assert main([*command, "--steps", "6"]) == 1
    advice = f"for more text remove {Path('runs', 'mine')}, or choose another --name."
    assert f"or repeat with more --minutes; {advice}" in capsys.readouterr().out


def test_a_resumed_tuning_equals_an_uninterrupted_one(
    old: Run, scripts: Path, tmp_path: Path, monkeypatch, capsys
):
    command = ["tune", str(old.folder), str(scripts), "--precision", "float32"]
    whole, cut = Run(tmp_path / "whole"), Run(tmp_path / "cut")
    assert main([*command, "--steps", "4", "--out", str(whole.folder)]) == 0
    with interrupted_at_step_3(monkeypatch):
        assert main([*command, "--steps", "4", "--out", str(cut.folder)]) == 130
    assert "with --resume to continue." in capsys.readouterr().out
    assert last_step(cut) == 3
    # New options do not count, except for the steps.
    changed = ["--learning-rate", "1", "--resume", "--out", str(cut.folder)]
    assert main([*command, *changed]) == 0
    assert_same(cut, whole)
    assert cut.config() == whole.config()
    assert main([*command, *changed, "--steps", "5"]) == 0
    assert last_step(cut) == 5 == cut.config().steps


def test_a_finished_tuning_can_take_more_minutes(
    old: Run, scripts: Path, tmp_path: Path, monkeypatch
):
    run = Run(tmp_path)
    assert finetune.create([scripts], old, run, SCHEDULE | {"steps": 2}).run()
    monkeypatch.setattr(trainer, "SPEED_IS_KNOWN_AFTER", 0.0)
    command = ["tune", str(old.folder), str(scripts), "--resume", "--out", str(tmp_path)]
    assert main([*command, "--minutes", "0.001"]) == 0
    assert last_step(run) > 2
    assert run.config().minutes == 0.001


def test_a_run_is_resumed_only_by_its_command_voice_and_texts(
    old: Run, scenes: Path, scripts: Path, tmp_path: Path, capsys
):
    tuned, trained = Run(tmp_path / "tuned"), Run(tmp_path / "trained")
    finetune.create([scripts], old, tuned, SCHEDULE).save()
    trained.create(FEW, old.vocabulary(), collect([scenes]))

    def refused(command: str, *given: Path, run: Run) -> str:
        before = run.config()
        assert main([command, *map(str, given), "--out", str(run.folder), "--resume"]) == 1
        assert run.config() == before
        printed = capsys.readouterr().err
        assert printed.count("\n") == 1
        assert ("another --name" in printed) == (command == "tune")
        return printed

    assert "continue it with `onbook-train tune`" in refused("train", scripts, run=tuned)
    assert "continue it with `onbook-train train`" in refused(
        "tune", old.folder, scripts, run=trained
    )
    assert "texts: give it the same ones, remove it, or" in refused(
        "tune", old.folder, scenes, run=tuned
    )
    other = Run(tmp_path / "other")
    shutil.copytree(old.folder, other.folder)
    weights, facts = load(old.weights)
    save(other.weights, {name: weight + 1 for name, weight in weights.items()}, facts)
    assert "was not tuned from the present weights" in refused(
        "tune", other.folder, scripts, run=tuned
    )


# What is refused


def test_scripts_in_too_many_new_characters_are_refused(released: Voice, tmp_path: Path):
    text = "".join(chr(0x4E00 + i) for i in range(1100)) * 25
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    with pytest.raises(TrainingError, match="characters that the voice does not know"):
        finetune.create([tmp_path], released, Run(tmp_path / "run"), SCHEDULE)


def test_a_voice_without_a_prior_learns_any_number_of_characters(scenes: Path, tmp_path: Path):
    texts, voice = tmp_path / "a.txt", Run(tmp_path / "voice")
    few = dataclasses.replace(FEW, steps=1, prior=NO_PRIOR)
    assert prepare_training([scenes], voice, few).run()
    texts.write_text("".join(chr(0x4E00 + i) for i in range(1100)) * 25, encoding="utf-8")
    training = finetune.create([texts], voice, Run(tmp_path / "run"), SCHEDULE)
    assert len(training.vocabulary) == len(voice.vocabulary()) + 1100
    training.train_step()


def test_a_refused_or_interrupted_tuning_leaves_no_run(
    old: Run, scripts: Path, tmp_path: Path, monkeypatch
):
    run = Run(tmp_path / "run")
    with pytest.raises(TrainingError, match="is too short for 1000 streams"):
        finetune.create([scripts], old, run, SCHEDULE | {"batch": 1000})
    monkeypatch.setattr(finetune, "add_contexts", interrupt)
    with pytest.raises(KeyboardInterrupt):
        finetune.create([scripts], old, run, SCHEDULE)
    assert not run.folder.exists()


def test_git_leaves_out_own_voices_alone():
    folder = Path(__file__).parents[2] / "bot" / "models"
    names = ["mine.onnx", "screen.onnx", "stage.onnx"]
    command = ["git", "check-ignore", "--no-index", *names]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if told.returncode == 128:
        pytest.skip("not a clone")
    assert told.stdout.split() == ["mine.onnx"]
