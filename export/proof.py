"""Prove that the graph of a voice file computes the same as its checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .graph_builder import Bits
from .runtime import Runtime, TokenIds
from .trained import CharLSTM, Cost, Text, Vocabulary, frame_text, measure_carried

STEPS = 500
"""Steps over which the numbers of the graph and of the checkpoint are compared."""

ROWS = (1, 2, 3, 4)
"""Sizes of the batches in which these numbers are compared."""

CROWD = 64
"""Rows of the batch whose rows are compared with batches of a single row."""

CROWD_STEPS = 50

LARGEST_DIFFERENCE: dict[Bits, float | None] = {32: 1e-4, 8: None}
"""The largest difference of a logit or of a state's number that passes; None in 8 bits, where bits
per character alone decide."""

LARGEST_LOSS: dict[Bits, float] = {32: 0.001, 8: 0.005}
"""The largest relative difference in bits per character that passes, for all texts together."""

LARGEST_LOSS_OF_TEXT: dict[Bits, float] = {32: 0.001, 8: 0.01}
"""The same for a single text; chance moves it more where numbers are rounded."""


@dataclass(frozen=True)
class Check:
    """One measured value and its limit."""

    name: str
    measured: float
    allowed: float | None
    """The largest value that passes; None if any value does."""
    notation: str
    """The format specification of both values."""

    @property
    def passed(self) -> bool:
        """Return whether the value is allowed; NaN never is if there is a limit."""
        return self.allowed is None or self.measured <= self.allowed

    def format_cells(self) -> tuple[str, str, str, str]:
        """Return the cells of a table's row: name, measured, allowed, ok."""
        if self.allowed is None:
            return self.name, format(self.measured, self.notation), "any", "-"
        measured, allowed = (format(x, self.notation) for x in (self.measured, self.allowed))
        return self.name, measured, allowed, "yes" if self.passed else "NO"


@dataclass(frozen=True)
class TextCosts:
    """The cost of one held-out text under the checkpoint and under the exported graph."""

    name: str
    pytorch: Cost
    exported: Cost


@dataclass(frozen=True)
class Proof:
    """All checks, and the costs of the texts."""

    checks: tuple[Check, ...]
    texts: tuple[TextCosts, ...]

    @property
    def failed(self) -> int:
        """Return the number of checks that did not pass."""
        return sum(not check.passed for check in self.checks)

    def format_table(self) -> str:
        """Return the checks as lines of aligned columns."""
        cells = (check.format_cells() for check in self.checks)
        rows = [("check", "measured", "allowed", "ok"), *cells]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            f"{name:{widths[0]}}  {measured:>{widths[1]}}  {allowed:>{widths[2]}}  {ok}"
            for name, measured, allowed, ok in rows
        )


def prove(
    graph: Runtime, model: CharLSTM, vocabulary: Vocabulary, texts: Sequence[Text], bits: Bits
) -> Proof:
    """Compare a graph with its checkpoint on texts that are not empty."""
    read = [encode_text(vocabulary, text) for text in texts]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # because threads only slow down a row's small products
    try:
        costs = [measure_carried(model, vocabulary, text.content) for text in texts]
        numbers = _check_numbers(graph, model, np.concatenate(read), LARGEST_DIFFERENCE[bits])
    finally:
        torch.set_num_threads(threads)
    names = [text.name for text in texts]
    text_costs = tuple(map(TextCosts, names, costs, graph.measure_carried(read)))
    return Proof(
        (
            *numbers,
            _check_rows_alone(graph, np.concatenate(read)),
            *_check_losses(text_costs, bits),
        ),
        text_costs,
    )


def _check_losses(texts: Sequence[TextCosts], bits: Bits) -> Iterator[Check]:
    """Yield a check that the same characters are counted, one of each text, and one of all."""
    difference = sum(abs(text.pytorch.characters - text.exported.characters) for text in texts)
    yield Check("characters that one counted and the other did not", difference, 0, "d")
    for text in texts:
        yield check_loss(text.name, text.pytorch, text.exported, LARGEST_LOSS_OF_TEXT[bits])
    before, after = (
        Cost(sum(cost.bits for cost in costs), sum(cost.characters for cost in costs))
        for costs in zip(*((text.pytorch, text.exported) for text in texts), strict=True)
    )
    yield check_loss("all texts", before, after, LARGEST_LOSS[bits])


def encode_text(vocabulary: Vocabulary, text: Text) -> TokenIds:
    """Return the tokens that `measure_carried` reads of a text: int64 [characters]."""
    return vocabulary.encode(frame_text(text.content))


def check_loss(name: str, before: Cost, after: Cost, allowed: float) -> Check:
    """Return a check of the relative change of bits per character, up or down."""
    old, new = before.per_character, after.per_character
    return Check(
        f"{name}: change from {old:.4f} to {new:.4f} bits, {after.characters:,} characters",
        abs(new / old - 1),
        allowed,
        ".4%",
    )


def _check_numbers(
    graph: Runtime, model: CharLSTM, text: TokenIds, allowed: float | None
) -> list[Check]:
    """Check the largest differences of logits and states between PyTorch and onnxruntime."""
    both = np.array(
        [_measure_differences(graph, model, _cut_rows(text, rows, STEPS)) for rows in ROWS]
    )
    where = f"{ROWS[0]} to {ROWS[-1]} rows, {STEPS} steps"
    return [
        Check(f"{name}, PyTorch and onnxruntime, {where}", float(largest), allowed, ".1e")
        for name, largest in zip(("logits", "states"), both.max(axis=0), strict=True)
    ]


@torch.no_grad()
def _measure_differences(graph: Runtime, model: CharLSTM, tokens: TokenIds) -> NDArray[np.float64]:
    """Return the largest differences of logits and of states over all steps: float64 [2].

    Both runtimes read the tokens [steps, rows], each from its own states. Differences of state
    numbers beyond 1 are relative, because cells reach hundreds and float32 has relative precision.
    """
    rows = tokens.shape[1]
    model_state, graph_state = model.start(rows), graph.start(rows)
    largest = np.zeros(2)
    for step in tokens:
        expected, model_state = model(torch.from_numpy(step)[None], model_state)
        logits, graph_state = graph.step(step, graph_state)
        state_differences = abs(graph_state - model_state.numpy()) / np.maximum(
            1, abs(model_state.numpy())
        )
        largest_now = [abs(logits - expected[0].numpy()).max(), state_differences.max()]
        largest = np.maximum(largest, largest_now)
    return largest


def _check_rows_alone(graph: Runtime, text: TokenIds) -> Check:
    """Count the rows of a full batch that differ in any bit from the same rows alone."""
    tokens = _cut_rows(text, CROWD, CROWD_STEPS)
    batch_state = graph.start(CROWD)
    alone = [graph.start(1)] * CROWD
    differing = set[int]()
    for step in tokens:
        logits, batch_state = graph.step(step, batch_state)
        for i in range(CROWD):
            own, alone[i] = graph.step(step[i : i + 1], alone[i])
            if own.tobytes() + alone[i].tobytes() != logits[i].tobytes() + batch_state[i].tobytes():
                differing.add(i)
    name = f"rows of a batch of {CROWD} that differ from the same rows alone, {CROWD_STEPS} steps"
    return Check(name, len(differing), 0, "d")


def _cut_rows(text: TokenIds, rows: int, steps: int) -> TokenIds:
    """Return pieces of a text from evenly spaced starts, wrapping at its end: [steps, rows]."""
    starts = np.arange(rows) * len(text) // rows
    return text[(starts + np.arange(steps)[:, None]) % len(text)]
