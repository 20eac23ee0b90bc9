"""Change the logits of each row of a batch before a token is drawn, one processor a module."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from .base import Processor

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

PROCESSORS = tuple(
    one for one in Processor.__subclasses__() if one.__module__.startswith(f"{__name__}.")
)
"""The processors that the modules of this package define."""
