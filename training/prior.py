"""A prior of counts: what tables of contexts expect next, for the network to trust or not.

A smoothed table of counts predicts nearly as well as an LSTM on texts of some megabytes, and errs
elsewhere. So the network reads what the table expects, and adds its logarithm to the logits, as
much of it as it trusts: compressors of the PAQ kind mix models so (Mahoney 2005, "Adaptive
weighing of context models for lossless data compression"), and so did RNN language models with
maximum entropy n-grams beside them (Mikolov et al. 2011).

The table must not have seen what it is trusted on, or the network learns to trust it too much:
while training, each part of the text is predicted by the counts of all other parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .contexts import choose, joined
from .corrections import CODES, STEP, UNKNOWN, expect
from .tables import HeldOut, Tables, empty_tables, laid_out

SEEN = 4
"""How often the texts must have a context that is kept."""

PARTS = 8
"""Parts of the text, at most, each predicted by the counts of the others."""

LARGEST = 1 / 3
"""Share of the text that one work may have where works are left out whole."""

LARGEST_VOCABULARY = 254
"""Characters that a byte tells apart, beside none and a digit of 0."""

NAMES = [field.name for field in fields(Tables)]


@dataclass(frozen=True)
class PriorShape:
    """The sizes of a prior."""

    contexts: int = 2_000_000
    """How many contexts are kept, at most; 0 for no prior."""
    longest: int = 12
    """Characters of the longest context."""
    rows: int = 25_000
    """How many of the contexts have a whole distribution, at most."""
    dense: int = 3
    """Characters of the longest context that has a whole distribution."""
    listed: int = 3
    """Characters that each longer context names."""

    @property
    def history(self) -> int:
        """How many characters it must keep in mind, before the one that is read."""
        return self.longest - 1 if self.contexts else 0


NO_PRIOR = PriorShape(contexts=0)


def digits(tokens: Tensor) -> Tensor:
    """Return token ids as digits of a key, from 1 on: 0 stands for no character."""
    return tokens + 1


class NgramPrior(nn.Module):
    """What is expected after the contexts that tell most, by absolute discounting.

    It is learned by counting, not by gradients.
    """

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
        self.set_tables(empty_tables(characters, shape.listed))
        for name in ("held_out", "held_out_rows"):
            self.register_buffer(name, torch.empty(0, dtype=torch.uint8), persistent=False)

    def set_tables(self, tables: Tables) -> None:
        """Expect what these tables say."""
        for name, array in vars(tables).items():
            # PyTorch does little with 16 bits that have no sign.
            kind = np.int32 if array.dtype == np.uint16 else array.dtype
            self.register_buffer(name, torch.from_numpy(array.astype(kind)))

    def tables(self) -> Tables:
        """Return what the prior knows."""
        found = {name: getattr(self, name).cpu().numpy() for name in NAMES}
        return Tables(**{**found, "shifts": found["shifts"].astype(np.uint16)})

    def learn(self, texts: Sequence[Tensor]) -> Tensor:
        """Count the texts (token ids); return which part each character of them is in, int8.

        That is what `forward` must be told for characters of these texts.
        """
        parts = parts_of(texts)
        shape = self.shape
        text = joined([one.numpy() for one in texts], shape.longest)
        # What lies between texts is in no part that matters.
        beside = joined([one.numpy() for one in parts], shape.longest).clip(1) - np.uint8(1)
        levels = choose(
            text,
            beside % 2 > 0,
            self.characters,
            longest=shape.longest,
            dense=shape.dense,
            rows=shape.rows,
            contexts=shape.contexts,
            listed=shape.listed,
            seen=SEEN,
        )
        made = expect(
            text,
            beside,
            2 + int(beside.max()),
            self.characters,
            levels,
            dense=shape.dense,
            listed=shape.listed,
        )
        tables, held_out = laid_out(levels, made)
        self.set_tables(tables)
        self.set_held_out(held_out)
        return torch.cat(parts)

    def set_held_out(self, held_out: HeldOut) -> None:
        """Expect, of parts of the text, what these say."""
        device = self.rows.device
        self.held_out = torch.from_numpy(held_out.codes).to(device)
        self.held_out_rows = torch.from_numpy(held_out.rows).to(device)

    def forward(
        self, tokens: Tensor, history: Tensor, parts: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the logarithm of what is expected after each character, and how long a context.

        Args:
            tokens: int64 [time, batch].
            history: float [batch, longest - 1], the digits of the characters before, oldest
                first, 0 for none.
            parts: integers [time, batch], for characters that were learned the part whose counts
                are left out, and below 0 for others.

        Returns:
            float32 [time, batch, characters], and int64 [time, batch].
        """
        slots, known = self._looked_up(tokens, history)
        codes = self.codes[slots]
        if parts is not None:
            part = parts.long().clamp(min=0)[..., None]
            without = torch.where(parts[..., None] < 0, codes, self.held_out[part, slots])
            known = known & ((without == codes) | (without != UNKNOWN))
            codes = without
        row = torch.where(known, slots, 0)[..., : self._with_rows()].amax(dim=-1)
        logits = self.rows[row]
        if parts is not None:
            left_out = self.held_out_rows[part[..., 0], row]
            logits = torch.where(parts[..., None] < 0, logits, left_out)
        begins = torch.arange(len(self.lengths), device=codes.device) * CODES
        entries = torch.where(known, codes.long() + begins, 0)
        logits = (logits.float() * -STEP).scatter_add(
            -1, self.symbols[slots].long().flatten(-2), self.books[entries].flatten(-2)
        )
        expected = functional.log_softmax(logits[..., : self.characters], dim=-1)
        return expected, self._longest(known)

    def lengths_after(self, tokens: Tensor, history: Tensor) -> Tensor:
        """Return how long a context is known after each character, as `forward` says it."""
        return self._longest(self._looked_up(tokens, history)[1])

    def _looked_up(self, tokens: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Return the slots of contexts of all lengths, and which are known: [time, batch, N]."""
        read = torch.cat([history.T.long(), digits(tokens)])
        time, begin = len(tokens), history.shape[1]
        back = [read[begin - n : begin - n + time] for n in range(len(self.factors))]
        # The keys of all lengths from 1 on.
        keys = (torch.stack(back, dim=-1) * self.factors).cumsum(dim=-1)[..., self.lengths - 1]
        shifts = self.shifts[keys % self.buckets + self.first_buckets]
        slots = (keys + shifts) % self.slots + self.first_slots
        found = self.owners[slots] == (keys & 255)
        return slots, found.float() @ self._prefixes() == self.lengths

    def _prefixes(self) -> Tensor:
        """Return which columns must know a context that another one is to know: [N, N]."""
        begun = (self.lengths == 1).cumsum(0)
        shorter = self.lengths[:, None] <= self.lengths
        return (shorter & (begun[:, None] == begun)).float()

    def _longest(self, known: Tensor) -> Tensor:
        return torch.where(known, self.lengths, 0).amax(dim=-1)

    def _with_rows(self) -> int:
        return int((self.first_slots < len(self.rows)).sum())

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        *args: Any,  # noqa: ANN401 - as PyTorch has it
    ) -> None:
        """Take tables of any sizes: what was counted decides how large they are."""
        for name in NAMES:
            if prefix + name in state_dict:
                setattr(
                    self, name, torch.empty_like(state_dict[prefix + name], device=self.rows.device)
                )
        super()._load_from_state_dict(state_dict, prefix, *args)


def fitted(texts: Sequence[Tensor], characters: int, shape: PriorShape) -> PriorShape:
    """Return the shape, or that of no prior where texts or vocabulary allow none."""
    times = sum(torch.bincount(text, minlength=characters) for text in texts)
    enough = isinstance(times, Tensor) and int(times.max()) > SEEN
    return shape if enough and characters <= LARGEST_VOCABULARY and shape.contexts else NO_PRIOR


def parts_of(texts: Sequence[Tensor]) -> list[Tensor]:
    """Return which part each character of the texts is in: an int8 tensor a text.

    Works are left out whole, unless one is too large for that: then each is cut up. A work that
    is left out whole is as new to the others as any that will be read.
    """
    lengths = list(map(len, texts))
    if max(lengths) <= LARGEST * sum(lengths):
        return [
            torch.full((length,), i % PARTS, dtype=torch.int8) for i, length in enumerate(lengths)
        ]
    return [(torch.arange(length) * PARTS // max(1, length)).to(torch.int8) for length in lengths]
