"""Measure the speed of training beside the training step of a bare ``nn.LSTM``."""

from __future__ import annotations

import dataclasses
import random
import statistics
import string
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.config import Config
from training.data.texts import Text
from training.data.tokens import Tokens
from training.data.vocabulary import Vocabulary
from training.model.prior import NO_PRIOR, fitted
from training.model.recurrent import RecurrentLayer
from training.run import Run
from training.trainer import Training

STEPS = 4
"""Steps per round."""

BARE_EMBEDDING, BARE_HIDDEN, BARE_LAYERS = 128, 512, 2
"""The sizes of a plain network whose step costs as much as that of the standard preset."""


def report(rounds: int, config: Config, *, compiled: bool = False) -> str:
    """Time both steps in alternating rounds; return medians and their ratio as text.

    The bare network has the streams and the window of ``config``. With ``compiled``, On Book's step
    is timed under `torch.compile` as well, which needs a C++ compiler.
    """
    # nn.LSTM has no prior, so On Book's step is timed without a prior, and with one as well.
    plain = dataclasses.replace(config, prior=NO_PRIOR)
    letters = string.ascii_letters + string.punctuation + " \n"
    text = "".join(random.Random(1).choices(letters, k=config.batch * config.window * 40))
    vocabulary = Vocabulary.of([text])
    with tempfile.TemporaryDirectory() as folder:
        texts = Tokens.of([Text("random", text)], vocabulary)
        ours = Training(Run(Path(folder)), plain, vocabulary, texts)
        shape = fitted(texts, len(vocabulary), config.prior)
        expecting = dataclasses.replace(config, prior=shape)
        whole = Training(Run(Path(folder)), expecting, vocabulary, texts)
        steps = {
            "bare nn.LSTM step": bare_step(config, ours),
            "training step": ours.train_step,
            "with the prior": whole.train_step,
        }
        if compiled:
            another = Training(Run(Path(folder)), expecting, vocabulary, texts)
            steps["prior, compiled"] = compiled_step(another)
        for step in steps.values():
            step()
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(rounds):
            for name, step in steps.items():
                began = time.perf_counter()
                for _ in range(STEPS):
                    step()
                seconds[name].append(time.perf_counter() - began)
    characters = STEPS * config.batch * config.window
    lines = [
        f"{name:18} {characters / statistics.median(times):8,.0f} characters/s"
        for name, times in seconds.items()
    ]
    bare = seconds.pop("bare nn.LSTM step")
    for name, times in seconds.items():
        ratio = statistics.median(b / t for b, t in zip(bare, times, strict=True))
        lines.append(f"{name:18} {ratio:8.1%} of the bare one (median of {rounds} rounds)")
    return "\n".join(lines)


def compiled_step(training: Training) -> Callable[[], object]:
    """Return a training step that is compiled except for the recurrent layers.

    Each layer is one fused kernel, which compilation would split into its time steps.
    """
    for layer in training.model.modules():
        if isinstance(layer, RecurrentLayer):
            object.__setattr__(layer, "forward", torch.compiler.disable(layer.forward))
    training.network.compile(dynamic=False)
    return training.train_step


def bare_step(config: Config, ours: Training) -> Callable[[], object]:
    """Return a step of embedding, nn.LSTM, linear output and AdamW, without regularisation."""
    shape = config.shape(ours.vocabulary)
    embedding = nn.Embedding(shape.vocabulary, BARE_EMBEDDING)
    lstm = nn.LSTM(BARE_EMBEDDING, BARE_HIDDEN, BARE_LAYERS)
    output = nn.Linear(BARE_HIDDEN, shape.vocabulary)
    network = nn.ModuleList([embedding, lstm, output]).to(ours.device)
    optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate, fused=True)
    windows = cycle(range(ours.windows.per_epoch))
    state: tuple[Tensor, Tensor] | None = None

    def step() -> None:
        nonlocal state
        inputs, targets = (one.to(ours.device) for one in ours.windows.at(next(windows))[:2])
        with torch.autocast(ours.device.type, torch.bfloat16, enabled=ours.autocast):
            y, (h, c) = lstm(embedding(inputs), state)
            logits = output(y)
        loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        state = h.detach(), c.detach()
        # Wait for the GPU, because On Book's step waits for it too when reading the loss.
        loss.item()

    return step
