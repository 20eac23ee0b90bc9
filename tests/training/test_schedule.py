"""Tests of a rate that stays until its decay is requested, and of voices cut from a run."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.test_train import FEW, SIZES, assert_same, begin, rows
from training.checkpoint import counted
from training.cli import main
from training.config import Config
from training.data.texts import collect
from training.errors import RunError, TrainingError
from training.model.network import CharLSTM
from training.pretraining import decay, train
from training.run import Run, load, save
from training.trainer import Session, Training

STANDING = dataclasses.replace(FEW, steps=None, renamed=0.5)
"""A training without an end."""


@pytest.fixture(scope="module")
def standing(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run that has taken ten steps at a constant rate."""
    run = Run(tmp_path_factory.mktemp("standing"))
    training = train([scenes], run, STANDING)
    while training.step < 10:
        training.train_step()
    training.save()
    return run


def parts_of(training: Training) -> np.ndarray:
    """Return the part of each character of the texts, which a prior has counted."""
    assert training.batches.parts is not None
    return training.batches.parts


def test_the_learning_rate_rises_stays_and_falls_at_the_end():
    config = Config(learning_rate=1.0, warmup=10, steps=100)
    assert config.learning_rate_at(0) == pytest.approx(0.1)
    assert [config.learning_rate_at(step) for step in (9, 50, 80)] == [1.0] * 3
    assert config.learning_rate_at(85) == pytest.approx(0.5)
    assert config.learning_rate_at(100) == config.learning_rate_at(120) == 0
    falling = [config.learning_rate_at(step) for step in range(80, 101)]
    assert falling == sorted(falling, reverse=True)


def test_without_an_end_the_rate_stays_and_a_decay_begins_where_it_is_told():
    config = Config(learning_rate=1.0, warmup=10)
    assert config.learning_rate_at(10**7) == 1.0
    cut = dataclasses.replace(config, decay_from=450, steps=550)
    assert cut.learning_rate_at(450) == 1.0
    assert cut.learning_rate_at(475) == pytest.approx(0.5)
    assert cut.learning_rate_at(550) == 0


def test_a_voice_is_cut_from_a_run_that_stays_as_it_is(standing: Run, tmp_path: Path):
    before = {p: p.read_bytes() for p in standing.folder.rglob("*") if p.is_file()}
    voice = Run(tmp_path / "voice")
    training = decay(standing, voice, 8, {"name": "short"})
    assert training.step == 10
    old = load(standing.resume)[0]
    for name, tensor in training.model.named_parameters():
        assert torch.equal(tensor, old[f"model.{name}"])
    assert torch.equal(training.state, old["state"])
    assert training.run()
    config = voice.config()
    assert (config.name, config.decay_from, config.steps) == ("short", 10, 18)
    assert voice.best()["step"] in (15, 18)
    assert {p: p.read_bytes() for p in standing.folder.rglob("*") if p.is_file()} == before
    noted = [row["learning_rate"] for row in rows(voice) if "learning_rate" in row]
    assert noted == sorted(noted, reverse=True)


def test_a_decay_goes_on_with_the_texts_where_the_run_stands(
    standing: Run, scenes: Path, tmp_path: Path
):
    voice = decay(standing, Run(tmp_path / "voice"), 8, {})
    main_run = train([], standing, STANDING, resume=True)
    for step in (10, 17):
        ours, theirs = voice.batches.at(step), main_run.batches.at(step)
        assert torch.equal(ours.inputs, theirs.inputs)
        torch.testing.assert_close(ours.parts, theirs.parts)


def test_a_decay_that_was_cut_equals_one_that_was_not(standing: Run, tmp_path: Path, capsys):
    command = ["decay", str(standing.folder), "--steps", "6", "--out"]
    whole, cut = Run(tmp_path / "whole"), Run(tmp_path / "cut")
    assert main([*command, str(whole.folder)]) == 0
    assert f"python -m export {whole.folder} -o voice.onnx" in capsys.readouterr().out
    training = decay(standing, cut, 6, {"repeat": {}})
    for _ in range(3):
        training.train_step()
    training.save()
    torch.manual_seed(12345)
    assert main([*command, str(cut.folder), "--resume"]) == 0
    assert_same(cut, whole)


def test_a_decay_ends_on_some_of_the_texts_and_on_new_ones(
    standing: Run, scenes: Path, plays: Path, tmp_path: Path
):
    folder = tmp_path / "ending"
    folder.mkdir()
    shutil.copy(scenes / "train" / "as-you-like-it.fountain", folder)
    shutil.copy(scenes / "validation" / "the-tempest.fountain", folder)
    [hamlet] = plays.glob("*/hamlet.fountain")
    (folder / "new.fountain").write_text(hamlet.read_text(encoding="utf-8")[:30_000], "utf-8")
    voice = Run(tmp_path / "voice")
    training = decay(standing, voice, 8, {"repeat": {}}, paths=[folder], lengthen=2)
    assert training.run_folder.texts().names == ("as-you-like-it", "new")
    assert (training.config.batch, training.config.window) == (4, 2 * FEW.window)
    assert not training.state.any()
    assert [text.name for text in voice.heldout_texts("validation")] == ["the-tempest"]
    # Counted texts keep their parts, and new ones have none.
    parts = parts_of(training)
    known = standing.texts()
    network = CharLSTM(standing.config().shape(standing.vocabulary()))
    theirs = counted(network, known, standing.counted)
    assert theirs is not None
    length = len(known.packed(0))
    assert known.names[0] == "as-you-like-it"
    assert (parts[:length] == theirs[:length]).all()
    assert (parts[length:] == -1).all()
    assert training.run()


def test_what_cannot_be_cut_is_refused_and_leaves_nothing(
    standing: Run, tiny_run: Run, scenes: Path, tmp_path: Path
):
    voice = Run(tmp_path / "voice")
    with pytest.raises(RunError, match="already holds a run"):
        decay(standing, tiny_run, 8, {})
    with pytest.raises(RunError, match="missing or damaged: train this run"):
        decay(Run(tmp_path / "none"), voice, 8, {})
    with pytest.raises(TrainingError, match="8 streams cannot be divided by 3"):
        decay(standing, voice, 8, {}, lengthen=3)
    with pytest.raises(TrainingError, match="folder called songs"):
        decay(standing, voice, 8, {"repeat": {"songs": 2}})
    assert not voice.folder.exists()


# Sessions


def test_a_session_stops_after_its_minutes_and_another_goes_on_bit_for_bit(
    scenes: Path, tmp_path: Path, capsys
):
    command = ["train", *SIZES, "--precision", "float32"]
    command += ["--out", str(tmp_path / "cut")]
    assert main([*command, str(scenes), "--minutes", "0.0001"]) == 0
    assert "Stopped and saved. Repeat the command with --resume" in capsys.readouterr().out
    run = Run(tmp_path / "cut")
    stopped = load(run.resume)[1]["step"]
    assert stopped > 0
    assert run.config().steps is None
    # The texts are copied into the run.
    assert main([*command, "--minutes", "0.0001", "--resume"]) == 0
    further = load(run.resume)[1]["step"]
    assert further > stopped
    whole = begin(tmp_path / "whole", scenes, run.config())
    while whole.step < further:
        whole.train_step()
    for name, tensor in whole.model.named_parameters():
        assert torch.equal(tensor, load(run.resume)[0][f"model.{name}"])


def test_a_run_that_was_only_prepared_begins_where_its_folder_is(
    scenes: Path, tmp_path: Path, capsys
):
    here, there = tmp_path / "here", tmp_path / "there"
    command = ["train", str(scenes), *SIZES, "--precision", "float32"]
    assert main([*command, "--prepare", "--out", str(here)]) == 0
    assert f"python -m training train --out {here} --resume" in capsys.readouterr().out
    assert {path.name for path in here.iterdir()} == {
        "config.json",
        "vocabulary.json",
        "corpus.npz",
        "heldout",
    }
    shutil.move(here, there)
    assert main(["train", "--out", str(there), "--resume", "--minutes", "0.0001"]) == 0
    tensors, facts = load(Run(there).resume)
    assert facts["step"] > 0
    whole = begin(tmp_path / "whole", scenes, Run(there).config())
    while whole.step < facts["step"]:
        whole.train_step()
    for name, tensor in whole.model.named_parameters():
        assert torch.equal(tensor, tensors[f"model.{name}"])
    with pytest.raises(SystemExit):
        main([*command, "--prepare", "--resume", "--out", str(there)])
    assert "not allowed together" in capsys.readouterr().err


def test_checkpoints_are_kept_by_the_clock(scenes: Path, tmp_path: Path, monkeypatch):
    training = begin(tmp_path, scenes, FEW, Session(checkpoint_minutes=1e-9))
    kept = []
    monkeypatch.setattr(training, "save", lambda: kept.append(training.step))
    assert training.run()
    assert set(range(1, 13)) <= set(kept)
    rarely = begin(tmp_path / "rarely", scenes, FEW, Session(checkpoint_minutes=60.0))
    kept.clear()
    monkeypatch.setattr(rarely, "save", lambda: kept.append(rarely.step))
    assert rarely.run()
    assert kept == [5, 10, 12]


def test_a_board_shows_metrics_and_samples(scenes: Path, tmp_path: Path):
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    once = dataclasses.replace(FEW, evaluate_every=12)
    assert begin(tmp_path, scenes, once, Session(tensorboard=True)).run()
    [board] = tmp_path.rglob("board")
    tags = module.EventAccumulator(str(board)).Reload().Tags()
    assert "validation_bits" in tags["scalars"]
    assert "sample/text_summary" in tags["tensors"]


def test_a_run_goes_on_where_other_devices_are(scenes: Path, tmp_path: Path):
    training = begin(tmp_path, scenes, FEW)
    for _ in range(3):
        training.train_step()
    training.save()

    def resumed(change: dict[str, Tensor | None]) -> None:
        tensors, facts = load(Run(tmp_path).resume)
        changed = {**tensors, **change}
        save(Run(tmp_path).resume, {k: t for k, t in changed.items() if t is not None}, facts)
        assert train([], Run(tmp_path), FEW, resume=True).step == 3

    resumed({"random.cuda": torch.zeros(16, dtype=torch.uint8)})  # a GPU was there
    resumed({"random": None})  # and this device's state was not kept


def test_what_was_counted_is_read_or_counted_again(scenes: Path, tmp_path: Path, monkeypatch):
    first = train([scenes], Run(tmp_path), FEW)
    first.save()
    assert first.model.prior
    held_out = first.model.prior.held_out.clone()
    with monkeypatch.context() as patch:
        patch.setattr(type(first.model.prior), "learn", lambda *_: pytest.fail("counted again"))
        again = train([scenes], Run(tmp_path), FEW, resume=True)
    assert np.array_equal(parts_of(again), parts_of(first))
    assert again.model.prior
    assert torch.equal(again.model.prior.held_out, held_out)
    Run(tmp_path).counted.unlink()
    again = train([], Run(tmp_path), FEW, resume=True)
    assert np.array_equal(parts_of(again), parts_of(first))


def test_going_on_needs_the_texts_only_where_the_run_has_none(scenes: Path, tmp_path: Path):
    run = Run(tmp_path / "run")
    train([scenes], run, FEW).save()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(scenes, elsewhere)  # the same texts, in another folder
    assert run.config().texts == train([elsewhere], run, FEW, resume=True).config.texts
    run.corpus.unlink()
    with pytest.raises(RunError, match="name the texts of this run as well"):
        train([], run, FEW, resume=True)
    train([elsewhere], run, FEW, resume=True)
    assert len(run.texts()) == len(collect([scenes]).train)
