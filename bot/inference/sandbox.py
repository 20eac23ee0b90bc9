"""Examine a model file in a child process, which may crash or hang.

    python -m bot.inference.sandbox < FILE    print the error in a file as JSON, or null

Loading a network runs parts of the network. So that a bad file cannot crash the bot, a child checks
the file against the contract, opens it and takes a few steps, within limits of time and memory. The
shipped models need no child: the file ``SHA256SUMS`` beside them lists them.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ExaminationFailed, ModelError
from ..i18n.catalogue import phrase
from .model import DAMAGED_MODEL, Model

EXAMINATION_TIMEOUT = 30
"""Seconds after which an examination is given up. A sound file takes less than one second."""

MEMORY_LIMIT = 4 * 2**30
"""Bytes that the child may use, for the largest file and the runtime's own structures."""

STEPS, ROWS = 5, 3
"""The steps that the child takes with a model, and the rows of each."""

SHIPPED_FILES = Path(__file__).parents[1] / "models" / "SHA256SUMS"
"""The SHA-256 and the names of the shipped models, as ``sha256sum`` writes them."""

PASSED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP")
"""The environment variables that the child gets, which leave out all tokens."""

EXAMINATION_FAILED = phrase(
    "{file} was rejected: its check crashed, hung or ran out of memory. Export it again with "
    "`onbook-export`."
)

OUT_OF_MEMORY = phrase(
    "{file} was not loaded, because memory ran out. Try again in a few minutes, or export a "
    "smaller voice."
)

OUT_OF_MEMORY_SIGNS = ("bad_alloc", "bad allocation", "Failed to allocate memory")
"""The runtime's messages when it lacks memory, unless it raises MemoryError."""


class ModelSandbox:
    """Examine model files in child processes."""

    def __init__(self) -> None:
        self._children: set[subprocess.Popen[bytes]] = set()

    async def examine(self, content: bytes, sha256: str, file: str) -> None:
        """Examine the content of a file with this SHA-256, unless it is known to be sound.

        Raises ModelError for a file that must not be used, and ExaminationFailed if another
        examination may succeed.
        """
        sound = load_sound_files()
        if sha256 in sound:
            return
        # In a thread, because not every host's event loop supports child processes.
        if error := await asyncio.to_thread(self._run_child, content, file):
            kind = ModelError if error["is_final"] else ExaminationFailed
            raise kind(error["sentence"], **error["fields"] | {"file": file})
        sound.add(sha256)

    def close(self) -> None:
        """Kill the children."""
        for child in tuple(self._children):
            child.kill()

    def _run_child(self, content: bytes, file: str) -> dict[str, Any] | None:
        """Return what the child found, like `find_error`; raise ExaminationFailed if it failed."""
        environment = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
        # The child must find the same modules, wherever the host keeps the extension.
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        try:
            child = subprocess.Popen(  # noqa: S603 - this very module
                [sys.executable, "-P", "-m", f"{__package__}.sandbox"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._children.add(child)
            with child:
                try:
                    output, _ = child.communicate(content, EXAMINATION_TIMEOUT)
                finally:
                    child.kill()
                    self._children.discard(child)
            error: dict[str, Any] | None = json.loads(output.splitlines()[-1])
        except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as failure:
            raise ExaminationFailed(EXAMINATION_FAILED, file=file) from failure
        return error


@cache
def load_sound_files() -> set[str]:
    """Return the SHA-256 of the shipped files, and of those that this process has found sound."""
    with suppress(FileNotFoundError):
        return {line.split()[0] for line in SHIPPED_FILES.read_text("ascii").splitlines()}
    return set()


def classify_error(error: ModelError | MemoryError, file: str) -> ModelError:
    """Return the error to report for a file that could not be opened.

    The error is ExaminationFailed if memory ran out, which the runtime may report as if the file
    were damaged.
    """
    cause = error if isinstance(error, MemoryError) else error.__cause__
    if isinstance(cause, MemoryError) or any(sign in str(cause) for sign in OUT_OF_MEMORY_SIGNS):
        return ExaminationFailed(OUT_OF_MEMORY, file=file)
    assert isinstance(error, ModelError)  # or it would be a shortage
    return error


# The child -------------------------------------------------------------------------------------


def find_error(content: bytes) -> dict[str, Any] | None:
    """Return the error in the content of a file as JSON values, or None for a sound file."""
    try:
        _try_steps(Model.of(content, "", threads=1))
    except (ModelError, MemoryError) as error:
        found = classify_error(error, "")
        is_final = not isinstance(found, ExaminationFailed)
        return {"sentence": found.sentence, "fields": found.fields, "is_final": is_final}
    return None


def _try_steps(model: Model) -> None:
    """Take some steps with a model; raise ModelError if they fail or give no finite numbers."""
    tokens = np.arange(ROWS, dtype=np.int64) % len(model.vocabulary)
    states = np.stack([model.start()] * ROWS)
    try:
        for _ in range(STEPS):
            logits, states = model.step(tokens, states)
    except Exception as error:
        raise ModelError(DAMAGED_MODEL, file=model.name) from error
    shapes = (logits.shape, states.shape)
    expected = ((ROWS, len(model.vocabulary)), (ROWS, model.state_size))
    if shapes != expected or not (np.isfinite(logits).all() and np.isfinite(states).all()):
        raise ModelError(DAMAGED_MODEL, file=model.name)


def _limit_resources() -> None:
    """Limit the time and the memory of this process, as far as the system supports that."""
    with suppress(ImportError, ValueError, OSError):  # Windows has none of this
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        # For a child whose parent died before it could kill the child.
        resource.setrlimit(resource.RLIMIT_CPU, (EXAMINATION_TIMEOUT, EXAMINATION_TIMEOUT))


if __name__ == "__main__":
    _limit_resources()
    print(json.dumps(find_error(sys.stdin.buffer.read())))
