"""Pack texts as token ids, as a voice reads them, into one array with one or two bytes per token.

75 MB of text take 75 MB in memory, and some 30 MB in a run folder, from which a run is resumed
without the original files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .texts import Text, frame_text
from .vocabulary import Vocabulary

Ids = NDArray[np.unsignedinteger]
"""Token ids in as few bytes as the vocabulary needs."""


@dataclass(frozen=True)
class Tokens:
    """Texts of one vocabulary; iterate for the ids of each text, int64 [characters]."""

    ids: Ids
    """The ids of all texts, one after the other: [characters]."""
    starts: NDArray[np.int64]
    """The index of each text's first token in `ids`, and the end of the last text: [texts + 1]."""
    names: tuple[str, ...]
    """The name of each text."""
    folders: tuple[str, ...]
    """The folder of each text, see `Text.folder`."""

    @classmethod
    def of(cls, texts: Sequence[Text], vocabulary: Vocabulary) -> Tokens:
        """Encode texts, one at a time, so that memory holds little more than the result."""
        kind = np.min_scalar_type(max(1, len(vocabulary) - 1))
        ids = [vocabulary.encode(frame_text(text.content)).astype(kind) for text in texts]
        all_ids = np.concatenate([np.empty(0, dtype=kind), *ids])
        starts = np.cumsum([0, *map(len, ids)])
        names, folders = ([text.name for text in texts], [text.folder for text in texts])
        return cls(all_ids, starts, tuple(names), tuple(folders))

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Tensor]:
        """Yield the ids of each text, widened to int64."""
        return (torch.from_numpy(self.packed(i).astype(np.int64)) for i in range(len(self)))

    def packed(self, text: int) -> Ids:
        """Return the ids of a text as they are stored, without a copy."""
        return self.ids[self.starts[text] : self.starts[text + 1]]

    @property
    def lengths(self) -> list[int]:
        """Return the number of characters of each text."""
        return np.diff(self.starts).tolist()

    @property
    def works(self) -> list[str]:
        """Return the work of each text: its name, without the number of one of several volumes."""
        return [re.sub(r"-\d+$", "", name) for name in self.names]

    @cached_property
    def fingerprint(self) -> str:
        """Hash the texts in their order, with their boundaries: SHA-256, in hexadecimal."""
        return _hash(self.ids, self.starts)

    def fingerprints(self) -> list[str]:
        """Hash each text by itself, so that a text can be found among others."""
        return [_hash(self.packed(text)) for text in range(len(self))]

    def save(self, path: Path) -> None:
        """Write the texts to one compressed file atomically."""
        labels = np.array(json.dumps([self.names, self.folders]))
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez_compressed(file, ids=self.ids, starts=self.starts, told=labels)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Tokens:
        """Read what `save` wrote; raises errors of numpy and of zip files for any other file."""
        # Opened here, because numpy does not close a damaged file.
        with path.open("rb") as file, np.load(file) as arrays:
            names, folders = json.loads(str(arrays["told"]))
            return cls(arrays["ids"], arrays["starts"], tuple(names), tuple(folders))


def _hash(*arrays: NDArray[np.generic]) -> str:
    """Hash arrays of integers, whatever their integer types."""
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(f"{array.dtype.itemsize} {array.shape} ".encode())
        whole.update(np.ascontiguousarray(array).data)
    return whole.hexdigest()
