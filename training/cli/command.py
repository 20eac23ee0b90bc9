"""Define what all commands have: they are dataclasses, whose fields tyro fills in."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from shlex import join
from typing import Annotated, Self

from tyro.conf import Positional, arg

PACKAGE = __name__.partition(".")[0]

# In the repository, the packages are named after their folders. This package never imports them.
BOT, EXPORT = ("bot", "export") if PACKAGE == "training" else ("onbook", f"{PACKAGE}.export")

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

MISUSED = 2
"""The exit code for a command that does not exist; tyro uses the same."""

# An option without a default needs no words about its default.
UNSET = arg(help_behavior_hint="")

Texts = Annotated[Positional[tuple[Path, ...]], arg(help_behavior_hint="")]
Out = Annotated[Path, arg(metavar="RUN")]


class Command:
    """A command with its options."""

    def defaults(self) -> Self | None:
        """Return the command with the defaults of the run that it names, if any."""
        return None

    def __call__(self) -> int:
        """Run the command; return the exit code."""
        raise NotImplementedError


def format_command(package: str, *arguments: object) -> str:
    """Return a shell command that runs a package, even where no environment is activated."""
    return join([sys.executable, "-m", package, *map(str, arguments)])


def explain_misspelt(given: Sequence[str], commands: Iterable[str]) -> str:
    """Return a hint at the command that was meant if the first word is misspelt, else ""."""
    word = given[0] if given else ""
    near = get_close_matches(word, commands, n=1)
    if not near or near[0] == word:
        return ""
    return f"There is no command {word}: did you mean {near[0]}?"
