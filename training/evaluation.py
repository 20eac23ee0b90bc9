"""Measure what a character costs: bits per character of a text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .data.texts import frame_text
from .data.vocabulary import Vocabulary
from .model.network import CharLSTM

CHUNK = 512
"""Steps read at once while the state is carried; the result does not depend on the number."""

TEMPERATURES = tuple(n / 100 for n in range(80, 161, 4))
"""The candidates of `calibrate`; an error of 0.04 costs 0.0006 bits per character."""

OFTEN = 1_000
"""The fewest characters after contexts of one length for that length to have a temperature."""


@dataclass(frozen=True)
class Cost:
    """The cost of a text by a model."""

    bits: float
    """Bits of all characters together."""
    characters: int
    """Number of characters predicted and counted."""

    @property
    def per_character(self) -> float:
        """Return bits per character; NaN for a text without characters."""
        return self.bits / self.characters if self.characters else math.nan


def cut_excerpt(contents: Sequence[str], most: int) -> str:
    """Return a fixed excerpt of several texts, joined: ``most`` characters at most.

    If the texts together are longer, each contributes an equal share: the characters after a blank
    line in its middle.
    """
    total = sum(map(len, contents))
    if total > most:
        parts = []
        for text in contents:
            length = len(text) * most // total
            start = (len(text) - length) // 2
            blank = text.find("\n\n", start, start + length // 2)
            start = start if blank < 0 else blank + 2
            parts.append(text[start : start + length].rstrip("\n"))
        contents = parts
    return "\n\n".join(contents)[:most]


def measure_carried(model: CharLSTM, vocabulary: Vocabulary, text: str, streams: int = 1) -> Cost:
    """Return the cost of a text that is read from start to end with the state carried throughout.

    With more than one stream the text is cut into that many equal pieces, which are read side by
    side, each from the initial state: much faster, and slightly pessimistic.
    """
    bits, characters = _measure_bits(model, vocabulary, text, streams, [1.0])
    return Cost(bits.sum().item(), int(characters.sum()))


def calibrate(
    model: CharLSTM, vocabulary: Vocabulary, text: str, streams: int = 1
) -> tuple[tuple[float, ...], Cost]:
    """Return the temperatures that minimise the cost of a text, and that cost.

    A network that has read its texts often is overconfident on other texts, so its best temperature
    is above 1 (Guo et al. 2017, "On Calibration of Modern Neural Networks"). Overconfidence is
    strongest after contexts that were rare in the learned texts, so a network with a prior has a
    temperature for each length, from 0 on, of the context that the prior knows; any other network
    has a single temperature. The text is read as by `measure_carried`, and the candidates are
    `TEMPERATURES`; a length with fewer than `OFTEN` characters gets the best temperature of all
    characters together.
    """
    bits, characters = _measure_bits(model, vocabulary, text, streams, TEMPERATURES)
    best = torch.where(characters < OFTEN, bits.sum(dim=1).argmin(), bits.argmin(dim=0))
    cost = bits.gather(0, best[None]).sum()
    return tuple(TEMPERATURES[n] for n in best), Cost(cost.item(), int(characters.sum()))


@torch.no_grad()
def _measure_bits(
    model: CharLSTM, vocabulary: Vocabulary, text: str, streams: int, temperatures: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Return the bits, [temperatures, lengths], and the number of characters, [lengths].

    Lengths are the lengths of the contexts that a prior knows; without a prior, the only one is 0.
    """
    tokens = torch.from_numpy(vocabulary.encode(frame_text(text)))
    length = (len(tokens) - 1) // streams
    kept = tokens[: length * streams + 1]
    inputs = kept[:-1].view(streams, length).T.contiguous()
    targets = kept[1:].view(streams, length).T.contiguous()
    state = model.start(streams)
    lengths = 1 + model.longest
    bits = torch.zeros(len(temperatures), lengths, dtype=torch.float64)
    characters = torch.zeros(lengths, dtype=torch.int64)
    for i in range(0, length, CHUNK):
        read = inputs[i : i + CHUNK].to(state.device)
        wanted = targets[i : i + CHUNK].flatten().to(state.device)
        known = model.find_known_lengths(read, state).cpu().flatten()
        characters += known.bincount(minlength=lengths)
        logits, state = model(read, state)
        for n, temperature in enumerate(temperatures):
            scaled = logits.flatten(0, 1) / temperature
            nats = functional.cross_entropy(scaled, wanted, reduction="none")
            each = nats.cpu() / math.log(2)
            bits[n] += known.bincount(each.double(), minlength=lengths)
    return bits, characters


@torch.no_grad()
def write_sample(
    model: CharLSTM, vocabulary: Vocabulary, prompt: str, length: int, temperature: float, seed: int
) -> str:
    """Sample ``length`` characters after the prompt, at a temperature above 0.

    The sample shows what a run has learned; the bot has its own sampler.
    """
    generator = torch.Generator().manual_seed(seed)
    written: list[int] = []
    tokens, state = torch.from_numpy(vocabulary.encode(prompt)), model.start(1)
    for _ in range(length):
        logits, state = model(tokens[:, None].to(state.device), state)
        probabilities = torch.softmax(logits[-1, 0].float().cpu() / temperature, 0)
        tokens = torch.multinomial(probabilities, 1, generator=generator)
        written.append(int(tokens))
    return vocabulary.decode(written)
