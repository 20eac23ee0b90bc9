"""Change the logits of each row of a batch before a token is drawn, one processor a module."""

from __future__ import annotations

from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules

from .base import Processor


def _find_processors() -> tuple[type[Processor], ...]:
    """Return the processors that the modules of this package define, by their stages."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    return tuple(
        sorted(
            (
                one
                for module in modules
                for one in vars(module).values()
                if isinstance(one, type)
                and issubclass(one, Processor)
                and one.__module__ == module.__name__
                and not isabstract(one)
            ),
            key=lambda one: one.stage,
        )
    )


PROCESSORS = _find_processors()
"""All processors, in the order in which they apply."""
