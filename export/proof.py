"""The proof that a voice file says what its checkpoint said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import starmap

import numpy as np
import torch
from numpy.typing import NDArray

from training.evaluate import Cost, as_read, carried
from training.model import CharLSTM
from training.texts import Text
from training.vocabulary import Vocabulary

from .graph import Bits
from .runtime import Runtime, Tokens

STEPS = 500
"""Steps over which the graph and the checkpoint are compared number by number."""

ROWS = (1, 2, 3, 4)
"""Sizes of the batches in which they are."""

CROWD = 64
"""Rows of the batch in which each row is compared with itself alone."""

CROWD_STEPS = 50

LARGEST_DIFFERENCE: dict[Bits, float | None] = {32: 1e-4, 8: None}
"""Of a logit, or of a number of the state; in 8 bits the bits per character decide alone."""

LARGEST_LOSS: dict[Bits, float] = {32: 0.001, 8: 0.005}
"""How far bits per character may be from the checkpoint's, as a share of them."""


@dataclass(frozen=True)
class Check:
    """One thing that was measured."""

    name: str
    measured: float
    allowed: float | None
    """The largest value that passes; None where the value is only told."""
    notation: str
    """How to print both, as a format specification."""

    @property
    def passed(self) -> bool:
        """Whether the value is allowed; what is not a number is not."""
        return self.allowed is None or self.measured <= self.allowed

    def cells(self) -> tuple[str, str, str, str]:
        """Name, measured, allowed, ok, in words."""
        if self.allowed is None:
            return self.name, format(self.measured, self.notation), "any", "-"
        measured, allowed = (format(x, self.notation) for x in (self.measured, self.allowed))
        return self.name, measured, allowed, "yes" if self.passed else "NO"


@dataclass(frozen=True)
class Judged:
    """What one held-out text cost the checkpoint and the exported graph."""

    name: str
    pytorch: Cost
    exported: Cost


@dataclass(frozen=True)
class Proof:
    """All that was checked, and what the texts cost."""

    checks: tuple[Check, ...]
    texts: tuple[Judged, ...]

    @property
    def failed(self) -> int:
        """How many checks did not pass."""
        return sum(not check.passed for check in self.checks)

    def table(self) -> str:
        """The checks as lines of aligned columns."""
        rows = [("check", "measured", "allowed", "ok"), *(check.cells() for check in self.checks)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            f"{name:{widths[0]}}  {measured:>{widths[1]}}  {allowed:>{widths[2]}}  {ok}"
            for name, measured, allowed, ok in rows
        )


def prove(
    graph: Runtime, model: CharLSTM, vocabulary: Vocabulary, texts: Sequence[Text], bits: Bits
) -> Proof:
    """Compares a graph with the checkpoint that it was made of, on texts that have characters."""
    read = [tokens(vocabulary, text) for text in texts]
    with _one_thread():
        costs = [carried(model, vocabulary, text.content) for text in texts]
        numbers = _same_numbers(graph, model, np.concatenate(read), LARGEST_DIFFERENCE[bits])
    names = [text.name for text in texts]
    judged = tuple(starmap(Judged, zip(names, costs, graph.carried(read), strict=True)))
    return Proof(
        (
            *numbers,
            _same_alone(graph, np.concatenate(read)),
            _same_targets(judged),
            *(loss(j.name, j.pytorch, j.exported, LARGEST_LOSS[bits]) for j in judged),
        ),
        judged,
    )


def tokens(vocabulary: Vocabulary, text: Text) -> Tokens:
    """A text as `training.evaluate.carried` reads it: int64 [characters]."""
    return np.array(vocabulary.encode(as_read(text.content)), np.int64)


def loss(name: str, before: Cost, after: Cost, allowed: float) -> Check:
    """How far bits per character moved, up or down, as a share of what they were."""
    old, new = before.per_character, after.per_character
    return Check(
        f"{name}: {old:.4f} -> {new:.4f} bits, {after.characters:,} characters",
        abs(new / old - 1),
        allowed,
        ".4%",
    )


def _same_numbers(
    graph: Runtime, model: CharLSTM, text: Tokens, allowed: float | None
) -> list[Check]:
    """The largest differences of logits and of states between PyTorch and onnxruntime."""
    both = np.array([_differences(graph, model, _rows(text, rows, STEPS)) for rows in ROWS])
    where = f"{ROWS[0]} to {ROWS[-1]} rows, {STEPS} steps"
    return [
        Check(f"{name}, PyTorch and onnxruntime, {where}", float(largest), allowed, ".1e")
        for name, largest in zip(("logits", "states"), both.max(axis=0), strict=True)
    ]


@torch.no_grad()
def _differences(graph: Runtime, model: CharLSTM, tokens: Tokens) -> NDArray[np.float64]:
    """[2]: of logits and of states, over the steps of tokens [steps, rows]; each goes its way.

    A number of a state that is larger than 1 is compared as a share of it: cells count up to
    hundreds, and float32 knows a share alone.
    """
    rows = tokens.shape[1]
    theirs, ours = model.start(rows), graph.start(rows)
    largest = np.zeros(2)
    for step in tokens:
        expected, theirs = model(torch.from_numpy(step)[None], theirs)
        logits, ours = graph.step(step, ours)
        off = abs(ours - theirs.numpy()) / np.maximum(1, abs(theirs.numpy()))
        largest_now = [abs(logits - expected[0].numpy()).max(), off.max()]
        largest = np.maximum(largest, largest_now)
    return largest


def _same_alone(graph: Runtime, text: Tokens) -> Check:
    """How many rows of a full batch are not, bit for bit, what they are alone."""
    tokens = _rows(text, CROWD, CROWD_STEPS)
    together = graph.start(CROWD)
    alone = [graph.start(1)] * CROWD
    differing = set[int]()
    for step in tokens:
        logits, together = graph.step(step, together)
        for i in range(CROWD):
            own, alone[i] = graph.step(step[i : i + 1], alone[i])
            if own.tobytes() + alone[i].tobytes() != logits[i].tobytes() + together[i].tobytes():
                differing.add(i)
    name = f"rows with other bits alone than beside {CROWD - 1}, {CROWD_STEPS} steps"
    return Check(name, len(differing), 0, "d")


def _same_targets(judged: Sequence[Judged]) -> Check:
    """Bits of other characters would be no comparison."""
    missed = sum(abs(j.pytorch.characters - j.exported.characters) for j in judged)
    return Check("characters that one counted and the other did not", missed, 0, "d")


def _rows(text: Tokens, rows: int, steps: int) -> Tokens:
    """[steps, rows]: pieces of the text from places evenly apart; a short text goes round."""
    starts = np.arange(rows) * len(text) // rows
    return text[(starts + np.arange(steps)[:, None]) % len(text)]


@contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch on one thread: a row's products are so small that sharing them takes longer."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
