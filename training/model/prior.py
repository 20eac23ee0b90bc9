"""Predict with tables of counts, a prior that the network learns to trust or not.

A smoothed table of counts predicts nearly as well as an LSTM on texts of some megabytes, and makes
different errors. So the network reads the table's expectations, and adds their logarithms to the
logits, weighted by a learned trust. Compressors of the PAQ kind mix models in this way (Mahoney
2005, "Adaptive weighing of context models for lossless data compression"), and so did RNN language
models with maximum entropy n-grams beside them (Mikolov et al. 2011, "Strategies for Training Large
Scale Neural Network Language Models").

The table must not have counted the text that it predicts during training, or the network learns to
trust the table too much. So while training, each fold of the text is predicted by the counts of all
other folds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .contexts import PriorShape, choose_contexts, join_folds, join_texts
from .corrections import CODES, STEP, UNKNOWN, compute_expectations
from .tables import HeldOutTables, Tables, lay_out_tables, make_empty_tables

SEEN = 4
"""The fewest occurrences in the texts of a context that is kept."""

FOLDS = 8
"""The most folds of the text, each predicted by the counts of the others."""

LARGEST = 1 / 3
"""The largest share of the text that one work may have for works to be left out whole."""

LARGEST_VOCABULARY = 254
"""The most characters that fit into a byte, beside none and the digit 0."""

NAMES = [field.name for field in fields(Tables)]

NO_PRIOR = PriorShape(contexts=0)


def to_digits(tokens: Tensor) -> Tensor:
    """Return token ids as digits of a key, from 1 on; 0 stands for no character."""
    return tokens + 1


class NgramPrior(nn.Module):
    """The expectations after the most informative contexts, which are counted: no gradients."""

    lengths: Tensor
    factors: Tensor
    buckets: Tensor
    first_buckets: Tensor
    slots: Tensor
    first_slots: Tensor
    shifts: Tensor
    owners: Tensor
    codes: Tensor
    symbols: Tensor
    books: Tensor
    rows: Tensor
    held_out: Tensor
    held_out_rows: Tensor

    def __init__(self, shape: PriorShape, characters: int) -> None:
        super().__init__()
        self.shape = shape
        self.characters = characters
        self.set_tables(make_empty_tables(characters, shape.listed))
        for name in ("held_out", "held_out_rows"):
            self.register_buffer(name, torch.empty(0, dtype=torch.uint8), persistent=False)

    def set_tables(self, tables: Tables, held_out: HeldOutTables | None = None) -> None:
        """Set the tables that give the expectations, and those that leave a fold's counts out."""
        for name, array in vars(tables).items():
            # PyTorch supports few operations on uint16.
            kind = np.int32 if array.dtype == np.uint16 else array.dtype
            self.register_buffer(name, torch.from_numpy(array.astype(kind)))
        if held_out:
            self.held_out = torch.from_numpy(held_out.codes)
            self.held_out_rows = torch.from_numpy(held_out.rows)

    def to_tables(self) -> Tables:
        """Return the prior's tables."""
        found = {name: getattr(self, name).cpu().numpy() for name in NAMES}
        return Tables(**{**found, "shifts": found["shifts"].astype(np.uint16)})

    def learn(self, texts: Iterable[Tensor], works: Sequence[str] | None = None) -> Tensor:
        """Count the texts (token ids, int64); return the fold of each character for `forward`.

        The folds of all texts are joined: int8 [characters]. ``works``: the work of each text, see
        `divide_texts`.
        """
        folds, shape = divide_texts(texts, works), self.shape
        text = join_texts([ids.numpy() for ids in texts], shape.longest)
        text_folds = join_folds(folds, shape.longest)
        levels = choose_contexts(text, text_folds, self.characters, shape, SEEN)
        expectations = compute_expectations(text, text_folds, self.characters, levels, shape)
        self.set_tables(*lay_out_tables(levels, expectations))
        return torch.cat(folds)

    def forward(
        self, tokens: Tensor, history: Tensor, folds: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the log probabilities after each character, and the length of the known context.

        tokens: int64 [time, batch]; history: float [batch, longest - 1], the digits of the
        characters before, oldest first, 0 for none; folds: integers [time, batch], for counted
        characters the fold whose counts are left out, and below 0 for others -> float32 [time,
        batch, characters], and int64 [time, batch].
        """
        slots, known = self._look_up(tokens, history)
        codes = self.codes[slots]
        if folds is not None:
            fold = folds.long().clamp(min=0)[..., None]
            without = torch.where(folds[..., None] < 0, codes, self.held_out[fold, slots])
            known = known & ((without == codes) | (without != UNKNOWN))
            codes = without
        with_rows = int((self.first_slots < len(self.rows)).sum())
        row = torch.where(known, slots, 0)[..., :with_rows].amax(dim=-1)
        logits = self.rows[row]
        if folds is not None:
            left_out = self.held_out_rows[fold[..., 0], row]
            logits = torch.where(folds[..., None] < 0, logits, left_out)
        begins = torch.arange(len(self.lengths), device=codes.device) * CODES
        entries = torch.where(known, codes.long() + begins, 0)
        logits = (logits.float() * -STEP).scatter_add(
            -1, self.symbols[slots].long().flatten(-2), self.books[entries].flatten(-2)
        )
        expected = functional.log_softmax(logits[..., : self.characters], dim=-1)
        return expected, torch.where(known, self.lengths, 0).amax(dim=-1)

    def find_lengths(self, tokens: Tensor, history: Tensor) -> Tensor:
        """Return the length of the known context after each character, as `forward` does."""
        _, known = self._look_up(tokens, history)
        return torch.where(known, self.lengths, 0).amax(dim=-1)

    def _look_up(self, tokens: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Return the slots of contexts of all lengths, and which are known: [time, batch, N]."""
        read = torch.cat([history.T.long(), to_digits(tokens)])
        time, begin = len(tokens), history.shape[1]
        back = [read[begin - n : begin - n + time] for n in range(len(self.factors))]
        # The keys of all lengths from 1 on.
        keys = (torch.stack(back, dim=-1) * self.factors).cumsum(dim=-1)[..., self.lengths - 1]
        shifts = self.shifts[keys % self.buckets + self.first_buckets]
        slots = (keys + shifts) % self.slots + self.first_slots
        found = self.owners[slots] == (keys & 255)
        # The columns that must know a context for each column to know its own.
        begun = (self.lengths == 1).cumsum(0)
        prefixes = (self.lengths[:, None] <= self.lengths) & (begun[:, None] == begun)
        return slots, found.float() @ prefixes.float() == self.lengths

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        *args: Any,  # noqa: ANN401 - as PyTorch has it
    ) -> None:
        """Load tables of any size, because the counts decide the sizes."""
        for name in NAMES:
            if prefix + name in state_dict:
                table = torch.empty_like(state_dict[prefix + name], device=self.rows.device)
                setattr(self, name, table)
        super()._load_from_state_dict(state_dict, prefix, *args)


def choose_shape(texts: Iterable[Tensor], characters: int, shape: PriorShape) -> PriorShape:
    """Return the shape, or the shape of no prior if the texts or the vocabulary allow none."""
    times = sum(torch.bincount(text, minlength=characters) for text in texts)
    enough = isinstance(times, Tensor) and int(times.max()) > SEEN
    return shape if enough and characters <= LARGEST_VOCABULARY and shape.contexts else NO_PRIOR


def divide_texts(texts: Iterable[Tensor], works: Sequence[str] | None = None) -> list[Tensor]:
    """Return the fold of each character of the texts: an int8 tensor for each text.

    Works are left out whole, unless a work is too large: then each text is cut up. A work left out
    whole is as new to the counts as any future text. ``works``: the work of each text; by default,
    each text is one.
    """
    lengths = list(map(len, texts))
    works = works or list(map(str, range(len(lengths))))
    sizes = Counter[str]()
    for work, length in zip(works, lengths, strict=True):
        sizes[work] += length
    if max(sizes.values()) > LARGEST * sum(lengths):
        return [(torch.arange(n) * FOLDS // max(1, n)).to(torch.int8) for n in lengths]
    number = {work: i % FOLDS for i, work in enumerate(sizes)}
    return [
        torch.full((length,), number[work], dtype=torch.int8)
        for work, length in zip(works, lengths, strict=True)
    ]
