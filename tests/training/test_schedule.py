"""Tests of the schedule: the learning rate, decays of a run, and sessions that end early."""

import dataclasses
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny_voice import read_play
from training.checkpoint import count_texts
from training.cli import main
from training.config import Config
from training.data.texts import Split, collect, hash_files
from training.errors import RunError, TrainingError
from training.model.network import CharLSTM
from training.pretraining import prepare_decay, prepare_training
from training.run import Run, load, save
from training.trainer import Session, Training

from .small_runs import FEW, SIZES, assert_same, begin, last_step, resume, take_steps

STANDING = dataclasses.replace(FEW, steps=None)
"""A training without an end."""


@pytest.fixture(scope="module")
def standing(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run that has taken ten steps at a constant rate."""
    run = Run(tmp_path_factory.mktemp("standing"))
    take_steps(prepare_training([scenes], run, STANDING), 10).save()
    return run


def folds_of(training: Training) -> np.ndarray:
    """Return the fold of each character of the texts, which a prior has counted."""
    assert training.batches.folds is not None
    return training.batches.folds


def test_the_learning_rate_rises_stays_and_falls():
    config = Config(learning_rate=1.0, warmup=10, steps=100)
    assert config.learning_rate_at(0) == pytest.approx(0.1)
    assert [config.learning_rate_at(step) for step in (9, 50, 80)] == [1.0] * 3
    assert config.learning_rate_at(85) == pytest.approx(0.5)
    assert config.learning_rate_at(100) == config.learning_rate_at(120) == 0
    falling = [config.learning_rate_at(step) for step in range(80, 101)]
    assert falling == sorted(falling, reverse=True)


def test_the_rate_of_a_run_without_an_end_falls_only_in_a_decay():
    config = Config(learning_rate=1.0, warmup=10)
    assert config.learning_rate_at(10**7) == 1.0
    cut = dataclasses.replace(config, decay_from=450, steps=550)
    assert [cut.learning_rate_at(step) for step in (450, 475, 550)] == pytest.approx([1, 0.5, 0])


def test_a_decay_begins_at_the_checkpoint_and_changes_no_run(standing: Run, tmp_path: Path):
    def files() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in standing.folder.rglob("*") if p.is_file()}

    before = files()
    voice = Run(tmp_path / "voice")
    training = prepare_decay(standing, voice, 8, {"name": "short"})
    assert training.step == 10
    old = load(standing.checkpoint_path)[0]
    for name, tensor in training.model.named_parameters():
        assert torch.equal(tensor, old[f"model.{name}"])
    assert torch.equal(training.state, old["state"])
    assert training.run()
    config = voice.config()
    assert (config.name, config.decay_from, config.steps) == ("short", 10, 18)
    assert voice.best()["step"] in (15, 18)
    assert files() == before


def test_a_decay_of_a_run_without_counts_keeps_its_own(standing: Run, tmp_path: Path):
    run, voice = Run(tmp_path / "run"), Run(tmp_path / "voice")
    shutil.copytree(standing.folder, run.folder)
    run.counted.unlink()
    prepare_decay(run, voice, 8, {})
    assert not run.counted.exists()
    assert voice.counted.read_bytes() == standing.counted.read_bytes()


def test_a_decay_continues_in_the_texts_where_the_run_stands(standing: Run, tmp_path: Path):
    voice = prepare_decay(standing, Run(tmp_path / "voice"), 8, {})
    for step in (10, 17):
        ours, theirs = voice.batches.at(step), resume(standing.folder).batches.at(step)
        assert torch.equal(ours.inputs, theirs.inputs)
        torch.testing.assert_close(ours.folds, theirs.folds)


def test_a_resumed_decay_equals_an_uninterrupted_one(standing: Run, tmp_path: Path, capsys):
    command = ["decay", str(standing.folder), "--steps", "6", "--out"]
    whole, cut = Run(tmp_path / "whole"), Run(tmp_path / "cut")
    assert main([*command, str(whole.folder)]) == 0
    export = f"{sys.executable} -m export {whole.folder} -o voice.onnx"
    assert f"Make a voice file from it: {export}\n" in capsys.readouterr().out
    take_steps(prepare_decay(standing, cut, 6, {"repeat": {}}), 13).save()
    torch.manual_seed(12345)
    assert main([*command, str(cut.folder), "--resume"]) == 0
    assert_same(cut, whole)


def test_a_decay_can_learn_some_of_the_texts_and_new_ones(
    standing: Run, scenes: Path, tmp_path: Path
):
    folder = tmp_path / "ending"
    folder.mkdir()
    shutil.copy(scenes / "train" / "as-you-like-it.fountain", folder)
    shutil.copy(scenes / "validation" / "the-tempest.fountain", folder)
    (folder / "new.fountain").write_text(read_play("hamlet")[:30_000], encoding="utf-8")
    voice = Run(tmp_path / "voice")
    training = prepare_decay(standing, voice, 8, {"repeat": {}}, paths=[folder])
    assert training.run_folder.texts().names == ("as-you-like-it", "new")
    assert not training.state.any()
    assert training.config.texts == hash_files([folder])
    assert [text.name for text in voice.read_heldout("validation")] == ["the-tempest"]
    # Counted texts keep their folds, and new ones have none.
    folds = folds_of(training)
    known = standing.texts()
    network = CharLSTM(standing.config().shape(standing.vocabulary()))
    theirs = count_texts(network, known, standing.counted)
    assert theirs is not None
    length = len(known.packed(0))
    assert known.names[0] == "as-you-like-it"
    assert (folds[:length] == theirs[:length]).all()
    assert (folds[length:] == -1).all()
    assert training.run()


def test_a_decay_does_not_learn_the_end_that_judges_it(tmp_path: Path):
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name in ("hamlet", "macbeth"):
        (scripts / f"{name}.fountain").write_text(read_play(name)[:30_000], encoding="utf-8")
    run, voice = Run(tmp_path / "run"), Run(tmp_path / "voice")
    begin(run.folder, scripts, STANDING).save()
    [end] = run.read_heldout("validation")
    path = scripts / f"{end.name}.fountain"
    training = prepare_decay(run, voice, 8, {"repeat": {}}, paths=[path])
    [learned] = voice.texts().fingerprints()
    assert learned in run.texts().fingerprints()
    assert (folds_of(training) >= 0).all()
    assert voice.read_heldout("validation") == (end,)


def test_a_refused_decay_leaves_no_folder(standing: Run, tmp_path: Path):
    voice = Run(tmp_path / "voice")
    with pytest.raises(RunError, match="already holds a run"):
        prepare_decay(standing, standing, 8, {})
    prepared, tuned = Run(tmp_path / "prepared"), Run(tmp_path / "tuned")
    prepared.create(standing.config(), standing.vocabulary(), Split((), (), ()))
    tuned.create(
        dataclasses.replace(STANDING, tuned_from="0"), standing.vocabulary(), Split((), (), ())
    )
    for run, why in (
        (Run(tmp_path / "none"), "config.json is missing or damaged: name the folder of a run"),
        (Run(standing.checkpoint_path), "resume.safetensors is a file: name the folder of a run"),
        (prepared, "missing or damaged: train this run"),
        (tuned, "made by tuning and is already a voice: export it"),
    ):
        with pytest.raises(RunError, match=why):
            prepare_decay(run, voice, 8, {})
    with pytest.raises(TrainingError, match="folder called songs"):
        prepare_decay(standing, voice, 8, {"repeat": {"songs": 2}})
    ended = Run(tmp_path / "ended")
    shutil.copytree(standing.folder, ended.folder)
    ended.write_config(dataclasses.replace(standing.config(), steps=10))
    with pytest.raises(RunError, match="has already fallen"):
        prepare_decay(ended, voice, 8, {})
    assert not voice.folder.exists()


# Sessions


def test_a_session_ends_after_its_minutes_and_the_next_resumes_bit_for_bit(
    scenes: Path, tmp_path: Path, capsys
):
    command = ["train", *SIZES, "--precision", "float32"]
    command += ["--out", str(tmp_path / "cut")]
    assert main([*command, str(scenes), "--minutes", "0.0001"]) == 0
    assert "Stopped and saved. Repeat the command with --resume" in capsys.readouterr().out
    run = Run(tmp_path / "cut")
    stopped = last_step(run)
    assert stopped > 0
    assert run.config().steps is None
    # The texts are copied into the run.
    assert main([*command, "--minutes", "0.0001", "--resume"]) == 0
    further = last_step(run)
    assert further > stopped
    whole = take_steps(begin(tmp_path / "whole", scenes, run.config()), further)
    for name, tensor in whole.model.named_parameters():
        assert torch.equal(tensor, load(run.checkpoint_path)[0][f"model.{name}"])


def test_a_prepared_run_can_be_moved_before_it_begins(scenes: Path, tmp_path: Path, capsys):
    here, there = tmp_path / "here", tmp_path / "there"
    command = ["train", str(scenes), *SIZES, "--precision", "float32"]
    assert main([*command, "--prepare", "--out", str(here)]) == 0
    start = f"{sys.executable} -m training train --out {here} --resume"
    assert f"Start with: {start}\n" in capsys.readouterr().out
    files = {path.name for path in here.iterdir()}
    assert files == {"config.json", "vocabulary.json", "corpus.npz", "heldout"}
    shutil.move(here, there)
    assert main(["train", "--out", str(there), "--resume", "--minutes", "0.0001"]) == 0
    tensors, facts = load(Run(there).checkpoint_path)
    assert facts["step"] > 0
    whole = take_steps(begin(tmp_path / "whole", scenes, Run(there).config()), facts["step"])
    for name, tensor in whole.model.named_parameters():
        assert torch.equal(tensor, tensors[f"model.{name}"])
    with pytest.raises(SystemExit):
        main([*command, "--prepare", "--resume", "--out", str(there)])
    assert "not allowed together" in capsys.readouterr().err


def test_checkpoints_are_saved_by_the_clock(scenes: Path, tmp_path: Path, monkeypatch):
    for minutes, expected in ((1e-9, {*range(1, 8)}), (60.0, {5, 7})):
        folder, saved = tmp_path / str(minutes), set[int]()
        few = dataclasses.replace(FEW, steps=7)
        training = begin(folder, scenes, few, Session(checkpoint_minutes=minutes))
        monkeypatch.setattr(training, "save", lambda: saved.add(training.step))  # noqa: B023
        assert training.run()
        assert saved == expected


def test_tensorboard_has_metrics_and_samples(scenes: Path, tmp_path: Path):
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    once = dataclasses.replace(FEW, steps=2, evaluate_every=2)
    assert begin(tmp_path, scenes, once, Session(tensorboard=True)).run()
    [board] = tmp_path.rglob("board")
    tags = module.EventAccumulator(str(board)).Reload().Tags()
    assert "validation_bits" in tags["scalars"]
    assert "sample/text_summary" in tags["tensors"]


def test_a_run_resumes_on_a_machine_with_other_devices(scenes: Path, tmp_path: Path):
    take_steps(begin(tmp_path, scenes, FEW), 2).save()
    tensors, facts = load(Run(tmp_path).checkpoint_path)
    del tensors["random"]
    tensors["random.cuda"] = torch.zeros(16, dtype=torch.uint8)
    save(Run(tmp_path).checkpoint_path, tensors, facts)
    assert resume(tmp_path).step == 2


def test_the_counts_of_a_prior_are_read_or_made_again(scenes: Path, tmp_path: Path, monkeypatch):
    first = begin(tmp_path, scenes, FEW)
    first.save()
    assert first.model.prior
    with monkeypatch.context() as patch:
        patch.setattr(type(first.model.prior), "learn", lambda *_: pytest.fail("counted again"))
        read = resume(tmp_path)
    assert np.array_equal(folds_of(read), folds_of(first))
    assert read.model.prior
    assert torch.equal(read.model.prior.held_out, first.model.prior.held_out)
    Run(tmp_path).counted.unlink()
    assert np.array_equal(folds_of(resume(tmp_path)), folds_of(first))


def test_resume_needs_texts_only_if_the_run_lacks_them(scenes: Path, tmp_path: Path):
    run = Run(tmp_path / "run")
    prepare_training([scenes], run, FEW).save()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(scenes, elsewhere)  # the same texts, in another folder
    assert run.config().texts == prepare_training([elsewhere], run, FEW, resume=True).config.texts
    run.corpus.unlink()
    with pytest.raises(RunError, match="name the texts of this run as well"):
        prepare_training([], run, FEW, resume=True)
    prepare_training([elsewhere], run, FEW, resume=True)
    assert len(run.texts()) == len(collect([scenes]).train)


@pytest.mark.parametrize("size", [0, 1000])
def test_only_its_texts_mend_a_damaged_corpus(size: int, scenes: Path, tmp_path: Path):
    run = Run(tmp_path)
    begin(tmp_path, scenes, FEW).save()
    whole, damaged = run.corpus.read_bytes(), run.corpus.read_bytes()[:size]
    run.corpus.write_bytes(damaged)
    before = run.config()
    other, more = scenes / "train" / "as-you-like-it.fountain", dataclasses.replace(FEW, steps=99)
    with pytest.raises(RunError, match="trained on other texts"):
        prepare_training([other], run, more, resume=True)
    assert (run.config(), run.corpus.read_bytes()) == (before, damaged)
    prepare_training([scenes], run, more, resume=True)
    assert run.corpus.read_bytes() == whole
    assert run.config().steps == 99


def test_a_run_that_is_being_trained_refuses_another_process(scenes: Path, tmp_path: Path, capsys):
    run = Run(tmp_path)
    take_steps(begin(tmp_path, scenes, FEW), 3).save()
    run.add_metrics({"step": 4, "train_bits": 2.0})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    command = ["train", "--out", str(tmp_path), "--resume", "--steps", "4"]
    with run.lock():
        capsys.readouterr()
        assert main(["train", str(scenes), *command[1:]]) == 1
        # Nothing is read before the refusal, so no bar of progress is drawn.
        assert capsys.readouterr().err.startswith(f"{tmp_path} is being trained by another process")
    after = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert after == before
    assert main(command) == 0
    assert run.config().steps == 4
