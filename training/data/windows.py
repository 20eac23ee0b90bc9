"""Cut texts into the windows of truncated back-propagation through time.

Williams & Peng 1990, "An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent
Network Trajectories".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray


class Windows:
    r"""The training text as windows for truncated back-propagation through time.

    Each epoch shuffles the texts, repeated as many ``times`` as each is read, joins them, and cuts
    the whole into ``batch`` streams, which are read side by side, ``window`` characters at a time:

        stream 0   | Enter GHOST\n\nHAM | LET\nAlas, poor g | ...
        stream 1   | ome, the croaki | ng raven doth be | ...
                     window 0           window 1

    The state at the end of one window is the start of the next; an epoch begins with none. A step
    depends on its number alone.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch: int,
        window: int,
        seed: int,
        times: Sequence[int] | None = None,
    ) -> None:
        """Set up windows over texts of these ``lengths``, each read once per epoch by default."""
        self.times = times or [1] * len(lengths)
        self.batch = batch
        self.window = window
        self.seed = seed
        self.length = (sum(n * t for n, t in zip(lengths, self.times, strict=True)) - 1) // batch
        self.per_epoch = self.length // window
        self._lengths = np.asarray(lengths, dtype=np.int64)
        self._given = np.cumsum([0, *lengths])
        self._epoch = -1
        self._order: list[int] = []
        self._starts: list[int] = []

    def at(self, step: int) -> tuple[NDArray[np.int64], bool]:
        """Return the places that a step reads, and whether an epoch begins with the step.

        The places are indices of the joined texts, in the order in which they were given: int64
        [window + 1, streams]; the last row is for the targets alone.
        """
        number = self._enter(step)
        starts = (stream * self.length + number * self.window for stream in range(self.batch))
        places = np.stack([self._find_places(start) for start in starts], axis=1)
        return places, number == 0

    def _enter(self, step: int) -> int:
        """Order the texts for a step's epoch; return the number of the step in the epoch."""
        epoch, number = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(self.seed * 100_003 + epoch)
            read = np.repeat(np.arange(len(self.times)), self.times)
            self._order = read[torch.randperm(len(read), generator=generator).numpy()].tolist()
            self._starts = [0, *np.cumsum(self._lengths[self._order]).tolist()]
            self._epoch = epoch
        return number

    def _find_places(self, start: int) -> NDArray[np.int64]:
        """Return the places of the window of a stream that begins at a character of the epoch."""
        places, end = [], start + self.window + 1
        at = bisect_right(self._starts, start) - 1
        while start < end:
            stop = min(end, self._starts[at + 1])
            moved = self._given[self._order[at]] - self._starts[at]
            places.append(np.arange(start, stop) + moved)
            start, at = stop, at + 1
        return np.concatenate(places)
