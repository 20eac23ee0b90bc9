"""Give a network arrays that it reads and writes in place.

No step copies an array: states are read from one of two arrays and written to the other.
"""

from __future__ import annotations

import numpy as np
import onnxruntime

from ..arrays import States


class StepBuffers:
    """Hold the inputs and outputs of a network for up to ``capacity`` rows, for one thread."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        capacity: int,
        characters: int,
        state_size: int,
    ) -> None:
        self.tokens = np.zeros(capacity, np.int64)
        """The character that each row reads next: int64 [capacity]."""
        self.logits = np.zeros((capacity, characters), np.float32)
        """The logits of the character after that, as of the last step: float32 [capacity, V]."""
        self._session = session
        self._both = np.zeros((2, capacity, state_size), np.float32)
        self._now = 0
        self._bindings: dict[tuple[int, int], onnxruntime.IOBinding] = {}

    @property
    def states(self) -> States:
        """Return the state of each row: float32 [capacity, S]."""
        now: States = self._both[self._now]
        return now

    def step(self, count: int) -> None:
        """Read one character in each of the first ``count`` rows, as `Model.step` does.

        If the runtime raises an error, no state has changed.
        """
        binding = self._bindings.get((count, self._now)) or self._bind(count)
        self._session.run_with_iobinding(binding)
        self._now = 1 - self._now

    def _bind(self, count: int) -> onnxruntime.IOBinding:
        """Bind the arrays of so many rows to the network's inputs and outputs."""
        before, after = self._both[self._now], self._both[1 - self._now]
        binding = self._session.io_binding()
        for bind, name, array in (
            (binding.bind_input, "tokens", self.tokens),
            (binding.bind_input, "state", before),
            (binding.bind_output, "logits", self.logits),
            (binding.bind_output, "next_state", after),
        ):
            shape = (count, *array.shape[1:])
            bind(name, "cpu", 0, array.dtype.type, shape, array.ctypes.data)
        self._bindings[count, self._now] = binding
        return binding
