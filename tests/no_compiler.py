"""Import PyTorch's compiler only where something else than an optimiser asks for it.

The first optimiser of a process imports it, which takes two seconds, and only to tell it nothing.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

NAME = "torch._dynamo"


class LazyCompiler:
    """The two functions that an optimiser calls; anything else imports the compiler."""

    def disable(self, function: Any, *_: object, **__: object) -> Any:
        return function

    def graph_break(self) -> None: ...

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)  # asked of all modules, by `inspect` for one
        sys.modules.pop(NAME, None)
        vars(self).update(vars(importlib.import_module(NAME)))
        return vars(self)[name]


sys.modules.setdefault(NAME, LazyCompiler())  # type: ignore[arg-type]
