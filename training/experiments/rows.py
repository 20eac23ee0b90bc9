"""Make the rows of the comparison: each is one model, made for a task within a budget."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from training.config import Config
from training.data.tokens import Tokens
from training.device import uses_bfloat16
from training.evaluation import calibrated, carried, cold_windows
from training.model.network import CharLSTM, Network, Regularisation
from training.model.prior import PriorShape
from training.pretraining import fitted, prepare
from training.run import Run
from training.trainer import VALIDATION_STREAMS, Session

from . import counted
from .recipes import RECIPES, AtTemperature, Recipe
from .task import Task
from .trainee import PROBE, Budget, Interrupted, clock, learn

NO_BUDGET = "none"
"""The budget of models that only count."""


@dataclass(frozen=True)
class Row:
    """The result of one model on one task."""

    name: str
    about: str
    task: str
    carried: Mapping[str, float]
    """Bits per character of each judged text, with the state carried from start to end."""
    cold: Mapping[str, float] = field(default_factory=dict)
    """Bits per character in cold windows; empty for a model without cold windows."""
    budget: str = NO_BUDGET
    parameters: int = 0
    """Number of parameters trained by gradients."""
    counted: int = 0
    """Bytes of the count-based prior beside a network."""
    seconds: float = 0.0
    characters: int = 0
    """Number of training characters, further epochs included."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Choices made on the way, such as the learning rate, by name."""
    machine: str = ""
    text: str = ""
    """The `Task.fingerprint` of the texts learned and predicted."""

    def write(self, path: Path) -> None:
        """Write the row as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Row:
        """Read what `write` wrote; raises ValueError or TypeError for anything else."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


EVALUATE_EVERY = 250
"""Steps of On Book's network between two evaluations, after each of which training can resume."""

Maker = Callable[[Task, Budget, Path], Row]

OURS: Mapping[str, Config] = {
    # Read only two or three times, so there is little dropout.
    "plays": Config(
        prior=PriorShape(contexts=500_000),
        drop=Regularisation(embedding=0.05, layers=0.2, recurrent=0.2),
        renamed=0.25,
        batch=16,
        learning_rate=0.004,
        warmup=100,
    ),
    # A fifth of the text is read five times as often in the same time, so there is more dropout.
    "tinyshakespeare": Config(
        prior=PriorShape(contexts=500_000),
        drop=Regularisation(embedding=0.1, layers=0.5, recurrent=0.4),
        batch=16,
        learning_rate=0.004,
        warmup=100,
    ),
}


def ours(task: Task, budget: Budget, folder: Path) -> Row:
    """Train the network that On Book ships, as `python -m training train` does."""
    config = OURS.get(task.name, Config())
    return trained("ours", "On Book: LSTM beside a prior of counts", config, task, budget, folder)


def trained(name: str, about: str, config: Config, task: Task, budget: Budget, folder: Path) -> Row:
    """Train On Book's network by ``config`` in the budget; raises `Interrupted` after Ctrl-C."""
    config = replace(config, name=name, evaluate_every=EVALUATE_EVERY)
    match budget.unit:
        case "minutes":
            config = replace(config, minutes=budget.amount)
        case "steps":
            config = replace(config, steps=round(budget.amount))
        case "characters":
            config = replace(config, steps=round(budget.amount / config.batch / config.window))
    run = Run(folder)
    resume = _goes_on(run, config, task)
    began = clock()
    session = Session(clock=clock)
    training = prepare(task.split, run, config, task.vocabulary, resume=resume, session=session)
    counting = clock() - began
    if not training.run():
        raise Interrupted
    read = training.step * training.config.batch * training.config.window
    return _measure(
        name,
        about,
        task,
        training.average if task.to_the_letter else run.model(),
        budget=str(budget),
        seconds=training.seconds,
        characters=read,
        details={
            "weights": "those of the last step"
            if task.to_the_letter
            else "the best on the first text, and calibrated there",
            "seconds_of_counting": round(counting, 1),
            "config": json.loads(training.config.to_json()),
        },
    )


def _goes_on(run: Run, config: Config, task: Task) -> bool:
    """Return whether the folder holds a run with this configuration; remove any other run."""
    if not (run.folder / "config.json").exists():
        return False
    there = run.config()
    asked = fitted(config, Tokens.of(task.learned, task.vocabulary), task.vocabulary)
    if config.minutes:
        asked = replace(asked, steps=there.steps)
    if there == asked:
        return True
    shutil.rmtree(run.folder)
    return False


def recipe(name: str, how: Recipe, task: Task, budget: Budget, folder: Path) -> Row:
    """Train one of other people's recipes, with the best of three learning rates."""
    trainee, probes = learn(how, task, budget, folder)
    temperature = 1.0
    if not task.to_the_letter:
        # Calibrated on the validation text, because On Book's kept weights are calibrated too.
        first = task.judged[0].content
        [temperature], _ = calibrated(trainee.network, task.vocabulary, first, VALIDATION_STREAMS)
    return _measure(
        name,
        how.about,
        task,
        AtTemperature(trainee.network, temperature),
        budget=str(budget),
        seconds=trainee.seconds,
        characters=trainee.characters,
        details={
            "learning_rate": trainee.rate,
            "probes": {str(rate): bits for rate, bits in probes.items()},
            "probe": f"{PROBE:.0%} of the budget for each learning rate, on top of the budget",
            "weights": "the best on the first text",
            "temperature": temperature,
        },
    )


def ppmd(name: str, piece: int | None, task: Task, _budget: Budget, _folder: Path) -> Row:
    """Measure PPMd, which also learns from the judged text: from all of it, or in pieces."""
    how = f"in pieces of {piece:,} characters" if piece else "learning from the text as it goes"
    about = f"PPMd order {counted.ORDER} of 7-Zip, {how}"
    order, bits = counted.ppmd(task, piece)
    details = {"texts_read": order, "chosen": "the better order on the first text"}
    return _row(name, about, task, carried=bits, details=details)


def kneser_ney(task: Task, _budget: Budget, _folder: Path) -> Row:
    """Measure an n-gram model of counts alone."""
    model = counted.kneser_ney(task)
    about = "n-grams, interpolated modified Kneser-Ney"
    details = {"longest_context": model.length, "chosen": "the best on the first text"}
    return _measure("kneser-ney", about, task, model, details=details)


ROWS: Mapping[str, Maker] = {
    "ours": ours,
    **{name: partial(recipe, name, how) for name, how in RECIPES.items()},
    "ppmd": partial(ppmd, "ppmd", None),
    "ppmd-pieces": partial(ppmd, "ppmd-pieces", counted.PIECE),
    "kneser-ney": kneser_ney,
}


def _measure(
    name: str,
    about: str,
    task: Task,
    model: Network,
    **facts: Any,  # noqa: ANN401 - the fields of a row
) -> Row:
    texts = {text.name: text.content for text in task.judged}
    known = task.vocabulary
    prior = model.prior if isinstance(model, CharLSTM) else None
    return _row(
        name,
        about,
        task,
        carried={n: carried(model, known, text).per_character for n, text in texts.items()},
        cold={n: cold_windows(model, known, text).per_character for n, text in texts.items()},
        parameters=sum(p.numel() for p in model.parameters()),
        counted=prior.tables().size if prior else 0,
        **facts,
    )


def _row(name: str, about: str, task: Task, **facts: Any) -> Row:  # noqa: ANN401 - as above
    """Return a row that names its task and this machine."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    numbers = "bfloat16" if uses_bfloat16("auto", device) else "float32"
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, "
        f"PyTorch {torch.__version__}, {numbers}"
    )
    return Row(name, about, task.name, machine=machine, text=task.fingerprint, **facts)
