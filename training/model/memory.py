"""Look up what followed the last few characters where they stood in the text before.

An LSTM remembers what a scene is about, but not the spelling of a name or a rare word that was just
said. One attention head beside the layers does (Merity 2019, "Single Headed Attention RNN"): it
finds earlier places like the present one, and reads the characters that followed there. An
induction head does the same (Olsson et al. 2022, "In-context Learning and Induction Heads"), but a
network of characters need not learn its first half: places are alike if their last `WIDTH`
characters are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from tyro.conf import Suppress

from ..ranges import NonNegativeInt

WIDTH = 4
"""Characters by which places are compared."""

MATCH = 1.5
"""The initial score of a character that is the same in both places; all `WIDTH` of them outweigh
about four hundred places that differ."""

EXACT = 24
"""Bits of an integer that float32 stores exactly."""

NONE = 0
"""The symbol of no character, before the text begins."""


@dataclass(frozen=True)
class MemoryShape:
    """The sizes of a memory head."""

    characters: NonNegativeInt = 510
    """How many characters the memory head looks back; 0 for no memory head."""
    keys: Suppress[int] = 16
    """Numbers that each of the `WIDTH` characters adds to a key."""
    values: Suppress[int] = 64
    """Numbers that a found character is read as."""


NO_MEMORY = MemoryShape(0, 0, 0)


@dataclass(frozen=True)
class Packing:
    """The last characters of a text as numbers of a state, several to a number.

    A character is its token id + 1, and 0 is `NONE`, so that a state of zeros has read nothing.
    """

    vocabulary: int
    characters: int
    """Characters that a memory head looks back; each needs those that its key is made of."""

    @property
    def bits(self) -> int:
        """Return the bits of a character."""
        return self.vocabulary.bit_length()

    @property
    def per_number(self) -> int:
        """Return the number of characters in a number."""
        return min(3, EXACT // self.bits)

    @property
    def base(self) -> int:
        """Return the factor between the characters of a number, a power of two."""
        return 2 ** (EXACT // self.per_number)

    @property
    def numbers(self) -> int:
        """Return how many numbers of a state hold the characters."""
        characters = self.characters + WIDTH - 1 if self.characters else 0
        return math.ceil(characters / self.per_number)

    @property
    def length(self) -> int:
        """Return the number of characters that the numbers hold."""
        return self.numbers * self.per_number

    def pack(self, symbols: Tensor) -> Tensor:
        """Pack the last characters, int64 [batch, at least length]: float32 [batch, numbers].

        A number's lowest digit is one of the earliest characters.
        """
        parts = symbols[:, -self.length :].unflatten(1, (self.per_number, self.numbers))
        powers = self.base ** torch.arange(self.per_number, device=symbols.device)
        return (parts * powers[:, None]).sum(dim=1).float()

    def unpack(self, packed: Tensor) -> Tensor:
        """Return the characters that `pack` packed: int64 [batch, length]."""
        left, parts = packed.long(), []
        for _ in range(self.per_number):
            parts.append(left % self.base)
            left = left // self.base
        return torch.cat(parts, dim=1)


class MemoryHead(nn.Module):
    """Attend to the last M characters; the key of each is made of the `WIDTH` characters up to it.

    The score of an earlier place is the sum, over the last `WIDTH` characters, of how well the
    present character and the earlier one match, and of how much the layer below asks for the
    earlier one. The value of a place is the character that followed it. One more place, whose
    characters are `nowhere`, lets the head look away.
    """

    def __init__(self, vocabulary: int, below: int, shape: MemoryShape) -> None:
        super().__init__()
        self.shape = shape
        self.packing = Packing(vocabulary, shape.characters)
        # The symbols are none, the characters, and nowhere.
        self.symbols = symbols = vocabulary + 2
        self.nowhere = symbols - 1
        keys = functional.normalize(torch.randn(WIDTH, symbols, shape.keys), dim=-1)
        self.keys = nn.Parameter(keys)
        self.queries = nn.Parameter(keys * MATCH)
        self.ask = nn.Linear(below, WIDTH * shape.keys)
        self.values = nn.Embedding(symbols, shape.values)

    def forward(self, tokens: Tensor, below: Tensor, packed: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the head reads, [time, batch, values], and the packed memory after it.

        tokens: int64 [time, batch]; below: float [time, batch, units], the outputs of the layer
        below; packed: float32 [batch, `Packing.numbers`], the memory before.
        """
        read = torch.cat([self.packing.unpack(packed), tokens.T + 1], dim=1)
        nowhere = read.new_full((len(read), WIDTH), self.nowhere)
        ends = read[:, -len(tokens) - WIDTH + 1 :]
        queries = self._look_up(self.queries, ends) + self.ask(below).transpose(0, 1)
        # Of the places at the end, only the last one is wholly nowhere; the others are masked.
        keys = self._look_up(self.keys, torch.cat([read[:, :-1], nowhere], dim=1))
        values = self.values(torch.cat([read[:, WIDTH:], nowhere], dim=1))
        # As products, because PyTorch's attention is in float32 if values are shorter than keys.
        scores = queries.to(below) @ keys.to(below).transpose(1, 2)
        scores = scores.masked_fill(~self._mask(read, len(tokens)), -math.inf)
        recall = scores.softmax(dim=-1) @ values.to(below)
        return recall.transpose(0, 1), self.packing.pack(read)

    def _look_up(self, tables: Tensor, symbols: Tensor) -> Tensor:
        """Return the vectors of symbols' places: [batch, characters - WIDTH + 1, WIDTH x keys]."""
        count = symbols.shape[1] - WIDTH + 1
        # The first table is of the last character of a place.
        begins = reversed(range(WIDTH))
        pairs = zip(begins, tables, strict=True)
        parts = [functional.embedding(symbols[:, i : i + count], table) for i, table in pairs]
        return torch.cat(parts, dim=2)

    def _mask(self, read: Tensor, time: int) -> Tensor:
        """Return which places each step may look at: bool [batch, time, places].

        These are the last M places before the step that hold a character, and nowhere.
        """
        seen = read[:, None, WIDTH - 1 : -1] != NONE
        place = torch.arange(seen.shape[2], device=read.device)
        step = torch.arange(len(place) - time, len(place), device=read.device)[:, None]
        back = step - place
        near = (back >= 0) & (back < self.shape.characters)
        seen = functional.pad(seen & near, (0, WIDTH - 1), value=False)
        return functional.pad(seen, (0, 1), value=True)
