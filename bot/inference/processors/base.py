"""Define the interface of the classes that change logits, after vLLM's logits processors.

To add one, write a subclass of `Processor` in a module of this package, name it in `PROCESSORS`,
and write an `OptionSpec` in `generation.options`, whose value is in `Sampling.extra`. Keep the
state of each row in arrays of the row store, which moves their entries, so that a row does not
depend on the rows beside it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from ...arrays import Logits, Tokens
from ..model import Model
from ..row_store import Row, RowStore
from ..sampling import Sampling


class Processor(ABC):
    """Control the logits of all rows of a batch, each with its own settings.

    In each step, `apply` and then `update` are called, unless no row is active.
    """

    truncates: ClassVar[bool] = False
    """Whether unlikely characters are barred. A newline that is barred only in this way may
    still end a line beyond its limit."""

    def __init__(self, model: Model, rows: RowStore) -> None:
        self.model = model
        self.rows = rows
        self.active = rows.per_row(np.bool_)
        """The rows that need this processor at the next step: bool [capacity]."""

    @abstractmethod
    def begin(self, row: Row, sampling: Sampling) -> None:
        """Begin the line of a row, and make the row active if it needs this processor.

        At this point, all entries of the row are as `RowStore.per_row` fills them.
        """

    @abstractmethod
    def apply(self, logits: Logits) -> None:
        """Change the logits of the active rows in place.

        The logits are float32 [rows, V], -inf for barred tokens, and not yet divided by the
        temperature. Rows that are not `active` stand between the others: leave them as they are,
        except rows that read, on which changes have no effect. Leave each row a finite logit.
        """

    def update(self, chosen: Tokens) -> None:  # noqa: B027 - not all processors need it
        """Record the characters that were written [rows], in the column that `apply` was for."""
