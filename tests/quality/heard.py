"""Measure what the script so far tells a voice: bits per character of unseen text."""

import statistics
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import pyppmd

from bot.inference.model import Model
from bot.inference.processors.repetition import REACH
from bot.inference.processors.speaker_bias import LONGEST_CUE, find_likely_cues, mix_in_cues
from bot.inference.sampling import compute_token_bits
from bot.screenplay.fountain import format_for_model
from tests.tools.tables import format_head, format_row
from training.data.texts import Text

MEMORY = 3 << 30
"""The most bytes that PPMd may use: a full PPMd forgets everything, and it touches only what it
needs, which is 2.5 GB for 80 MB of text at order 12."""

LEGEND = "Told from the script so far: who has spoken, as the bot mixes it in."


@dataclass(frozen=True)
class Heard:
    """Bits per character, the state carried from start to end."""

    alone: float
    """Cost to the network alone."""
    company: float
    """Cost with the speakers so far, which the engine mixes in while it writes."""


class Ppmd:
    """PPMd, variant H, which has read some texts, and learns from each text that it predicts."""

    def __init__(self, learned: Sequence[str], order: int) -> None:
        """Read the learned texts; ``order``: characters of the longest context."""
        self.order = order
        self.learned = "\n\n".join(learned) + "\n\n"
        self.alone = self._compressed_size(self.learned)

    def cost(self, text: str) -> float:
        """Return the bits per character of a text that follows the learned texts."""
        return (self._compressed_size(self.learned + text) - self.alone) * 8 / len(text)

    def _compressed_size(self, text: str) -> int:
        """Return the compressed size in bytes of a text in UTF-8."""
        encoder = pyppmd.Ppmd7Encoder(self.order, MEMORY)
        return len(encoder.encode(text.encode())) + len(encoder.flush())


def table(model: Model, texts: Sequence[Text], strength: float, ppmd: Ppmd | None = None) -> str:
    """Return bits per character of some texts: of the network alone, and with the script so far.

    With ``ppmd``, which keeps learning from each text, the last column is its cost.
    """
    heads = ["", "bits, the network alone", "with who has spoken"]
    if ppmd:
        heads.append(f"PPMd of order {ppmd.order}")
    lines = format_head(heads)
    costs: list[tuple[float, ...]] = []
    for text in texts:
        cost = astuple(heard(model, text.content, strength))
        costs.append((*cost, ppmd.cost(text.content)) if ppmd else cost)
        lines.append(format_row([text.name, *(f"{bits:.4f}" for bits in costs[-1])]))
    if len(costs) > 1:
        means = [f"{statistics.mean(column):.4f}" for column in zip(*costs, strict=True)]
        lines.append(format_row([f"mean of {len(costs)} texts", *means]))
    unread = sum(model.skipped(text.content) for text in texts)
    note = f" {unread:,} characters that the voice cannot read are left out." if unread else ""
    return "\n".join([*lines, "", LEGEND + note])


def heard(model: Model, text: str, strength: float = 1.0) -> Heard:
    """Return the cost of a text to a voice; raise ValueError for an empty text."""
    text = text.strip("\n")
    if not text:
        raise ValueError("there is nothing to read")
    read = model.encode(format_for_model(text))
    states = model.start()[None]
    alone, mixed = np.zeros((2, len(read) - 1))
    begin = len(read)  # start of the element whose cue may stand here
    for at, token in enumerate(read[:-1]):
        logits, states = model.step(read[at : at + 1], states)
        following = read[at + 1 : at + 2]
        alone[at] = mixed[at] = compute_token_bits(logits, following)[0]
        if token == model.newline and at and read[at - 1] == model.newline:
            begin = at + 1
            before = read[max(0, begin - REACH - 1) : begin]
            known = find_likely_cues(before, model)
        elif at >= begin and (model.lower_case[token] or token == model.newline):
            begin = len(read)
        if strength and begin <= at + 1 < begin + LONGEST_CUE:
            written = read[begin : at + 1]
            matching = (known.cues[:, : len(written)] == written).all(axis=1)
            weights = known.weights * matching
            position, odds = np.array([at + 1 - begin]), np.array([strength * known.odds])
            logits = logits.copy()
            mix_in_cues(logits, known.cues[None], weights[None], position, odds)
            mixed[at] = compute_token_bits(logits, following)[0]
    return Heard(float(alone.mean()), float(mixed.mean()))
