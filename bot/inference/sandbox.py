"""Examination: a voice file is first opened in a process of its own, which may crash or hang.

    python -m bot.examination FILE                         says what is wrong with it, as JSON
    python -m bot.examination FILE ... --note VERDICTS     notes the files that are sound

Whoever loads a network runs what it is made of. So that a bad file does not take the bot along, a
child process checks it against the contract, opens it and has it read a few characters, within
limits of time and memory. Its verdict is remembered by the file's SHA-256 and by what judged it; a
child that was killed, or lacked memory, has given none. Those on the voices that are shipped lie
beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import onnxruntime

from ..i18n.catalogue import phrase
from .model import DAMAGED, Model, ModelError, content_of

PATIENCE = 30
"""Seconds after which a file that is being examined hangs. A good one takes less than one."""

MOST_MEMORY = 4 * 2**30
"""Bytes that the child may take: the largest file, and what the runtime makes of it."""

STEPS, ROWS = 5, 3
"""Characters that the child has a voice read, and the rows in which it does."""

SHIPPED = Path(__file__).parents[1] / "models" / "examined.json"
"""The verdicts that are shipped: files by their SHA-256."""

JUDGES = (
    *("inference/anatomy.py", "inference/model.py", "inference/sandbox.py"),
    "screenplay/script.py",
)
"""The modules that say which files are sound."""

NEEDED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP")
"""All of the environment that the child gets: there are tokens in it, too."""

FAILS = phrase(
    "{file} is not used, since the process that examined it crashed, hung or needed too much "
    "memory: export the voice again with `python -m export`."
)

CHANGES = phrase("{file} is being written to: try again when it is whole.")

NO_MEMORY = phrase(
    "{file} is not used now, since it got too little memory: try again in some minutes, and export "
    "a smaller voice if that does not help."
)

SHORTAGES = ("bad_alloc", "bad allocation", "Failed to allocate memory")
"""What the runtime says when it gets too little memory, unless it raises MemoryError."""


class Unexamined(ModelError):
    """There is no verdict on a voice file: it changes, or its child was killed, lacked memory or
    never began."""


class Facts(Protocol):
    """Where verdicts are remembered: the store's facts."""

    async def find(self, name: str) -> str | None:
        """Return the value of a name, or None."""

    async def record(self, name: str, value: str) -> None:
        """Set the value of a name."""


class Examiner:
    """Has voice files examined, and remembers what came of it."""

    _examined: ClassVar[dict[str, str]] = {}
    """Verdicts of this process, for a host that loads the extension anew, with or without facts."""

    def __init__(self, facts: Facts | None = None, patience: int = PATIENCE) -> None:
        self.facts = facts
        self._patience = patience
        self._children: set[subprocess.Popen[str]] = set()

    async def examine(self, path: Path, sha256: str) -> None:
        """Has a file with this SHA-256 examined; raises ModelError where it must not be used.

        That is Unexamined where it may be found sound another time.
        """
        if sha256 in shipped():
            return
        verdict = await self._remembered(sha256)
        if verdict is None:
            found = await asyncio.to_thread(self._ask_child, path)
            refusal = found["refusal"]
            if refusal and not refusal["certain"]:
                raise Unexamined(refusal["sentence"], **refusal["fields"])
            if found["sha256"] != sha256:
                raise Unexamined(CHANGES, file=path.name)
            verdict = self._examined[sha256] = json.dumps(found | {"judge": judge()})
            if self.facts is not None:
                await self.facts.record(_name(sha256), verdict)
        if refusal := json.loads(verdict)["refusal"]:
            raise ModelError(refusal["sentence"], **refusal["fields"] | {"file": path.name})

    def close(self) -> None:
        """Ends the children."""
        for child in tuple(self._children):
            child.kill()

    async def _remembered(self, sha256: str) -> str | None:
        """The verdict on a file, if it is one that would be given now."""
        verdict = self._examined.get(sha256)
        if verdict is None and self.facts is not None:
            verdict = await self.facts.find(_name(sha256))
        if verdict is None or json.loads(verdict).get("judge") != judge():
            return None
        return verdict

    def _ask_child(self, path: Path) -> dict[str, Any]:
        """Runs the child, in a thread, since not every host's event loop has child processes.

        Raises Unexamined where the child said nothing.
        """
        module = [f"{__package__}.sandbox", str(path), "--within", str(self._patience)]
        environment = {name: os.environ[name] for name in NEEDED if name in os.environ}
        # Its modules are those of this process, wherever the host has put the extension.
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
            raise Unexamined(FAILS, file=path.name) from error
        self._children.add(child)
        with child:
            try:
                # It ends by itself when its time is up, if it can.
                said, _ = child.communicate(timeout=2 * self._patience)
            except subprocess.TimeoutExpired as error:
                raise Unexamined(FAILS, file=path.name) from error
            finally:
                child.kill()
                self._children.discard(child)
        return _parsed(said, path)


def _parsed(said: str, path: Path) -> dict[str, Any]:
    """What the child said last."""
    with suppress(ValueError, IndexError):
        found = json.loads(said.splitlines()[-1])
        if isinstance(found, dict):
            return found
    raise Unexamined(FAILS, file=path.name)


def judge(source: Path = Path(__file__).parents[1]) -> str:
    """What judges a file: a release of the runtime, and On Book's modules, by their source.

    Another one of either may find another verdict.
    """
    modules = b"".join((source / name).read_bytes() for name in JUDGES)
    return f"onnxruntime {onnxruntime.__version__}, modules {sha256_of(modules)[:16]}"


@cache
def shipped() -> Mapping[str, str]:
    """The names of the files that are shipped and sound, by their SHA-256."""
    try:
        found: dict[str, str] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def sha256_of(content: bytes) -> str:
    """What a file is known by."""
    return hashlib.sha256(content).hexdigest()


def refusal_for(error: ModelError | MemoryError, file: str) -> ModelError:
    """What is said of a file that could not be opened: Unexamined where memory ran out meanwhile.

    Whatever the runtime raises comes as a ModelError about a damaged file.
    """
    cause = error if isinstance(error, MemoryError) else error.__cause__
    if isinstance(cause, MemoryError) or any(one in str(cause) for one in SHORTAGES):
        return Unexamined(NO_MEMORY, file=file)
    assert isinstance(error, ModelError)  # or it would be a shortage
    return error


def _name(sha256: str) -> str:
    return f"voice {sha256}"


# The child -------------------------------------------------------------------------------------


def verdict(path: Path) -> dict[str, Any]:
    """What is to be said of a file: its SHA-256, and a refusal or None."""
    sha256 = ""
    try:
        content = content_of(path)
        sha256 = sha256_of(content)
        _try(Model.of(content, path.stem, threads=1))
    except (ModelError, MemoryError) as error:
        why = refusal_for(error, path.name)
        # Of a file that could not be read, nothing is known.
        certain = sha256 != "" and not isinstance(why, Unexamined)
        refusal = {"sentence": why.sentence, "fields": why.fields, "certain": certain}
        return {"sha256": sha256, "refusal": refusal}
    return {"sha256": sha256, "refusal": None}


def _try(model: Model) -> None:
    """Has a voice read some characters; raises ModelError where no numbers come out."""
    tokens = np.arange(ROWS, dtype=np.int64) % len(model.vocabulary)
    states = np.stack([model.start()] * ROWS)
    try:
        for _ in range(STEPS):
            logits, states = model.step(tokens, states)
    except Exception as error:
        raise ModelError(DAMAGED, file=f"{model.name}.onnx") from error
    shapes = (logits.shape, states.shape)
    expected = ((ROWS, len(model.vocabulary)), (ROWS, model.state_size))
    if shapes != expected or not (np.isfinite(logits).all() and np.isfinite(states).all()):
        raise ModelError(DAMAGED, file=f"{model.name}.onnx")


def _limit(seconds: int) -> None:
    """Limits the time and the memory of this process, as far as the system lets it."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    with suppress(ImportError, ValueError, OSError):  # Windows has none of this
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code: 1 where a file that is to be noted is refused."""
    options = parser().parse_args(arguments)
    _limit(options.within)
    if options.note is None:
        for path in options.files:
            print(json.dumps(verdict(path)))
        return 0
    found = {path.name: verdict(path) for path in options.files}
    for refusal in (said["refusal"] for said in found.values()):
        if refusal:
            print(ModelError(refusal["sentence"], **refusal["fields"]), file=sys.stderr)
            return 1
    names = {said["sha256"]: name for name, said in sorted(found.items())}
    options.note.write_text(json.dumps(names, indent=2) + "\n", encoding="utf-8")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    one = argparse.ArgumentParser(prog="python -m bot.examination")
    one.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a voice file")
    one.add_argument("--within", type=int, default=PATIENCE, metavar="SECONDS")
    one.add_argument(
        "--note", type=Path, metavar="VERDICTS", help="a file for those that are sound"
    )
    return one


if __name__ == "__main__":
    sys.exit(main())
