"""What a character costs: bits per character of a text, in two protocols."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from .model import CharLSTM
from .vocabulary import Vocabulary

CHUNK = 512
"""Steps read at once while the state is carried; the result does not depend on it."""

TEMPERATURES = tuple(n / 100 for n in range(80, 161, 4))
"""Among which `calibrated` chooses; 0.04 from the best, a character costs 0.0006 bits more."""

OFTEN = 1_000
"""Characters after contexts of one length from which on these have a temperature of their own."""

COLD_WINDOW = 256
"""Characters in a cold window, as in the published figures that use them."""


class Reader(Protocol):
    """Anything that predicts characters one after another; a `CharLSTM` is one."""

    @property
    def training(self) -> bool:
        """Whether it drops what is dropped while it learns."""

    def train(self, mode: bool = True, /) -> object:
        """Sets `training`."""

    def start(self, batch: int) -> Tensor:
        """The state in which nothing has been read, of ``batch`` texts."""

    def __call__(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """tokens int64 [time, batch] -> logits [time, batch, characters], and the next state."""


@dataclass(frozen=True)
class Cost:
    """What a text cost a model."""

    bits: float
    """Bits, all characters together."""
    characters: int
    """How many characters were predicted and counted."""

    @property
    def per_character(self) -> float:
        """Bits per character; not a number for a text without characters."""
        return self.bits / self.characters if self.characters else math.nan


def as_read(text: str) -> str:
    """A text as a voice reads it: between line ends.

    The blank line between two elements is the end of one ("\\n") and the start of the next
    ("\\n"), so every element, and a whole text, is read as newline, text, newline.
    """
    return f"\n{text}\n"


def excerpt(contents: Sequence[str], most: int) -> str:
    """Return some of each of several texts, ``most`` characters or fewer, joined; always the same.

    Where all are too long together, each gives an equal share: what follows a blank line in its
    middle.
    """
    total = sum(map(len, contents))
    if total > most:
        contents = [_middle(text, len(text) * most // total) for text in contents]
    return "\n\n".join(contents)[:most]


def _middle(text: str, length: int) -> str:
    start = (len(text) - length) // 2
    blank = text.find("\n\n", start, start + length // 2)
    start = start if blank < 0 else blank + 2
    return text[start : start + length].rstrip("\n")


def carried(model: Reader, vocabulary: Vocabulary, text: str, streams: int = 1) -> Cost:
    """Bits of a text that is read from start to end with the state carried all the way.

    With more than one stream the text is cut into that many equal pieces that are read side by
    side, each from an empty state: much faster, and slightly pessimistic.
    """
    bits, characters = _carried(model, vocabulary, text, streams, [1.0])
    return Cost(bits.sum().item(), int(characters.sum()))


def calibrated(
    model: Reader, vocabulary: Vocabulary, text: str, streams: int = 1
) -> tuple[tuple[float, ...], Cost]:
    """The temperatures by which logits are to be divided for a text to cost least, and that cost.

    Above 1, a network is surer of itself than it deserves to be on what it has not learned, as
    those are that have read their texts often (Guo et al. 2017, "On Calibration of Modern Neural
    Networks"). It is so above all where what it has just read was rare there, so one with a prior
    has a temperature for each length of the contexts that the prior knows, from 0 on, and any
    other network has one alone. The text is read as by `carried`, and chooses among
    `TEMPERATURES`; for lengths that it has less than `OFTEN` it chooses as for all together.
    """
    bits, characters = _carried(model, vocabulary, text, streams, TEMPERATURES)
    best = torch.where(characters < OFTEN, bits.sum(dim=1).argmin(), bits.argmin(dim=0))
    cost = bits.gather(0, best[None]).sum()
    return tuple(TEMPERATURES[n] for n in best), Cost(cost.item(), int(characters.sum()))


def _carried(
    model: Reader, vocabulary: Vocabulary, text: str, streams: int, temperatures: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """The bits, [temperatures, lengths], and how many characters there are, [lengths].

    Lengths are those of the contexts that a prior knows; 0 alone without a prior.
    """
    tokens = torch.tensor(vocabulary.encode(as_read(text)))
    length = (len(tokens) - 1) // streams
    kept = tokens[: length * streams + 1]
    inputs = kept[:-1].view(streams, length).T.contiguous()
    targets = kept[1:].view(streams, length).T.contiguous()
    state = model.start(streams)
    prior = model.prior if isinstance(model, CharLSTM) else None
    lengths = prior.shape.longest + 1 if prior else 1
    bits = torch.zeros(len(temperatures), lengths, dtype=torch.float64)
    characters = torch.zeros(lengths, dtype=torch.int64)
    for i in range(0, length, CHUNK):
        read, wanted = inputs[i : i + CHUNK], targets[i : i + CHUNK]
        known = torch.zeros_like(read)
        if isinstance(model, CharLSTM):
            known = model.known(read.to(state.device), state).cpu()
        characters += known.flatten().bincount(minlength=lengths)
        logits, state = _read(model, read, state)
        for n, temperature in enumerate(temperatures):
            each = _bits(logits / temperature, wanted).double()
            bits[n] += known.flatten().bincount(each, minlength=lengths)
    return bits, characters


def cold_windows(model: Reader, vocabulary: Vocabulary, text: str) -> Cost:
    """Bits of a text read in windows of `COLD_WINDOW` characters, each from an empty state.

    Window i has the inputs i to i + 255 and the targets one further on; the stride is 256 and
    every target counts. What remains at the end and fills no window is left out.
    """
    tokens = torch.tensor(vocabulary.encode(text))
    windows = (len(tokens) - 1) // COLD_WINDOW
    inputs = tokens[: windows * COLD_WINDOW].view(windows, COLD_WINDOW)
    targets = tokens[1 : windows * COLD_WINDOW + 1].view(windows, COLD_WINDOW)
    bits = 0.0
    for part, wanted in zip(inputs.split(64), targets.split(64), strict=True):
        logits, _ = _read(model, part.T, model.start(len(part)))
        bits += _bits(logits, wanted.T).sum().item()
    return Cost(bits, targets.numel())


@torch.no_grad()
def _read(model: Reader, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The logits after inputs [time, batch], in full precision, with nothing dropped."""
    was_training = model.training
    model.train(False)
    logits, state = model(inputs.to(state.device), state)
    model.train(was_training)
    return logits, state


def _bits(logits: Tensor, targets: Tensor) -> Tensor:
    """What each of targets [time, batch] costs, [time x batch], on the processor."""
    wanted = targets.to(logits.device).flatten()
    nats = functional.cross_entropy(logits.flatten(0, 1), wanted, reduction="none")
    return nats.cpu() / math.log(2)


@torch.no_grad()
def sample(
    model: CharLSTM,
    vocabulary: Vocabulary,
    prompt: str,
    length: int,
    temperature: float,
    seed: int,
) -> str:
    """A look at what the model writes: ``length`` characters after the prompt.

    For progress reports alone; the bot has its own sampler. ``temperature`` is above 0.
    """
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    written: list[int] = []
    device = model.output.weight.device
    tokens: Sequence[int] = vocabulary.encode(prompt)
    state = model.start(1)
    for _ in range(length):
        logits, state = model(torch.tensor(tokens, device=device)[:, None], state)
        probabilities = torch.softmax(logits[-1, 0].float().cpu() / temperature, 0)
        tokens = [int(torch.multinomial(probabilities, 1, generator=generator))]
        written += tokens
    model.train(was_training)
    return vocabulary.decode(written)
