"""Tests of training: the files of a run, and its exact continuation."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from tests.conftest import TINY, draw_curves
from training import trainer
from training.cli import COMMANDS, main
from training.cli.train import explain_loss
from training.config import Config
from training.data.texts import Split, Text, collect
from training.data.vocabulary import Vocabulary
from training.errors import RunError, TrainingError
from training.evaluation import calibrated, carried
from training.model.network import NOTHING_DROPPED, CharLSTM
from training.model.prior import NO_PRIOR, PriorShape
from training.model.words import WordShape
from training.pretraining import train
from training.run import Run, load
from training.trainer import VALIDATION_STREAMS, Session, Training
from training.voice_file import Voice

FEW = dataclasses.replace(
    TINY,
    steps=12,
    evaluate_every=5,
    lower=16,
    word=24,
    summary=8,
    upper=24,
    prior=PriorShape(contexts=500, longest=2, rows=100),
)
"""A small network, and a prior whose tables are laid out quickly."""

ONE_STEP = dataclasses.replace(FEW, steps=1, prior=NO_PRIOR)

SIZES = [
    *("--prior.contexts=60", "--prior.longest=1"),
    *(f"--{name}={getattr(FEW, name)}" for name in ("lower", "word", "summary", "upper")),
    *("--batch=8", "--window=64"),
]
"""The sizes of `FEW`, as options of ``train``, with a prior that takes even less."""


def rows(run: Run) -> list[Mapping[str, float]]:
    return run.read_metrics()


def begin(folder: Path, scenes: Path, config: Config, session: Session | None = None) -> Training:
    """Return a training before its first step."""
    return train([scenes], Run(folder), config, session=session)


def again(folder: Path) -> Training:
    """Return the same training as another process would resume it, as far as can be told."""
    return train([], Run(folder), Run(folder).config(), resume=True)


@contextmanager
def stopped_after_3_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Press Ctrl-C while a training takes its third step."""
    take = Training.train_step

    def interrupted(training: Training) -> float:
        bits = take(training)
        if training.step == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return bits

    with monkeypatch.context() as patch:
        patch.setattr(Training, "train_step", interrupted)
        yield


def assert_same(ours: Run, theirs: Run) -> None:
    """Check that two runs would resume from the same tensors, bit for bit."""
    one, other = load(ours.resume)[0], load(theirs.resume)[0]
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_a_run_folder_holds_all_that_is_promised(tiny_run: Run):
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
    assert any("characters_per_second" in row for row in rows(tiny_run))


def test_a_tiny_voice_learns(tiny_run: Run):
    judged = [row["validation_bits"] for row in rows(tiny_run) if "validation_bits" in row]
    # The letters' frequencies alone cost 4.7 bits, an even guess more than 6.
    assert judged[-1] < 3.3
    learned = [row["train_bits"] for row in rows(tiny_run) if "train_bits" in row]
    assert min(learned) < learned[0] - 0.05
    assert tiny_run.best()["validation_bits"] == min(judged)


def test_what_is_kept_is_as_sure_of_itself_as_it_deserves_to_be(tiny_run: Run):
    [text] = tiny_run.heldout_texts("validation")
    streams = min(VALIDATION_STREAMS, len(text.content) // 1000)
    read = tiny_run.model(), tiny_run.vocabulary(), text.content, streams
    assert carried(*read).per_character == pytest.approx(tiny_run.best()["validation_bits"])
    temperatures, _ = calibrated(*read)
    # A rare length takes the temperature of all, which moves with the others.
    assert all(abs(temperature - 1) < 0.09 for temperature in temperatures)
    kept = tiny_run.best()["temperatures"]
    assert len(kept) == tiny_run.config().prior.longest + 1
    assert all(0.8 <= temperature <= 1.6 for temperature in kept)


def test_a_run_of_before_is_calibrated(tiny_run: Run, tmp_path: Path, capsys):
    [text] = tiny_run.heldout_texts("validation")
    path = tiny_run.heldout / "validation" / f"{text.name}.fountain"
    surer = Run(shutil.copytree(tiny_run.folder, tmp_path / "surer"))
    was = carried(surer.model(), surer.vocabulary(), text.content).per_character
    lengths = surer.config().prior.longest + 1
    surer.divide_logits([1 / 1.44] * lengths, bits=9.0)
    assert main(["calibrate", str(surer.folder), str(path)]) == 0
    said = capsys.readouterr().out
    divisors = said.partition("divided by ")[2].partition(" now")[0].split()
    # The command reads the text whole, but the training reads it in pieces.
    assert [float(one) for one in divisors] == pytest.approx([1.44] * lengths, abs=0.17)
    now = carried(surer.model(), surer.vocabulary(), text.content).per_character
    assert now == pytest.approx(was, rel=1e-2)
    assert surer.best()["validation_bits"] == pytest.approx(now, rel=1e-4)
    kept = tiny_run.best()["temperatures"]
    assert surer.best()["temperatures"] == pytest.approx(kept, rel=0.12)


@pytest.mark.parametrize(
    ("bits", "meaning"),
    [
        (3.1, "invents most of its words"),
        (2.8, "invents most of its words"),
        (2.5, "every other word is invented"),
        (2.2, "few sentences are"),
        (1.95, "break off in the middle"),
        (1.6, "few answer the last one"),
    ],
)
def test_a_loss_is_explained(bits: float, meaning: str):
    assert meaning in explain_loss(bits)


def test_interrupted_from_the_keyboard_it_ends_cleanly_and_goes_on(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    command = ["train", str(scenes), *SIZES, "--steps", "6", "--evaluate-every", "2"]
    command += ["--precision", "float32", "--out"]
    whole, cut = Run(tmp_path / "whole"), Run(tmp_path / "cut")
    assert main([*command, str(whole.folder)]) == 0
    capsys.readouterr()
    with stopped_after_3_steps(monkeypatch):
        assert main([*command, str(cut.folder)]) == 130
    assert capsys.readouterr().out.endswith(
        "Stopped and saved. Repeat the command with --resume to continue.\n"
    )
    assert load(cut.resume)[1]["step"] == 3
    torch.manual_seed(12345)  # an arbitrary state, as in another process
    assert main([*command, str(cut.folder), "--resume"]) == 0
    assert_same(cut, whole)


def test_the_curves_are_drawn_and_steps_that_were_not_kept_are_noted_once(
    scenes: Path, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(trainer, "REPORT_EVERY", 1)
    with monkeypatch.context() as patch:
        patch.setattr(Run, "draw_curves", draw_curves)
        begin(tmp_path, scenes, dataclasses.replace(FEW, steps=8, evaluate_every=8)).run()
    assert (tmp_path / "curves.png").exists()
    resume = Run(tmp_path).resume
    facts = load(resume)[1] | {"step": 5}
    trainer.save(resume, load(resume)[0], facts)
    again(tmp_path).run()
    steps = [row["step"] for row in rows(Run(tmp_path)) if "train_bits" in row]
    assert steps == list(range(1, 9))


def test_a_resumed_run_keeps_its_configuration_except_steps_and_rate(scenes: Path, tmp_path: Path):
    begun = begin(tmp_path, scenes, FEW)
    begun.save()
    other = dataclasses.replace(FEW, steps=3, learning_rate=0.01, window=7)
    assert train([scenes], Run(tmp_path), other, resume=True).run()
    changed = dataclasses.replace(begun.config, steps=3, learning_rate=0.01)
    assert Run(tmp_path).config() == changed
    assert load(Run(tmp_path).resume)[1]["step"] == 3
    command = ["train", "--out", str(tmp_path), "--resume"]
    assert main(command) == 0
    assert Run(tmp_path).config() == changed
    assert main([*command, "--learning-rate", "0.004"]) == 0
    assert Run(tmp_path).config() == dataclasses.replace(changed, learning_rate=0.004)


def test_a_run_can_begin_with_the_weights_of_a_voice_file(
    voices: Path, scenes: Path, tmp_path: Path
):
    voice = Voice.read(voices / "tiny.onnx")
    command = ["train", str(scenes), "--from", str(voice), "--prior.contexts", "900"]
    command += ["--batch", "8", "--precision", "float32"]
    prepared, resumed = Run(tmp_path / "prepared"), Run(tmp_path / "resumed")
    assert main([*command, "--out", str(prepared.folder), "--prepare"]) == 0
    assert prepared.vocabulary() == voice.vocabulary()
    known = voice.model()
    shape, old = prepared.config().shape(prepared.vocabulary()), known.shape
    assert shape == dataclasses.replace(
        old, prior=dataclasses.replace(shape.prior, contexts=900, longest=old.prior.longest)
    )
    training = train([], prepared, prepared.config(), resume=True)
    for name, tensor in known.named_parameters():
        assert torch.equal(dict(training.model.named_parameters())[name], tensor)
    training.train_step()
    assert main([*command, "--out", str(resumed.folder), "--steps", "1"]) == 0
    for name, tensor in training.model.named_parameters():
        assert torch.equal(load(resumed.resume)[0][f"model.{name}"], tensor)
    assert prepared.config().begun_from == voice.fingerprint()
    # The counts are new, so the cost is close to the voice's and not equal.
    untrained = CharLSTM(shape)
    untrained.prior = training.model.prior
    bits = training.validation_bits()
    assert abs(bits - training.bits_by(known, voice.vocabulary())) < 0.2
    assert bits < training.bits_by(untrained, voice.vocabulary()) - 0.1


def test_a_share_of_the_windows_begins_as_a_script_does(scenes: Path, tmp_path: Path):
    config = dataclasses.replace(FEW, drop=NOTHING_DROPPED, prior=NO_PRIOR, batch=64, window=16)
    training = begin(tmp_path, scenes, dataclasses.replace(config, resets=0.25))
    began = []
    training.network.register_forward_pre_hook(lambda _, given: began.append(given[1]))
    for _ in range(9):
        training.train_step()
    nothing = [int((state == 0).all(dim=1).sum()) for state in began]
    assert nothing[0] == 64  # as an epoch does
    assert 60 < sum(nothing[1:]) < 196  # of 512


def test_resume_refuses_other_texts(scenes: Path, plays: Path, tmp_path: Path):
    begin(tmp_path, scenes, FEW).save()
    other = plays / "train" / "hamlet.fountain"
    with pytest.raises(RunError, match="trained on other texts"):
        train([other], Run(tmp_path), FEW, resume=True)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (dataclasses.replace(ONE_STEP, batch=4096), "is too short for 4096 streams"),
        (dataclasses.replace(ONE_STEP, window=20_000), "lower --batch or --window, or add text"),
        (
            dataclasses.replace(ONE_STEP, vectors=WordShape(words=63)),
            "63 words are too few for word vectors, which need 64: raise --words",
        ),
    ],
)
def test_a_start_that_is_refused_leaves_room_for_another(
    wrong: Config, sentence: str, scenes: Path, tmp_path: Path
):
    with pytest.raises(TrainingError, match=sentence):
        train([scenes], Run(tmp_path / "run"), wrong)
    assert not (tmp_path / "run").exists()
    assert train([scenes], Run(tmp_path / "run"), ONE_STEP).run()


def test_a_loss_that_is_not_finite_stops_with_the_step(scenes: Path, tmp_path: Path):
    training = begin(tmp_path, scenes, FEW)
    training.train_step()
    with torch.no_grad():
        training.model.output.bias[0] = float("inf")
    with pytest.raises(TrainingError, match="not finite at step 2"):
        training.train_step()


def test_minutes_become_steps_by_the_clock_that_is_given(scenes: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(trainer, "SPEED_IS_KNOWN_AFTER", 12.0)
    config = dataclasses.replace(FEW, steps=None, minutes=0.4, evaluate_every=1000)
    # Each look at the clock takes a second.
    seconds = map(float, itertools.count())
    training = begin(tmp_path, scenes, config, Session(clock=lambda: next(seconds)))
    assert training.run()
    assert 12 < training.step < 26
    resumed = again(tmp_path)
    assert resumed.config.steps == resumed.step == training.step


def test_folders_of_a_name_are_repeated_and_the_run_says_so(scenes: Path, tmp_path: Path):
    folder = tmp_path / "texts" / "films"
    folder.mkdir(parents=True)
    shutil.copy(scenes / "train" / "as-you-like-it.fountain", folder)
    for part in ("train", "validation"):
        shutil.copytree(scenes / part, tmp_path / "texts" / part)
    (tmp_path / "texts" / "train" / "as-you-like-it.fountain").unlink()
    folder.rename(tmp_path / "texts" / "train" / "films")
    run = tmp_path / "run"
    command = ["train", str(tmp_path / "texts"), "--out", str(run), "--steps", "3"]
    command += [*SIZES, "--evaluate-every", "1000"]
    assert main([*command, "--repeat", "films", "3"]) == 0
    assert Run(run).config().repeat == {"films": 3}
    split = collect([tmp_path / "texts"])
    training = again(run)
    assert dict(zip([t.name for t in split.train], training.windows.times, strict=True)) == {
        "as-you-like-it": 3,
        "much-ado-about-nothing": 1,
    }


def test_a_folder_that_is_not_there_cannot_be_repeated(scenes: Path, tmp_path: Path):
    config = dataclasses.replace(FEW, repeat={"songs": 2})
    with pytest.raises(TrainingError, match="folder called songs"):
        train([scenes], Run(tmp_path), config)


def test_evaluate_prints_both_protocols(tiny_run: Run, scenes: Path, capsys):
    text = scenes / "test" / "the-comedy-of-errors.fountain"
    assert main(["evaluate", str(tiny_run.folder), str(text)]) == 0
    printed = capsys.readouterr().out
    assert "carried state" in printed
    assert "256 characters each, from an empty state" in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate", "nowhere", "x.txt"], "missing or damaged"),
        (["train", "nowhere.txt", "--out", "run"], "There is no nowhere.txt"),
        (["compare", "--tinyshakespeare", "nowhere.txt"], "cannot be read as UTF-8 text: check"),
        (["compare", "--tinyshakespeare", "empty.txt"], "empty.txt has only 0 characters, but "),
    ],
)
def test_every_refusal_is_one_sentence(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("empty.txt").touch()
    assert main(arguments) == 1
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("out", ["file", "file/below"])
@pytest.mark.parametrize("command", ["train", "corpus"])
def test_out_of_a_command_cannot_be_a_file(command: str, out: str, tmp_path: Path, capsys, request):
    (tmp_path / "file").touch()
    there = ["--out", str(tmp_path / out)]
    if command == "corpus":
        given = ["plays"]
    else:
        given = [str(request.getfixturevalue("scenes")), "--prior.contexts", "0"]
    assert main([command, *given, *there]) == 1
    printed = capsys.readouterr().err
    assert "cannot be made" in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m training {command}")


@pytest.mark.parametrize("command", ["train", "tune"])
def test_help_says_what_each_number_is(command: str, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = re.findall(r"--([a-z.-]+) N\W+(.*?) ?\(def", capsys.readouterr().out, re.DOTALL)
    assert len(told) > 5
    assert [name for name, words in told if not words] == []


@pytest.mark.parametrize("name", ["gru4", "words", "a.b", ""])
def test_a_recurrent_layer_must_exist(name: str, capsys):
    assert main(["train", "a.txt", "--out", "run", "--recurrence", name]) == 1
    assert f"training/model/{name}.py has no RecurrentLayer" in capsys.readouterr().err


def test_names_with_dots_are_held_out_apart(tmp_path: Path):
    texts = (Text("act.1", "One."), Text("act.2", "Two."))
    run = Run(tmp_path)
    run.begin(FEW, Vocabulary.of(["One. Two."] * 3), Split((), texts, ()))
    assert [t.content for t in run.heldout_texts("validation")] == ["One.", "Two."]
