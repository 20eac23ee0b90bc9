"""Examine a model file in a process of its own, which may crash or hang.

    python -m bot.inference.sandbox FILE                       print what is wrong with it, as JSON
    python -m bot.inference.sandbox FILE ... --note VERDICTS   write down which files are sound

Loading a network runs parts of the network. So that a bad file crashes no bot, a child checks
the file against the contract, opens it and reads a few characters with it, within limits of time
and memory. The verdict is remembered by the SHA-256 of the file and by the code that judged it. A
child that was killed or lacked memory gives no verdict. The verdicts on the shipped models lie
beside them.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import faulthandler
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import onnxruntime

from ..errors import ModelError, NoVerdict
from ..i18n.catalogue import phrase
from .model import DAMAGED_MODEL, Model, read_model_file

EXAMINATION_TIMEOUT = 30
"""Seconds after which an examination is given up. A sound file takes less than one second."""

MEMORY_LIMIT = 4 * 2**30
"""Bytes that the child may take: the largest file, and the runtime's own structures."""

STEPS, ROWS = 5, 3
"""The steps that the child takes with a model, and the rows of each."""

BOT_FOLDER = Path(__file__).parents[1]
"""The folder of the bot."""

SHIPPED_VERDICTS = BOT_FOLDER / "models" / "examined.json"
"""The shipped verdicts: the names of sound files by their SHA-256."""

PASSED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP")
"""The variables of the environment that the child gets, which leave out all tokens."""

EXAMINATION_FAILED = phrase(
    "{file} was rejected: its check crashed, hung or ran out of memory. Export it again with "
    "`onbook-export`."
)

FILE_CHANGING = phrase("{file} is still being written. Try again when it is complete.")

OUT_OF_MEMORY = phrase(
    "{file} was not loaded, because memory ran out. Try again in a few minutes, or export a "
    "smaller voice."
)

OUT_OF_MEMORY_SIGNS = ("bad_alloc", "bad allocation", "Failed to allocate memory")
"""The runtime's messages when it lacks memory, unless it raises MemoryError."""


class VerdictStore(Protocol):
    """Remember verdicts."""

    async def find_value(self, name: str) -> str | None:
        """Return what was noted under a name."""

    async def save_value(self, name: str, value: str) -> None:
        """Note a value under a name."""


class ModelSandbox:
    """Examine model files in child processes, and remember the verdicts in ``verdicts``."""

    _examined: ClassVar[dict[str, str]] = {}
    """The verdicts of this process, which outlive a reload of the extension."""

    def __init__(
        self, verdicts: VerdictStore | None = None, patience: int = EXAMINATION_TIMEOUT
    ) -> None:
        self.verdicts = verdicts
        self._patience = patience
        self._children: set[subprocess.Popen[str]] = set()

    async def examine(self, path: Path, sha256: str) -> None:
        """Examine a file with this SHA-256, unless a verdict is known.

        Raises ModelError for a file that must not be used, and NoVerdict where there may be a
        verdict another time.
        """
        if sha256 in load_shipped_verdicts():
            return
        verdict = await self._remembered(sha256)
        if verdict is None:
            found = await asyncio.to_thread(self._ask_child, path)
            refusal = found["refusal"]
            if refusal and not refusal["certain"]:
                raise NoVerdict(refusal["sentence"], **refusal["fields"])
            if found["sha256"] != sha256:
                raise NoVerdict(FILE_CHANGING, file=path.name)
            judged = found | {"judge": await asyncio.to_thread(describe_checker)}
            verdict = self._examined[sha256] = json.dumps(judged)
            if self.verdicts is not None:
                await self.verdicts.save_value(_make_key(sha256), verdict)
        if refusal := json.loads(verdict)["refusal"]:
            raise ModelError(refusal["sentence"], **refusal["fields"] | {"file": path.name})

    def close(self) -> None:
        """Kill the children."""
        for child in tuple(self._children):
            child.kill()

    async def _remembered(self, sha256: str) -> str | None:
        """Return the verdict of the present code on a file, or None if there is none."""
        verdict = self._examined.get(sha256)
        if verdict is None and self.verdicts is not None:
            verdict = await self.verdicts.find_value(_make_key(sha256))
        if verdict is None:
            return None
        judge = await asyncio.to_thread(describe_checker)
        return verdict if json.loads(verdict).get("judge") == judge else None

    def _ask_child(self, path: Path) -> dict[str, Any]:
        """Run the child and return its verdict; raise NoVerdict if it gives none.

        This runs in a thread, because not every host's event loop supports child processes.
        """
        module = [f"{__package__}.sandbox", str(path), "--within", str(self._patience)]
        environment = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
        # The child must find the same modules, wherever the host keeps the extension.
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        try:
            child = subprocess.Popen(  # noqa: S603 - this very module, and a file of the operator's
                [sys.executable, "-P", "-m", *module],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError as error:
            raise NoVerdict(EXAMINATION_FAILED, file=path.name) from error
        self._children.add(child)
        with child:
            try:
                # The child ends itself after its patience, unless it hangs too badly.
                said, _ = child.communicate(timeout=2 * self._patience)
            except subprocess.TimeoutExpired as error:
                raise NoVerdict(EXAMINATION_FAILED, file=path.name) from error
            finally:
                child.kill()
                self._children.discard(child)
        return _parse_verdict(said, path)


def _parse_verdict(said: str, path: Path) -> dict[str, Any]:
    """Return the last line of the child's output; raise NoVerdict if it is no verdict."""
    with suppress(ValueError, IndexError):
        found = json.loads(said.splitlines()[-1])
        if isinstance(found, dict):
            return found
    raise NoVerdict(EXAMINATION_FAILED, file=path.name)


def describe_checker(package: Path = BOT_FOLDER) -> str:
    """Return the runtime's release and the hash of the code, on which verdicts depend."""
    return f"onnxruntime {onnxruntime.__version__}, modules {_hash_code(package)[:16]}"


@cache
def _hash_code(package: Path) -> str:
    """Return a hash of the source of this module and of all that it imports from the bot."""
    found = {package / "inference" / "sandbox.py"}
    unread = list(found)
    while unread:
        new = set(_find_imports(unread.pop())) - found
        found |= new
        unread += new
    return compute_sha256(b"".join(module.read_bytes() for module in sorted(found)))


def _find_imports(module: Path) -> Iterator[Path]:
    """Yield the modules that a module imports from the bot, whose own imports are all relative."""
    for node in ast.walk(ast.parse(module.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.level:
            source = module.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            names = [source / alias.name for alias in node.names]
            files = [path.with_suffix(".py") for path in (source, *names)]
            yield from filter(Path.is_file, (source / "__init__.py", *files))


@cache
def load_shipped_verdicts() -> Mapping[str, str]:
    """Return the names of the sound files that are shipped, by their SHA-256."""
    try:
        found: dict[str, str] = json.loads(SHIPPED_VERDICTS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def compute_sha256(content: bytes) -> str:
    """Return the SHA-256 of some content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def classify_error(error: ModelError | MemoryError, file: str) -> ModelError:
    """Return the error to report for a file that could not be opened.

    The error is NoVerdict where memory ran out, which the runtime may report like a damaged file.
    """
    cause = error if isinstance(error, MemoryError) else error.__cause__
    if isinstance(cause, MemoryError) or any(one in str(cause) for one in OUT_OF_MEMORY_SIGNS):
        return NoVerdict(OUT_OF_MEMORY, file=file)
    assert isinstance(error, ModelError)  # or it would be a shortage
    return error


def _make_key(sha256: str) -> str:
    return f"voice {sha256}"


# The child -------------------------------------------------------------------------------------


def examine_file(path: Path) -> dict[str, Any]:
    """Return the verdict on a file as JSON values: its SHA-256, and a refusal or None."""
    sha256, refusal = "", None
    try:
        content = read_model_file(path)
        sha256 = compute_sha256(content)
        _try_steps(Model.of(content, path.stem, threads=1))
    except (ModelError, MemoryError) as error:
        why = classify_error(error, path.name)
        # The refusal of a file that could not be read holds only for now.
        certain = sha256 != "" and not isinstance(why, NoVerdict)
        refusal = {"sentence": why.sentence, "fields": why.fields, "certain": certain}
    return {"sha256": sha256, "refusal": refusal}


def _try_steps(model: Model) -> None:
    """Take some steps with a model; raise ModelError if they fail or give no finite numbers."""
    tokens = np.arange(ROWS, dtype=np.int64) % len(model.vocabulary)
    states = np.stack([model.start()] * ROWS)
    try:
        for _ in range(STEPS):
            logits, states = model.step(tokens, states)
    except Exception as error:
        raise ModelError(DAMAGED_MODEL, file=f"{model.name}.onnx") from error
    shapes = (logits.shape, states.shape)
    expected = ((ROWS, len(model.vocabulary)), (ROWS, model.state_size))
    if shapes != expected or not (np.isfinite(logits).all() and np.isfinite(states).all()):
        raise ModelError(DAMAGED_MODEL, file=f"{model.name}.onnx")


def _limit_resources(seconds: int) -> None:
    """Limit the time and the memory of this process, as far as the system supports that."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    with suppress(ImportError, ValueError, OSError):  # Windows has none of this
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code, 1 if a file to note is refused."""
    options = make_parser().parse_args(arguments)
    _limit_resources(options.within)
    if options.note is None:
        for path in options.files:
            print(json.dumps(examine_file(path)))
        return 0
    found = {path.name: examine_file(path) for path in options.files}
    for refusal in (said["refusal"] for said in found.values()):
        if refusal:
            print(ModelError(refusal["sentence"], **refusal["fields"]), file=sys.stderr)
            return 1
    names = {said["sha256"]: name for name, said in sorted(found.items())}
    options.note.write_text(json.dumps(names, indent=2) + "\n", encoding="utf-8")
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    one = argparse.ArgumentParser(prog="python -m bot.inference.sandbox")
    one.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a model file")
    one.add_argument("--within", type=int, default=EXAMINATION_TIMEOUT, metavar="SECONDS")
    one.add_argument(
        "--note",
        type=Path,
        metavar="VERDICTS",
        help="record the files in this one if all are valid",
    )
    return one


if __name__ == "__main__":
    sys.exit(main())
