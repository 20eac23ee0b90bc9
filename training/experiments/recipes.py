"""Define other people's recipes: a network, and its training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from .networks import GPT, CharRNN, Network, NotebookGRU

Parameters = Iterable[nn.Parameter]


@dataclass(frozen=True)
class Recipe:
    """The training of one kind of network."""

    about: str
    network: Callable[[int], Network]
    """Builds the network for a number of characters."""
    optimiser: Callable[[nn.Module, float], torch.optim.Optimizer]
    """Builds the optimiser for a network and a learning rate."""
    rates: tuple[float, float, float]
    """Learning rates to try: the recipe's own in the middle, and one on either side."""
    batch: int
    window: int
    """Characters per window."""
    carries: bool
    """True if the state is carried from one window to the next."""
    schedule: Callable[[float, float], float]
    """(epochs so far, share of the budget used) -> factor of the learning rate."""
    clip: Callable[[Parameters], object] = list
    """Clips the gradients, or does nothing."""


def _constant(_epochs: float, _used: float) -> float:
    return 1.0


def _char_rnn_decay(epochs: float, _used: float) -> float:
    """Return char-rnn's decay: from the tenth epoch on, 3% less after each epoch."""
    return 0.97 ** max(0, math.floor(epochs) - 9)


def _nanogpt_cosine(_epochs: float, used: float) -> float:
    """Return nanoGPT's schedule: linear warm-up over a twentieth, then a cosine down to a tenth."""
    falling = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, used)))
    return min(1.0, (used + 0.001) / 0.05) * falling


def _adam(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), rate, fused=True)


def _rmsprop(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(network.parameters(), rate, alpha=0.95)


def _adamw(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    matrices = [p for p in network.parameters() if p.dim() >= 2]
    vectors = [p for p in network.parameters() if p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": 0.1},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, rate, betas=(0.9, 0.99), fused=True)


RECIPES = {
    "gru": Recipe(
        about="the first notebook's: one GRU of 1,024, Adam, no regularisation",
        network=NotebookGRU,
        optimiser=_adam,
        rates=(0.0005, 0.001, 0.002),
        batch=64,
        window=100,
        carries=False,
        schedule=_constant,
    ),
    "char-rnn": Recipe(
        about="char-rnn: LSTM of 2 x 512, dropout 0.5, RMSprop with decay",
        network=CharRNN,
        optimiser=_rmsprop,
        rates=(0.001, 0.002, 0.004),
        batch=50,
        window=50,
        carries=True,
        schedule=_char_rnn_decay,
        # char-rnn sums the loss over a window, but the loss here is the mean, so the bound is
        # divided.
        clip=lambda parameters: nn.utils.clip_grad_value_(parameters, 5.0 / 50),
    ),
    "gpt": Recipe(
        about="a GPT of nanoGPT's shape for CPUs: 4 layers, 4 heads, 128 wide, sees 64 characters",
        network=GPT,
        optimiser=_adamw,
        rates=(0.0005, 0.001, 0.002),
        batch=12,
        window=64,
        carries=False,
        schedule=_nanogpt_cosine,
        clip=lambda parameters: nn.utils.clip_grad_norm_(parameters, 1.0),
    ),
}
