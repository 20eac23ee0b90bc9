"""Cut texts into the windows of truncated back-propagation through time."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Reading = Callable[[int, int], NDArray[np.integer]]
"""Gives the token ids of a text at its n-th reading, both from 0; every reading is equally long."""

ALL = slice(None)


class Windows:
    r"""The training text as windows for truncated back-propagation through time.

    Each epoch shuffles the texts, each as many ``times`` over as it is read, joins them, and cuts
    the whole into ``batch`` streams, which are read side by side, ``window`` characters at a time:

        stream 0   | Enter GHOST\n\nHAM | LET\nAlas, poor g | ...
        stream 1   | ome, the croaki | ng raven doth be | ...
                     window 0           window 1

    The state at the end of one window is the start of the next; an epoch begins with none.

    Nothing is joined in memory: a window is gathered from the readings of the texts that its
    streams have reached, so 75 MB cost no more than 5 MB. A step depends on its number alone.

    However often an epoch reads a text, its `places` are the same each time. So a prior counts the
    text once, and leaves all of it out of the counts whenever it is read.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        reading: Reading,
        batch: int,
        window: int,
        seed: int,
        times: Sequence[int] | None = None,
    ) -> None:
        """Set up windows over texts of these ``lengths``, each read once per epoch by default."""
        self.reading = reading
        self.times = times or [1] * len(lengths)
        self.batch = batch
        self.window = window
        self.seed = seed
        self.length = (sum(n * t for n, t in zip(lengths, self.times, strict=True)) - 1) // batch
        self.per_epoch = self.length // window
        self._lengths = np.asarray(lengths, dtype=np.int64)
        self._given = np.cumsum([0, *lengths])
        self._epoch = -1
        self._order: list[tuple[int, int]] = []
        self._starts: list[int] = []
        self._readings: dict[tuple[int, int], NDArray[np.integer]] = {}
        # Batches are prepared by another thread.
        self._lock = threading.Lock()

    @classmethod
    def of_texts(cls, texts: Sequence[Tensor], batch: int, window: int, seed: int) -> Windows:
        """Return windows of texts (token ids) that are the same at each reading."""
        ids = [text.numpy() for text in texts]
        return cls([len(text) for text in ids], lambda text, _time: ids[text], batch, window, seed)

    def at(self, step: int, own: slice = ALL) -> tuple[Tensor, Tensor, bool]:
        """Return the inputs and targets of a step, and whether an epoch begins with the step.

        ``own``: the streams wanted, by default all. Inputs and targets are int64 [window, streams].
        """
        with self._lock:
            epoch, number = self._enter(step)
            streams = range(self.batch)[own]
            read = np.empty((self.window + 1, len(streams)), dtype=np.int64)
            reached: dict[tuple[int, int], NDArray[np.integer]] = {}
            for column, stream in enumerate(streams):
                for text, n, within, start, stop in self._spans(number, stream, self.window + 1):
                    ids = reached.get((text, n))
                    if ids is None:
                        time = epoch * self.times[text] + n
                        ids = self._readings.get((text, n), None)
                        ids = self.reading(text, time) if ids is None else ids
                        reached[text, n] = ids
                    read[start:stop, column] = ids[within : within + stop - start]
            self._readings = reached
        whole = torch.from_numpy(read)
        return whole[:-1], whole[1:], number == 0

    def places(self, step: int, own: slice = ALL) -> NDArray[np.int64]:
        """Return the places of a step's inputs in the joined texts: int64 [window, streams]."""
        with self._lock:
            _, number = self._enter(step)
            streams = range(self.batch)[own]
            places = np.empty((self.window, len(streams)), dtype=np.int64)
            for column, stream in enumerate(streams):
                for text, _, within, start, stop in self._spans(number, stream, self.window):
                    first = self._given[text] + within
                    places[start:stop, column] = np.arange(first, first + stop - start)
        return places

    def _enter(self, step: int) -> tuple[int, int]:
        """Order the texts for a step's epoch; return the epoch and the step's number in it."""
        epoch, number = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(self.seed * 100_003 + epoch)
            read = [(text, n) for text, times in enumerate(self.times) for n in range(times)]
            order = torch.randperm(len(read), generator=generator).tolist()
            self._order = [read[i] for i in order]
            lengths = self._lengths[[text for text, _ in self._order]]
            self._starts = [0, *np.cumsum(lengths).tolist()]
            self._readings = {}
            self._epoch = epoch
        return epoch, number

    def _spans(
        self, number: int, stream: int, length: int
    ) -> Iterator[tuple[int, int, int, int, int]]:
        """Yield the pieces of texts that a stream reads in its ``number``-th window.

        Each piece is (text, its reading in the epoch, place in the text, start in the window, end
        in the window).
        """
        start = stream * self.length + number * self.window
        done = 0
        at = bisect_right(self._starts, start) - 1
        while done < length:
            text, n = self._order[at]
            take = min(length - done, self._starts[at + 1] - start)
            yield text, n, start - self._starts[at], done, done + take
            start, done, at = start + take, done + take, at + 1
