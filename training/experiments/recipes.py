"""Define other people's recipes: a network, and its training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.model.network import Network


class AtTemperature(Network):
    """A network whose logits are divided by a temperature."""

    def __init__(self, network: Network, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        logits, state = self.network(tokens, state)
        return logits / self.temperature, state

    def start(self, batch: int) -> Tensor:
        return self.network.start(batch)


class NotebookGRU(Network):
    """The model of the first notebook: an embedding of 256, one GRU of 1,024, a linear output.

    State: float32 [batch, hidden].
    """

    def __init__(self, characters: int, hidden: int = 1024, embedding: int = 256) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, embedding)
        self.gru = nn.GRU(embedding, hidden)
        self.output = nn.Linear(hidden, characters)

    def forward(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        y, state = self.gru(self.embedding(tokens), state[None])
        return self.output(y), state[0].float()

    def start(self, batch: int) -> Tensor:
        return self.output.weight.new_zeros(batch, self.gru.hidden_size)


class CharRNN(Network):
    """Karpathy's char-rnn (2015): LSTM layers over one-hot characters, dropout after each.

    State: float32 [batch, 2, layers, hidden], h and c of each layer.
    """

    def __init__(self, characters: int, hidden: int = 512, layers: int = 2) -> None:
        super().__init__()
        self.characters = characters
        self.lstm = nn.LSTM(characters, hidden, layers, dropout=0.5)
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Linear(hidden, characters)
        # Initialised as in char-rnn's train.lua: small uniform weights, open forget gates.
        for name, weights in self.named_parameters():
            nn.init.uniform_(weights, -0.08, 0.08)
            if name.startswith("lstm.bias_ih"):
                nn.init.ones_(weights[hidden : 2 * hidden])

    def forward(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h, c = (part.transpose(0, 1).contiguous() for part in state.unbind(1))
        y, (h, c) = self.lstm(functional.one_hot(tokens, self.characters).float(), (h, c))
        after = torch.stack([h, c]).permute(2, 0, 1, 3)
        return self.output(self.dropout(y)), after.float()

    def start(self, batch: int) -> Tensor:
        layers, hidden = self.lstm.num_layers, self.lstm.hidden_size
        return self.output.weight.new_zeros(batch, 2, layers, hidden)


class GPT(Network):
    """A decoder of the size that nanoGPT's README gives for a CPU: 4 layers of 4 heads, 128 wide.

    The context is ``block`` characters long. A longer text is read in overlapping blocks, so that
    each character is predicted from at least three quarters of a block of preceding characters,
    where the text has so many. State: the tokens that begin the next block, int64 [up to 3/4 block,
    batch].
    """

    def __init__(
        self, characters: int, width: int = 128, layers: int = 4, heads: int = 4, block: int = 64
    ) -> None:
        super().__init__()
        self.block = block
        self.tokens = nn.Embedding(characters, width)
        self.places = nn.Embedding(block, width)
        self.layers = nn.ModuleList(TransformerLayer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, weights in self.named_parameters():
            if weights.dim() == 2:
                into_residual = name.endswith(("joined.weight", "narrow.weight"))
                nn.init.normal_(weights, std=0.02 / ((2 * layers) ** 0.5 if into_residual else 1))

    def forward(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        read = torch.cat([state, tokens])
        kept = self.block * 3 // 4
        at, logits = len(state), list[Tensor]()
        while at < len(read):
            end = min(len(read), max(at + self.block - kept, self.block))
            begin = max(0, end - self.block)
            logits.append(self._block(read[begin:end])[at - begin :])
            at = end
        return torch.cat(logits), read[-kept:]

    def _block(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens.T) + self.places.weight[: len(tokens)]
        for layer in self.layers:
            x = layer(x)
        # Tied weights: the output uses the embedding's weights.
        return functional.linear(self.norm(x), self.tokens.weight).transpose(0, 1)

    def start(self, batch: int) -> Tensor:
        return self.tokens.weight.new_zeros((0, batch), dtype=torch.int64)


class TransformerLayer(nn.Module):
    """Causal attention, then a feed-forward network, both pre-norm with residuals."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width, bias=False)
        self.asked = nn.Linear(width, 3 * width, bias=False)
        self.joined = nn.Linear(width, width, bias=False)
        self.norm_feed = nn.LayerNorm(width, bias=False)
        self.wide = nn.Linear(width, 4 * width, bias=False)
        self.narrow = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Transform x, float [batch, time, width], to the same shape."""
        asked = self.asked(self.norm_attention(x)).unflatten(2, (3, self.heads, -1))
        query, key, value = (part.transpose(1, 2) for part in asked.unbind(2))
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.joined(seen.transpose(1, 2).flatten(2))
        return x + self.narrow(functional.gelu(self.wide(self.norm_feed(x))))


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


def _nanogpt_cosine(_epochs: float, used: float) -> float:
    """Return nanoGPT's schedule: linear warm-up over a twentieth, then a cosine down to a tenth."""
    falling = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, used)))
    return min(1.0, (used + 0.001) / 0.05) * falling


def _adamw(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    matrices = [p for p in network.parameters() if p.dim() >= 2]
    vectors = [p for p in network.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, rate, betas=(0.9, 0.99), fused=True)


RECIPES = {
    "gru": Recipe(
        about="the first notebook's: one GRU of 1,024, Adam, no regularisation",
        network=NotebookGRU,
        optimiser=lambda network, rate: torch.optim.Adam(network.parameters(), rate, fused=True),
        rates=(0.0005, 0.001, 0.002),
        batch=64,
        window=100,
        carries=False,
        schedule=lambda _epochs, _used: 1.0,
    ),
    "char-rnn": Recipe(
        about="char-rnn: LSTM of 2 x 512, dropout 0.5, RMSprop with decay",
        network=CharRNN,
        optimiser=lambda network, rate: torch.optim.RMSprop(network.parameters(), rate, alpha=0.95),
        rates=(0.001, 0.002, 0.004),
        batch=50,
        window=50,
        carries=True,
        # From the tenth epoch on, 3% less after each epoch.
        schedule=lambda epochs, _used: 0.97 ** max(0, math.floor(epochs) - 9),
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
