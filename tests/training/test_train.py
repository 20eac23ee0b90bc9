"""Tests of training: the files of a run, and how it is resumed."""

import dataclasses
import itertools
import math
import os
import re
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest
import torch

from tests.tiny_voice import draw_curves
from training import cli, trainer
from training.cli import main
from training.cli.train import explain_loss
from training.config import Config
from training.data.texts import Split, Text
from training.data.vocabulary import Vocabulary
from training.errors import TrainingError
from training.evaluation import calibrate, measure_carried
from training.interruption import catch_interruption
from training.model.memory import MemoryShape
from training.model.network import NOTHING_DROPPED, CharLSTM
from training.model.prior import NO_PRIOR
from training.pretraining import prepare_training
from training.run import Run, load
from training.trainer import VALIDATION_STREAMS, Session, Training
from training.voice_file import Voice

from .small_runs import (
    FEW,
    SIZES,
    assert_same,
    begin,
    interrupted_at_step_3,
    last_step,
    measure_validation,
    resume,
)


def test_a_run_folder_has_all_its_files(tiny_run: Run):
    there = {p.relative_to(tiny_run.folder).as_posix() for p in tiny_run.folder.rglob("*")}
    assert there >= {
        "config.json",
        "vocabulary.json",
        "weights.safetensors",
        "metrics.jsonl",
        "samples/0000500.txt",
        "heldout/validation/the-tempest.fountain",
        "heldout/test/the-comedy-of-errors.fountain",
        "resume.safetensors",
    }
    assert tiny_run.best()["step"] in (250, 500)
    [validation] = tiny_run.read_heldout("validation")
    sample = (tiny_run.samples / "0000500.txt").read_text(encoding="utf-8")
    assert sample.startswith(validation.content.partition("\n")[0] + "\n\n")
    assert any("characters_per_second" in row for row in tiny_run.read_metrics())


def test_a_tiny_voice_learns(tiny_run: Run):
    judged = [row["validation_bits"] for row in tiny_run.read_metrics() if "validation_bits" in row]
    # The letters' frequencies alone cost 4.7 bits, an even guess more than 6.
    assert judged[-1] < 3.3
    learned = [row["train_bits"] for row in tiny_run.read_metrics() if "train_bits" in row]
    assert min(learned) < learned[0] - 0.05
    assert tiny_run.best()["validation_bits"] == min(judged)


def test_the_kept_weights_are_calibrated(tiny_run: Run):
    [text] = tiny_run.read_heldout("validation")
    streams = min(VALIDATION_STREAMS, len(text.content) // 1000)
    read = tiny_run.model(), tiny_run.vocabulary(), text.content, streams
    assert measure_carried(*read).per_character == pytest.approx(tiny_run.best()["validation_bits"])
    temperatures, _ = calibrate(*read)
    # A rare length takes the temperature of all, which moves with the others.
    assert all(abs(temperature - 1) < 0.09 for temperature in temperatures)
    kept = tiny_run.best()["temperatures"]
    assert len(kept) == tiny_run.config().prior.longest + 1
    assert all(0.8 <= temperature <= 1.6 for temperature in kept)


def test_ctrl_c_saves_a_run_that_resumes_bit_for_bit(
    scenes: Path, tmp_path: Path, monkeypatch, capsys
):
    command = ["train", str(scenes), *SIZES, "--steps", "4", "--evaluate-every", "2"]
    command += ["--precision", "float32", "--out"]
    whole, cut = Run(tmp_path / "whole"), Run(tmp_path / "cut")
    assert main([*command, str(whole.folder)]) == 0
    assert " bits a character. The voice knows how a script looks" in capsys.readouterr().out
    with interrupted_at_step_3(monkeypatch):
        assert main([*command, str(cut.folder)]) == 130
    assert capsys.readouterr().out.endswith(
        "Stopped and saved. Repeat the command with --resume to continue.\n"
    )
    assert last_step(cut) == 3
    torch.manual_seed(12345)  # an arbitrary state, as in another process
    assert main([*command, str(cut.folder), "--resume"]) == 0
    assert_same(cut, whole)
    # What a loss means is known for English alone.
    assert main([*command, str(tmp_path / "de"), "--language", "de"]) == 0
    assert " bits a character.\nTrained." in capsys.readouterr().out


def test_the_first_ctrl_c_says_what_a_second_one_does(monkeypatch, capfd):
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    with catch_interruption() as caught:
        os.kill(os.getpid(), signal.SIGINT)
        assert (caught, ended) == ([signal.SIGINT], [])
        assert "A second Ctrl-C ends at once" in capfd.readouterr().err
        os.kill(os.getpid(), signal.SIGINT)
        assert ended == [130]


def test_ctrl_c_during_an_import_ends_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr(cli, "import_module", Mock(side_effect=KeyboardInterrupt))
    assert main(["sample", "nowhere"]) == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_curves_are_drawn_and_repeated_steps_are_logged_once(
    scenes: Path, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(trainer, "REPORT_EVERY", 1)
    with monkeypatch.context() as patch:
        patch.setattr(Run, "draw_curves", draw_curves)
        begin(tmp_path, scenes, dataclasses.replace(FEW, steps=8, evaluate_every=8)).run()
    assert (tmp_path / "curves.png").exists()
    tensors, facts = load(Run(tmp_path).checkpoint_path)
    trainer.save(Run(tmp_path).checkpoint_path, tensors, facts | {"step": 5})
    resume(tmp_path).run()
    steps = [row["step"] for row in Run(tmp_path).read_metrics() if "train_bits" in row]
    assert steps == list(range(1, 9))


def test_resume_changes_only_steps_and_learning_rate(scenes: Path, tmp_path: Path):
    # A run is read even if its language is one that the option refuses.
    begun = begin(tmp_path, scenes, dataclasses.replace(FEW, language="german"))
    begun.save()
    other = dataclasses.replace(FEW, steps=3, learning_rate=0.01, window=7)
    assert prepare_training([scenes], Run(tmp_path), other, resume=True).run()
    changed = dataclasses.replace(begun.config, steps=3, learning_rate=0.01)
    assert Run(tmp_path).config() == changed
    assert last_step(Run(tmp_path)) == 3
    command = ["train", "--out", str(tmp_path), "--resume"]
    assert main(command) == 0
    assert Run(tmp_path).config() == changed
    assert main([*command, "--steps", "2"]) == 1
    assert main([*command, "--learning-rate", "0.004"]) == 0
    assert Run(tmp_path).config() == dataclasses.replace(changed, learning_rate=0.004)


def test_a_run_can_begin_with_the_weights_of_a_voice(
    voices: Path, scenes: Path, tmp_path: Path, capsys
):
    voice = Voice.read(voices / "tiny.onnx")
    command = ["train", str(scenes), "--from", str(voice), "--prior.contexts", "900"]
    command += ["--batch", "8", "--precision", "float32"]
    prepared, resumed = Run(tmp_path / "prepared"), Run(tmp_path / "resumed")
    blocked = prepared.folder / "initial.part"
    blocked.mkdir(parents=True)
    assert main([*command, "--out", str(prepared.folder), "--prepare"]) == 1
    assert "initial.part: " in capsys.readouterr().err
    assert not prepared.is_begun
    blocked.rmdir()
    assert main([*command, "--out", str(prepared.folder), "--prepare"]) == 0
    assert prepared.vocabulary() == voice.vocabulary()
    known = voice.model()
    shape, old = prepared.config().shape(prepared.vocabulary()), known.shape
    assert shape == dataclasses.replace(
        old, prior=dataclasses.replace(shape.prior, contexts=900, longest=old.prior.longest)
    )
    training = prepare_training([], prepared, prepared.config(), resume=True)
    for name, tensor in known.named_parameters():
        assert torch.equal(dict(training.model.named_parameters())[name], tensor)
    training.train_step()
    assert main([*command, "--out", str(resumed.folder), "--steps", "1"]) == 0
    for name, tensor in training.model.named_parameters():
        assert torch.equal(load(resumed.checkpoint_path)[0][f"model.{name}"], tensor)
    assert prepared.config().begun_from == voice.fingerprint()
    # The counts are new, so the cost is close to the voice's and not equal.
    untrained = CharLSTM(shape).eval()
    untrained.prior = training.model.prior
    bits = measure_validation(training)

    def measure(model: CharLSTM) -> float:
        judged = training.validation, training.streams
        return measure_carried(model, voice.vocabulary(), *judged).per_character

    assert abs(bits - measure(known)) < 0.2
    assert bits < measure(untrained) - 0.1


def test_a_share_of_the_windows_begins_with_an_empty_state(scenes: Path, tmp_path: Path):
    config = dataclasses.replace(FEW, drop=NOTHING_DROPPED, prior=NO_PRIOR, batch=64, window=16)
    training = begin(tmp_path, scenes, dataclasses.replace(config, resets=0.25))
    began = []
    training.model.register_forward_pre_hook(lambda _, given: began.append(given[1]))
    for _ in range(9):
        training.train_step()
    nothing = [int((state == 0).all(dim=1).sum()) for state in began]
    assert nothing[0] == 64  # as an epoch does
    assert 60 < sum(nothing[1:]) < 196  # of 512


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"batch": 4096}, "is too short for 4096 streams"),
        ({"window": 20_000}, "lower --batch or --window, or add text"),
        ({"repeat": {"songs": 2}}, "folder called songs"),
    ],
)
def test_a_refused_start_leaves_no_folder(
    change: dict[str, Any], sentence: str, scenes: Path, tmp_path: Path
):
    with pytest.raises(TrainingError, match=sentence):
        begin(tmp_path / "run", scenes, dataclasses.replace(FEW, prior=NO_PRIOR, **change))
    assert not (tmp_path / "run").exists()


def test_a_network_can_do_without_a_memory_head(scenes: Path, tmp_path: Path):
    config = dataclasses.replace(FEW, prior=NO_PRIOR, memory=MemoryShape(characters=0))
    training = begin(tmp_path, scenes, config)
    assert training.model.memory is None
    assert math.isfinite(training.train_step())


def test_an_infinite_loss_stops_the_training(scenes: Path, tmp_path: Path):
    training = begin(tmp_path, scenes, FEW)
    training.train_step()
    with torch.no_grad():
        training.model.output.bias[0] = float("inf")
    with pytest.raises(TrainingError, match="not finite at step 2"):
        training.train_step()


def test_minutes_become_steps(scenes: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(trainer, "SPEED_IS_KNOWN_AFTER", 12.0)
    config = dataclasses.replace(FEW, steps=None, minutes=0.4, evaluate_every=1000)
    # Each look at the clock takes a second.
    seconds = map(float, itertools.count())
    training = begin(tmp_path, scenes, config, Session(clock=lambda: next(seconds)))
    assert training.run()
    assert 12 < training.step < 26
    resumed = resume(tmp_path)
    assert resumed.config.steps == resumed.step == training.step


def test_minutes_include_evaluations(scenes: Path, tmp_path: Path, monkeypatch):
    seconds = 0.0
    evaluate, take_step = Training._evaluate, Training.train_step

    def evaluate_slowly(training: Training, progress: Any) -> None:
        nonlocal seconds
        seconds += 8
        evaluate(training, progress)

    def take_slow_step(training: Training) -> float:
        nonlocal seconds
        seconds += 1
        return take_step(training)

    monkeypatch.setattr(Training, "_evaluate", evaluate_slowly)
    monkeypatch.setattr(Training, "train_step", take_slow_step)
    monkeypatch.setattr(trainer, "SPEED_IS_KNOWN_AFTER", 20.0)
    config = dataclasses.replace(FEW, steps=None, minutes=1.5, evaluate_every=4)
    assert begin(tmp_path, scenes, config, Session(clock=lambda: seconds)).run()
    assert 80 < seconds <= 90


def test_texts_of_a_repeated_folder_are_read_more_often(scenes: Path, tmp_path: Path):
    texts, run = tmp_path / "texts", tmp_path / "run"
    shutil.copytree(scenes, texts)
    films = texts / "train" / "films"
    films.mkdir()
    (texts / "train" / "as-you-like-it.fountain").rename(films / "as-you-like-it.fountain")
    command = ["train", str(texts), "--out", str(run), *SIZES, "--prepare"]
    assert main([*command, "--repeat", "films", "3"]) == 0
    assert Run(run).config().repeat == {"films": 3}
    times = zip(Run(run).texts().names, resume(run).windows.times, strict=True)
    assert dict(times) == {"as-you-like-it": 3, "much-ado-about-nothing": 1}


def test_sample_writes_a_scene_that_follows_from_its_seed(tiny_run: Run, capsys):
    def write(*options: str) -> str:
        assert main(["sample", str(tiny_run.folder), "--length", "80", *options]) == 0
        return capsys.readouterr().out

    scene = write()
    beginning, _, text = scene.partition("\n\n")
    assert beginning == "INT. DINER - NIGHT"
    assert len(text) == 80 + len("\n")
    assert write() == scene
    assert write("--seed", "2") != scene
    assert write("--beginning", "EXT. PIER - DAY").startswith("EXT. PIER - DAY\n\n")


def test_a_run_without_an_evaluation_says_how_far_to_train(scenes: Path, tmp_path: Path, capsys):
    begin(tmp_path, scenes, FEW).save()
    assert main(["sample", str(tmp_path)]) == 1
    assert "train this run up to step 5" in capsys.readouterr().err


def test_evaluate_prints_the_cost_for_a_run_and_a_voice_file(
    tiny_run: Run, voices: Path, scenes: Path, tmp_path: Path, capsys
):
    for voice in (tiny_run.folder, voices / "tiny.onnx"):
        assert main(["evaluate", str(voice), str(scenes / "test")]) == 0
        assert re.search(
            r"/the-comedy-of-errors\.fountain +4,\d{3} +\d+ +\d\.\d{4}$", capsys.readouterr().out
        )
    (tmp_path / "notes.docx").touch()
    assert main(["evaluate", str(voice), str(scenes / "test"), str(tmp_path / "notes.docx")]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate", "nowhere", "x.txt"], "There is no nowhere: name a voice file or the folder"),
        (["voice", "a.txt", "--from", "b.onnx", "--voices", "."], "There is no b.onnx: name a"),
        (["evaluate", "nowhere"], "No text is named"),
        (["sample", "."], "config.json is missing or damaged: name the folder of a run"),
        (["train", "nowhere.txt", "--out", "run"], "There is no nowhere.txt"),
        (["voice", "a.txt", "--voices", "nowhere"], "No voice can be written to nowhere"),
    ],
)
def test_a_refusal_is_one_sentence(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("command", ["train", "corpus"])
def test_out_below_a_file_is_refused(command: str, tmp_path: Path, capsys, request):
    (tmp_path / "file").touch()
    there = ["--out", str(tmp_path / "file" / "below")]
    if command == "corpus":
        given = ["plays"]
    else:
        given = [str(request.getfixturevalue("scenes")), "--prior.contexts", "0"]
    assert main([command, *given, *there]) == 1
    printed = capsys.readouterr().err
    assert "cannot be made" in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("command", ["train", "tune"])
def test_help_says_what_each_number_is(command: str, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = re.findall(r"--([a-z.-]+) N\W+(.*?) ?\(def", capsys.readouterr().out, re.DOTALL)
    assert len(told) > 5
    assert [name for name, words in told if not words] == []


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--batch=1.5", "1.5 is not a whole number"),
        ("--clip=one", "one is not a number"),
        ("--language=german", "german is not a language code"),
        ("--name=a/b", "a/b is not a plain file name"),
        ("--seed=x", "x is not a whole number"),
        ("--seed=-1", "-1 is below 0"),
    ],
)
def test_what_no_option_takes_is_named(option: str, sentence: str, capsys):
    with pytest.raises(SystemExit):
        main(["train", "a.txt", "--out", "run", option])
    printed = capsys.readouterr().err
    assert sentence in printed
    assert " train --help" in printed


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("tune", {"language", "window", "resets", "weight-decay", "clip", "averaging"}),
        ("decay", {"name", "corpus", "licence", "language", "evaluate-every"}),
    ],
)
def test_help_says_which_defaults_are_those_of_the_voice(command: str, kept: set[str], capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    printed = re.sub(r"[\s│]+", " ", capsys.readouterr().out)
    told = re.findall(r"--([a-z.-]+) [A-Z]+ (?:(?!--).)*\(default: 'as before'\)", printed)
    assert set(told) == kept | {f"drop.{name}" for name in ("embedding", "layers", "recurrent")}


@pytest.mark.parametrize(
    ("cost", "language", "verdict"),
    [
        (1.5, "en", "Most sentences are grammatical"),
        (0.4, "en", "Only text that repeats learned text costs so little: leave out copies"),
        (0.4, "de", ""),
    ],
)
def test_a_cost_has_a_meaning_in_english(cost: float, language: str, verdict: str):
    training = cast("Training", SimpleNamespace(best=cost, config=Config(language=language)))
    assert explain_loss(training).startswith(f" {verdict}" if verdict else "")
    assert bool(explain_loss(training)) == bool(verdict)


@pytest.mark.parametrize("name", ["gru4", "words", "a.b", ""])
def test_a_recurrent_layer_must_exist(name: str, capsys):
    assert main(["train", "a.txt", "--out", "run", "--recurrence", name]) == 1
    said = capsys.readouterr().err
    assert f"There is no recurrent layer {name!r}: choose --recurrence from lstm" in said


def test_texts_whose_names_share_a_stem_are_held_out_apart(tmp_path: Path):
    texts = (Text("act.1", "One."), Text("act.2", "Two."))
    run = Run(tmp_path)
    run.create(FEW, Vocabulary.of(["One. Two."] * 3), Split((), texts, ()))
    assert [t.content for t in run.read_heldout("validation")] == ["One.", "Two."]
