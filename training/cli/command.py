"""Define what all commands have: they are dataclasses, whose fields tyro fills in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from tyro.conf import Positional, arg

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

Texts = Annotated[Positional[tuple[Path, ...]], arg(help_behavior_hint="")]
Out = Annotated[Path, arg(metavar="RUN")]


class Command:
    """A command with its options."""

    def defaults(self) -> Self | None:
        """Return the command with the defaults of the run or preset that it names, if any."""
        return None

    def __call__(self) -> int:
        """Run the command; return the exit code."""
        raise NotImplementedError
