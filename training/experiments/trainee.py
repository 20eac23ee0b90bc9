"""Train a recipe on a task within a budget. Read `learn` first."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from training.checkpoint import pack_optimiser, under, unpack_optimiser
from training.data.tokens import Tokens
from training.data.windows import Windows
from training.device import device_of, uses_bfloat16
from training.distributed import interruption
from training.evaluation import carried
from training.model.network import Network
from training.run import load, save
from training.trainer import VALIDATION_STREAMS

from .recipes import Recipe
from .task import Task

Unit = Literal["minutes", "steps", "characters"]
"""The unit of a budget; minutes are minutes of one core."""

clock: Callable[[], float] = time.perf_counter if torch.cuda.is_available() else time.process_time
"""Seconds of processor time, over all cores; wall time where a GPU does the work."""


@dataclass(frozen=True)
class Budget:
    """An amount of training, above 0, in one of three units.

    Evaluations count towards the minutes of On Book's network, but not of other people's recipes.
    Counting n-grams before the first step counts towards neither.
    """

    amount: float
    unit: Unit

    def share(self, seconds: float, steps: int, characters: int) -> float:
        """Return the share of the budget used, from 0; 1 and more means that it is used up."""
        used = {"minutes": seconds / 60, "steps": steps, "characters": characters}
        return used[self.unit] / self.amount

    def part(self, share: float) -> Budget:
        """Return a share of the budget, at least one step or character."""
        least = 0.0 if self.unit == "minutes" else 1.0
        return replace(self, amount=max(least, self.amount * share))

    def __str__(self) -> str:
        return f"{self.amount:,.9g} {self.unit}"


PROBE = 0.1
"""Share of the budget that each learning rate is tried for, in addition to the budget."""

EVALUATIONS = 20
"""Number of evaluations on the validation text over a network's budget."""

SEED = 1


class Interrupted(Exception):
    """Raised after Ctrl-C, when the progress has been saved."""


class Draws:
    """Windows at random positions in the joined texts."""

    def __init__(self, texts: list[Tensor], batch: int, window: int) -> None:
        self.whole = torch.cat(texts)
        self.batch = batch
        self.window = window
        self.per_epoch = max(1, len(self.whole) // (batch * window))

    def at(self, step: int) -> tuple[Tensor, Tensor, bool]:
        """Return inputs and targets, int64 [window, batch], and True to reset the state."""
        generator = torch.Generator().manual_seed(SEED * 100_003 + step)
        last = len(self.whole) - self.window
        starts = torch.randint(last, (self.batch,), generator=generator)
        read = self.whole[starts + torch.arange(self.window + 1)[:, None]]
        return read[:-1], read[1:], True


def learn(
    recipe: Recipe, task: Task, budget: Budget, folder: Path
) -> tuple[Trainee, Mapping[float, float]]:
    """Try each learning rate briefly, then train with the best one for the budget.

    Returns the training, whose network has the weights of the evaluation with the fewest bits per
    character on the validation text, and these bits for each learning rate tried. Progress is kept
    in ``folder``, and the same call resumes it. Raises `Interrupted` after Ctrl-C.
    """
    probes: dict[float, float] = {}
    for rate in recipe.rates:
        probe = Trainee(recipe, task, rate, budget.part(PROBE), folder / f"probe-{rate}")
        probe.run()
        probes[rate] = probe.best
    best = min(probes, key=lambda rate: probes[rate])
    trainee = Trainee(recipe, task, best, budget, folder / "whole")
    trainee.run()
    trainee.at_its_best()
    return trainee, probes


class Trainee:
    """One training of a network with one learning rate, resumable at any step."""

    def __init__(
        self, recipe: Recipe, task: Task, rate: float, budget: Budget, folder: Path
    ) -> None:
        self.recipe, self.task, self.rate = recipe, task, rate
        self.budget, self.folder = budget, folder
        self.device = device_of("auto")
        self.autocast = uses_bfloat16("auto", self.device)
        torch.manual_seed(SEED)
        self.network = recipe.network(len(task.vocabulary)).to(self.device)
        self.optimiser = recipe.optimiser(self.network, rate)
        texts = list(Tokens.of(task.learned, task.vocabulary))
        self.windows: Windows | Draws = (
            Windows.of_texts(texts, recipe.batch, recipe.window, SEED)
            if recipe.carries
            else Draws(texts, recipe.batch, recipe.window)
        )
        self.state = self.network.start(recipe.batch)
        self.steps, self.seconds = 0, 0.0
        self.best, self.evaluations = math.inf, 0
        self._resume()

    @property
    def characters(self) -> int:
        """Return the number of characters read, repetitions included."""
        return self.steps * self.recipe.batch * self.recipe.window

    @property
    def used(self) -> float:
        """Return the share of the budget used."""
        return self.budget.share(self.seconds, self.steps, self.characters)

    def run(self) -> None:
        """Train until the budget is used up, with evaluations at intervals."""
        with interruption() as interrupted:
            while self.used < 1:
                began = clock()
                self._step()
                self.seconds += clock() - began
                due = min(self.used, 1.0) * EVALUATIONS >= self.evaluations + 1
                if due or self.used >= 1:
                    self._evaluate()
                if due or interrupted:
                    self._save()
                if interrupted:
                    raise Interrupted
        self._save()

    def at_its_best(self) -> Network:
        """Return the network with its best weights."""
        tensors, _ = load(self.folder / "best.safetensors")
        self.network.load_state_dict(tensors)
        self.network.eval()
        return self.network

    def _step(self) -> None:
        inputs, targets, begins = self.windows.at(self.steps)
        if begins:
            self.state = self.network.start(self.recipe.batch)
        factor = self.recipe.schedule(self.steps / self.windows.per_epoch, self.used)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * factor
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            logits, state = self.network(inputs.to(self.device), self.state)
        wanted = targets.to(self.device).flatten()
        loss = functional.cross_entropy(logits.float().flatten(0, 1), wanted)
        self.optimiser.zero_grad()
        loss.backward()
        self.recipe.clip(self.network.parameters())
        self.optimiser.step()
        self.state = state.detach()
        self.steps += 1

    def _evaluate(self) -> None:
        self.evaluations = math.floor(min(self.used, 1.0) * EVALUATIONS)
        text = self.task.judged[0].content
        streams = max(1, min(VALIDATION_STREAMS, len(text) // 1000))
        bits = carried(self.network, self.task.vocabulary, text, streams).per_character
        print(f"{self.folder}: step {self.steps:,}, {bits:.4f} bits per character", flush=True)
        if bits < self.best:
            self.best = bits
            self.folder.mkdir(parents=True, exist_ok=True)
            save(self.folder / "best.safetensors", self.network.state_dict(), {"bits": bits})

    def _save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"network.{name}": t for name, t in self.network.state_dict().items()}
        tensors |= pack_optimiser(self.optimiser)
        tensors |= {"state": self.state, "random": torch.get_rng_state()}
        facts = {
            "budget": str(self.budget),
            "text": self.task.fingerprint,
            "steps": self.steps,
            "seconds": self.seconds,
            "best": self.best,
            "evaluations": self.evaluations,
        }
        save(self.folder / "resume.safetensors", tensors, facts)

    def _resume(self) -> None:
        path = self.folder / "resume.safetensors"
        if not path.exists():
            return
        tensors, facts = load(path)
        if (facts["budget"], facts["text"]) != (str(self.budget), self.task.fingerprint):
            return  # other work, so start from the beginning
        self.network.load_state_dict(under("network.", tensors))
        unpack_optimiser(tensors, self.optimiser)
        self.state = tensors["state"].to(self.device)
        torch.set_rng_state(tensors["random"])
        self.steps, self.seconds = facts["steps"], facts["seconds"]
        self.best, self.evaluations = facts["best"], facts["evaluations"]
