"""Tests of the comparison: real models, trained for a moment on a few scenes."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyppmd
import pytest
import torch

from tests.training.small_runs import FEW
from training.cli import main
from training.data.texts import Text
from training.data.tokens import Tokens
from training.errors import TextError
from training.evaluation import carried
from training.experiments import comparison, counted, rows, trainee
from training.experiments.recipes import GPT, RECIPES, AtTemperature, CharRNN, NotebookGRU
from training.experiments.rows import Row
from training.experiments.task import Task, of_corpus, of_texts, tinyshakespeare
from training.experiments.trainee import Budget, Trainee, learn
from training.model.network import Network
from training.model.prior import PriorShape
from training.pretraining import fitted
from training.run import Run, load

SMALL = {
    "gru": replace(
        RECIPES["gru"],
        network=lambda v: NotebookGRU(v, 48, 16),
        rates=(1e-6, 0.01, 9),
        batch=16,
        window=50,
    ),
    "char-rnn": replace(RECIPES["char-rnn"], network=lambda v: CharRNN(v, 48, 2), batch=8),
    "gpt": replace(RECIPES["gpt"], network=lambda v: GPT(v, 32, 2, 2, 32), window=32),
}
"""The recipes with networks that learn in seconds."""


@pytest.fixture(scope="module")
def corpus(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a corpus hardly larger than the smallest one that is taken."""
    folder = tmp_path_factory.mktemp("few") / "scenes"
    for file in scenes.rglob("*.fountain"):
        text = file.read_text(encoding="utf-8")
        copy = folder / file.relative_to(scenes)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text[: 11_000 if file.parent.name == "train" else 1_200], encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def task(corpus: Path) -> Task:
    return of_texts([corpus], "scenes")


Compare = Callable[..., int]


@pytest.fixture
def compare(corpus: Path, tmp_path: Path) -> Compare:
    """Run `compare` on the corpus, with its rows in ``rows`` and its runs in ``work``."""
    folders = ["--results", str(tmp_path / "rows"), "--work", str(tmp_path / "work")]
    return lambda *options: main(["compare", "--corpus", str(corpus), *folders, *options])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set small networks for the comparison."""
    monkeypatch.setattr(rows, "OURS", {"scenes": FEW})
    made = {name: rows.partial(rows.recipe, name, how) for name, how in SMALL.items()}
    monkeypatch.setattr("training.cli.experiments.ROWS", {**rows.ROWS, **made})


@pytest.fixture(autouse=True)
def _few_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainee, "EVALUATIONS", 3)


NETWORKS: list[Callable[[], Network]] = [
    lambda: NotebookGRU(11, 12, 6),
    lambda: CharRNN(11, 12, 2),
    lambda: GPT(11, 16, 2, 2, 16),
    lambda: counted.KneserNey([np.random.default_rng(1).integers(0, 11, 500)], 11, 3),
]


@pytest.mark.parametrize("make", NETWORKS)
@torch.no_grad()
def test_a_network_reads_forwards_and_continues_from_its_state(make: Callable[[], Network]):
    torch.manual_seed(1)
    network = make().eval()
    tokens = torch.randint(0, 11, (50, 3))
    whole, _ = network(tokens, network.start(3))
    assert whole.shape == (50, 3, 11)
    other = tokens.clone()
    other[30:] = (other[30:] + 1) % 11
    changed, _ = network(other, network.start(3))
    assert torch.allclose(whole[:30], changed[:30], atol=1e-6)
    # char-rnn begins with weights so small that its expectations hardly depend on the text.
    assert not torch.allclose(whole[30:], changed[30:], atol=1e-4)
    first, state = network(tokens[:16], network.start(3))
    second, _ = network(tokens[16:], state)
    assert torch.allclose(whole, torch.cat([first, second]), atol=1e-5)


@torch.no_grad()
def test_the_gpt_predicts_from_at_least_three_quarters_of_a_block():
    torch.manual_seed(2)
    network = GPT(11, 16, 2, 2, 16).eval()
    tokens = torch.randint(0, 11, (60, 1))
    whole, _ = network(tokens, network.start(1))
    for at in range(60):
        seen = [network._block(tokens[max(0, at - n + 1) : at + 1])[-1] for n in range(13, 17)]
        assert any(torch.allclose(whole[at], one, atol=1e-5) for one in seen), at


@pytest.mark.parametrize(("name", "steps"), [("gru", 24), ("char-rnn", 80), ("gpt", 80)])
def test_a_recipe_learns(name: str, steps: int, task: Task, tmp_path: Path):
    how = replace(SMALL[name], rates=(0.01, 0.01, 0.01))
    trainee = Trainee(how, task, 0.01, Budget(steps, "steps"), tmp_path)
    judged = task.vocabulary, task.judged[0].content
    before = carried(trainee.network, *judged).per_character
    trainee.run()
    assert trainee.steps == steps
    # Far below what all characters alike cost: how far depends on how a processor rounds.
    assert trainee.best < before - 0.5
    assert carried(trainee.at_its_best(), *judged).per_character == pytest.approx(trainee.best)


BUDGET = Budget(30, "steps")


@pytest.fixture(scope="module")
def learned_at(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the small GRU has used up `BUDGET`, after its probes."""
    folder = tmp_path_factory.mktemp("gru")
    learn(SMALL["gru"], task, BUDGET, folder)
    return folder


def test_the_best_of_three_learning_rates_is_kept(task: Task, learned_at: Path):
    learned, probes = learn(SMALL["gru"], task, BUDGET, learned_at)
    assert learned.rate == 0.01
    assert set(probes) == {1e-6, 0.01, 9}
    assert min(probes, key=probes.__getitem__) == 0.01
    assert load(learned_at / "probe-0.01" / "resume.safetensors")[1]["steps"] == 3
    assert learned.characters == 30 * 16 * 50


def test_recipes_are_calibrated_except_on_parts_of_one_file(
    task: Task, learned_at: Path, tmp_path: Path
):
    row = rows.recipe("gru", SMALL["gru"], task, BUDGET, learned_at)
    network = learn(SMALL["gru"], task, BUDGET, learned_at)[0].network
    text, temperature = task.judged[0], row.details["temperature"]
    assert temperature != 1
    found = carried(AtTemperature(network, temperature), task.vocabulary, text.content)
    assert row.carried[text.name] == found.per_character
    parts = replace(task, to_the_letter=True)
    uncalibrated = rows.recipe("gru", SMALL["gru"], parts, Budget(2, "steps"), tmp_path)
    assert uncalibrated.details["temperature"] == 1


@pytest.mark.parametrize("name", SMALL)
def test_a_resumed_training_equals_an_uninterrupted_one(name: str, task: Task, tmp_path: Path):
    budget = Budget(6, "steps")
    whole = Trainee(SMALL[name], task, 0.01, budget, tmp_path / "whole")
    whole.run()
    cut = Trainee(SMALL[name], task, 0.01, budget, tmp_path / "cut")
    for _ in range(4):
        cut._step()
    cut._save()
    torch.manual_seed(12345)  # an arbitrary state, as in another process
    again = Trainee(SMALL[name], task, 0.01, budget, tmp_path / "cut")
    assert again.steps == 4
    again.run()
    ours, theirs = (load(one.folder / "resume.safetensors")[0] for one in (again, whole))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    # Other texts start from the beginning.
    other = replace(task, learned=task.learned[::-1])
    assert Trainee(SMALL[name], other, 0.01, budget, tmp_path / "cut").steps == 0


@pytest.mark.parametrize(
    ("budget", "share"),
    [(Budget(2, "minutes"), 0.5), (Budget(40, "steps"), 0.25), (Budget(5000, "characters"), 0.2)],
)
def test_a_budget_counts_what_is_used(budget: Budget, share: float):
    assert budget.share(seconds=60, steps=10, characters=1000) == share
    assert budget.part(0.1).share(seconds=60, steps=10, characters=1000) == share * 10


def test_ppmd_costs_what_the_judged_text_adds(task: Task):
    first, *_ = task.judged

    def size(content: str) -> int:
        encoder = pyppmd.Ppmd7Encoder(8, 1 << 24)
        return len(encoder.encode(content.encode()) + encoder.flush())

    def added(texts: Sequence[Text]) -> float:
        learned = "\n\n".join(text.content for text in texts) + "\n\n"
        return (size(learned + first.content) - size(learned)) * 8 / len(first.content)

    best = min(added(task.learned), added(task.learned[::-1]))
    order, bits = counted.ppmd(task)
    assert bits[first.name] == pytest.approx(best)
    assert counted.ppmd(task, 500)[1][first.name] > best
    turned, same = counted.ppmd(replace(task, learned=task.learned[::-1]))
    assert turned != order
    assert same == bits


def test_tinyshakespeare_is_split_without_losing_a_character(tmp_path: Path):
    file = tmp_path / "tiny.txt"
    file.write_text("abcdefghi$\n\n\n  j" * 2000, encoding="utf-8")
    asked = tinyshakespeare(file)
    [learned], [judged] = asked.learned, asked.judged
    assert learned.content + judged.content == file.read_text(encoding="utf-8")
    assert len(learned.content) == 28_800
    assert asked.vocabulary.decode(asked.vocabulary.encode(judged.content)) == judged.content


@pytest.mark.usefixtures("small")
def test_rows_are_made_one_by_one_and_printed_together(compare: Compare, tmp_path: Path, capsys):
    for name in ("kneser-ney", "gpt", "ours"):
        assert compare("--steps", "8", "--only", name) == 0
    printed = capsys.readouterr().out.rpartition("| budget |")[2].splitlines()
    figures = [line for line in printed[1:] if line.startswith("| ") and "---" not in line]
    assert [line.split("|")[1].strip()[:5] for line in figures] == ["On Bo", "a GPT", "n-gra"]
    [folder] = (tmp_path / "rows").iterdir()
    row = json.loads((folder / "gpt.json").read_text(encoding="utf-8"))
    assert row["budget"] == "8 steps"
    budgets = [line.split("|")[2].strip() for line in figures]
    assert budgets == ["8 steps", "8 steps", "none"]
    ours = Row.read(folder / "ours.json")
    # Each context takes some bytes.
    assert ours.counted > 5 * FEW.prior.rows
    assert [line.split("|")[5].strip() for line in figures] == [f"{ours.counted:,}", "", ""]
    assert set(row["details"]["probes"]) == {"0.0005", "0.001", "0.002"}
    for kind in ("carried", "cold"):
        assert set(row[kind]) == {"the-tempest", "the-comedy-of-errors"}
        assert f"{row[kind]['the-tempest']:.4f}" in figures[1]
    assert not list((tmp_path / "work").rglob("*.safetensors"))


def test_a_trial_replaces_no_committed_row(
    scenes: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
):
    committed = comparison.COMMITTED / "tinyshakespeare"
    before = {path: path.read_bytes() for path in committed.iterdir()}
    play = scenes / "train" / "as-you-like-it.fountain"
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "--tinyshakespeare", str(play), "--only", "ppmd"]) == 0
    assert {path: path.read_bytes() for path in committed.iterdir()} == before
    made = Row.read(tmp_path / "runs" / "comparison" / "tinyshakespeare" / "ppmd.json")
    printed = capsys.readouterr().out
    assert f"| {made.carried['last-tenth'] * math.log(2):.4f} |" in printed
    # The committed table comes from another text.
    assert "On Book" not in printed


def test_rows_come_from_the_first_folder_with_the_same_texts(task: Task, tmp_path: Path):
    other = replace(task, learned=task.learned[::-1])
    folders = [tmp_path / name for name in "abc"]
    for folder, text, bits in zip(folders, (other, task, task), (1.0, 2.0, 3.0), strict=True):
        row = Row("ppmd", "PPMd", task.name, {"first": bits}, text=text.fingerprint)
        row.write(folder / task.name / "ppmd.json")
    [found] = comparison.read(folders, task, rows.ROWS)
    assert found.carried == {"first": 2.0}
    assert not comparison.read(folders[:1], task, rows.ROWS)


@pytest.mark.parametrize("name", ["plays", "tinyshakespeare", "screen"])
def test_committed_rows_are_of_the_same_texts(name: str):
    found = [Row.read(path) for path in (comparison.COMMITTED / name).glob("*.json")]
    assert found
    assert len({row.text for row in found}) == 1
    assert all(row.text and row.carried for row in found)


def test_a_file_in_place_of_the_rows_is_refused(compare: Compare, tmp_path: Path, capsys):
    (tmp_path / "rows").touch()
    assert compare("--only", "kneser-ney") == 1
    assert "cannot be made" in capsys.readouterr().err


def test_a_corpus_is_named_like_its_folder(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(corpus / "train")
    assert of_corpus(Path("..")).name == corpus.name
    (tmp_path / "plays").symlink_to(corpus)
    assert of_corpus(tmp_path / "plays").name == corpus.name
    for name in ("plays", "tinyshakespeare"):
        with pytest.raises(TextError, match="rename the folder to none of plays,"):
            of_corpus(tmp_path / "mine" / name)


def test_a_judged_text_shorter_than_a_window_is_refused(corpus: Path, tmp_path: Path):
    shutil.copytree(corpus, tmp_path / "texts")
    (tmp_path / "texts" / "test" / "short.txt").write_text("To be.", encoding="utf-8")
    with pytest.raises(TextError, match="short has only 6 characters, but more than 256"):
        of_corpus(tmp_path / "texts")


def test_an_unfinished_row_is_resumed_only_with_its_configuration(task: Task, tmp_path: Path):
    # More contexts than the texts have.
    config = replace(FEW, prior=PriorShape(10**6, 3), minutes=90.0, steps=None)
    run = Run(tmp_path / "row")
    others = (
        replace(config, learning_rate=0.5),
        replace(config, minutes=45.0),
        replace(config, prior=PriorShape(10**6, 2)),
        replace(config, prior=PriorShape(100, 3)),
    )
    for other in others:
        begun = fitted(config, Tokens.of(task.learned, task.vocabulary), task.vocabulary)
        run.begin(begun, task.vocabulary, task.split)
        assert rows._goes_on(run, config, task)
        run.write_config(replace(begun, steps=77))  # the number of steps that fit into the minutes
        assert rows._goes_on(run, config, task)
        assert not rows._goes_on(run, other, task)
        assert not run.folder.exists()


@pytest.mark.usefixtures("small")
def test_all_makes_missing_rows_and_those_of_another_budget(
    compare: Compare, task: Task, tmp_path: Path
):
    results = tmp_path / "rows" / task.name
    for name in rows.ROWS:
        if name != "ppmd":
            steps = "9 steps" if name == "gpt" else "8 steps"
            judged = {"the-tempest": 1.0}
            row = Row(name, name, task.name, judged, budget=steps, text=task.fingerprint)
            row.write(results / f"{name}.json")
    assert compare("--all", "--steps", "8") == 0
    there = {path.stem: Row.read(path) for path in results.glob("*.json")}
    assert there.keys() == rows.ROWS.keys()
    assert there["gru"].carried == {"the-tempest": 1.0}
    assert there["ppmd"].carried["the-tempest"] > 1.5
    assert there["gpt"].budget == "8 steps"


def test_nats_stand_beside_published_figures():
    row = Row("ppmd", "PPMd", "tinyshakespeare", {"last-tenth": 2.0})
    printed = comparison.of_rows([row], "tinyshakespeare")
    assert f"| {2 * math.log(2):.4f} |" in printed
    assert "1.4697" in printed
    assert "1.4697" not in comparison.of_rows([row], "plays")


def test_many_texts_are_shown_by_their_mean():
    many = {str(bits): float(bits) for bits in range(7)}
    printed = comparison.of_rows([Row("ours", "Ours", "screen", many)], "screen")
    assert "| Ours | none |  |  |  | 3.0000 |  |" in printed


@pytest.mark.usefixtures("small")
def test_an_interrupted_row_is_resumed(
    compare: Compare, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
):
    command = ["--only", "gru", "--characters", "6400"]
    take = Trainee._step

    def interrupted(trainee: Trainee) -> None:
        take(trainee)
        if trainee.folder.name == "whole" and trainee.steps == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Trainee, "_step", interrupted)
        assert compare(*command) == 130
    assert capsys.readouterr().out.endswith("Stopped and saved. Repeat the command to continue.\n")
    [resume] = tmp_path.glob("work/*/gru/whole/resume.safetensors")
    assert load(resume)[1]["steps"] == 3
    assert compare(*command) == 0
    assert "probe" not in capsys.readouterr().out  # the probes were kept as well
    [row] = tmp_path.glob("rows/*/gru.json")
    assert Row.read(row).characters == 6_400
