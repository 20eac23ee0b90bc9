"""Find the model files in the bot owner's folder, and open an engine for each that is used.

A file that has changed is examined again when its model is next asked for. Lines in progress keep
the engine that they began with, which stops when nothing refers to it any more.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path
from weakref import WeakSet

from ..errors import EngineClosed, ExaminationFailed, ModelError
from ..i18n.catalogue import phrase
from .anatomy import Anatomy
from .cores import choose_threads
from .engine import Engine, EngineLoad
from .model import Model, read_model_file
from .sandbox import ModelSandbox, classify_error

UNKNOWN_MODEL = phrase("There is no voice “{name}”. Choose from {names}.")
NO_MODELS = phrase(
    "The folder ONBOOK_MODELS has neither “{name}” nor any other voice. Put one there."
)

FILE_CHANGING = phrase("{file} is still being written. Try again when it is complete.")

REFUSAL_LIFETIME = 300.0
"""Seconds after which an uncertain refusal expires. Each examination may take half a minute of
processor time."""

log = logging.getLogger("onbook.voices")

Stamp = tuple[int, int, int, int]
"""The mtime, size, inode and ctime of a file, which reveal a change. The ctime cannot be set
back."""


@dataclass(frozen=True)
class ModelFile:
    """Describe a file in the folder, as it was when it was last examined."""

    name: str
    stamp: Stamp | None
    sha256: str = ""
    about: Mapping[str, str] | None = None
    """The metadata of a sound file, as in `Model.about`."""
    refusal: ModelError | None = None
    """The error that rules out the file, or None."""
    until: float = math.inf
    """The `time.monotonic` at which the finding expires for an unchanged file, since a refusal need
    not be the file's fault."""

    @property
    def size(self) -> int:
        """Return the size of the file, in bytes."""
        return self.stamp[1] if self.stamp else 0


class ModelRegistry:
    """Open the models in the files ``*.onnx`` of a folder when they are first asked for.

    A step of a model uses ``threads``, by default as many as suit the machine. An engine has
    ``rows``.
    """

    def __init__(self, folder: Path, threads: int | None, rows: int) -> None:
        self.folder = folder
        self.threads = threads or choose_threads()
        self.rows = rows
        self._sandbox = ModelSandbox()
        self._found: dict[str, ModelFile] = {}
        self._engines: dict[str, Engine] = {}
        self._opened_from: dict[str, str] = {}
        """The SHA-256 of the file that each engine was opened from."""
        self._replaced: WeakSet[Engine] = WeakSet()
        self._looking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._renewing: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    def names(self) -> list[str]:
        """Return the names of all models, in alphabetical order."""
        files = glob("*.onnx", root_dir=self.folder)  # noqa: PTH207 - Path's raises PermissionError
        return sorted(Path(file).stem for file in files)

    async def engine(self, name: str) -> Engine:
        """Return the engine of a model; raise ModelError, or EngineClosed after `close`.

        If the file has changed, its new engine is opened in the background, and replaces the old
        one once it works.
        """
        if not self.works(name):
            if self._closed:
                raise EngineClosed
            # An engine whose thread has failed is opened again.
            self._engines.pop(name, None)
            self._opened_from.pop(name, None)
            return await self._first_engine(name)
        engine = self._engines[name]
        if self._has_changed(name) and name not in self._renewing:
            self._renewing[name] = asyncio.create_task(self._renew(name))
        return engine

    async def look(self, name: str) -> ModelFile:
        """Return a file as it is now; raise ModelError if there is no such model.

        If the model is in use and its file has changed, the new model replaces the old one.
        """
        known = self.names()
        if name not in known:  # because no other name may be used as a path
            sentence = UNKNOWN_MODEL if known else NO_MODELS
            raise ModelError(sentence, name=name, names=", ".join(known)).suggest(name, known)
        async with self._looking[name]:
            if self._has_changed(name) or name not in self._found:
                self._found[name] = await self._look(name)
                if name in self._engines:
                    await self._open(name)
            return self._found[name]

    async def examine_all(self) -> list[ModelFile]:
        """Return all files as they are now, in alphabetical order."""
        return [await self.look(name) for name in self.names()]

    def loads(self) -> dict[str, EngineLoad]:
        """Return the load of each engine, for any thread."""
        return {name: engine.load for name, engine in list(self._engines.items())}

    def works(self, name: str) -> bool:
        """Return whether the engine of a model is open and works."""
        engine = self._engines.get(name)
        return engine is not None and engine.works

    def close(self) -> None:
        """Close all engines for good, which fails their current lines with EngineClosed."""
        self._closed = True
        self._sandbox.close()
        for task in self._renewing.values():
            task.cancel()
        for engine in (*self._engines.values(), *self._replaced):
            engine.close()
        self._engines.clear()
        self._opened_from.clear()

    async def _first_engine(self, name: str) -> Engine:
        """Open the engine of a model that is not in use yet."""
        await self.look(name)
        # Another task may have examined the file in the meantime, and found it repaired or broken.
        async with self._looking[name]:
            if name not in self._engines:
                await self._open(name)
            if engine := self._engines.get(name):
                return engine
            refusal = self._found[name].refusal
            assert refusal is not None  # or it would have been opened
            raise _drop_traceback(refusal)

    async def _renew(self, name: str) -> None:
        """Examine a file that has changed, in the background."""
        try:
            with suppress(ModelError, EngineClosed):  # without its file, the engine keeps working
                await self.look(name)
        except Exception:
            log.exception("the file of model %s could not be examined", name)
        finally:
            del self._renewing[name]

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.onnx"

    def _has_changed(self, name: str) -> bool:
        """Return whether a file may have changed since it was last examined."""
        found = self._found.get(name)
        stamp = _read_stamp(self._path(name))
        if found is None or stamp is None:
            return False
        return stamp != found.stamp or time.monotonic() >= found.until

    async def _look(self, name: str) -> ModelFile:
        path = self._path(name)
        # Taken first, so that a write during the examination shows as a change.
        found = ModelFile(name, _read_stamp(path))
        try:
            content, sha256 = await asyncio.to_thread(_read_and_hash, path)
            found = replace(found, sha256=sha256)
            await self._sandbox.examine(content, sha256, path.name)
            anatomy = await asyncio.to_thread(Anatomy.of, content)
        except (ModelError, MemoryError) as error:
            return self._refuse(found, error, certain=found.sha256 != "")
        return replace(found, about=anatomy.metadata)

    async def _open(self, name: str) -> None:
        """Open a file that was found sound, unless its engine is open already.

        A file that cannot be opened is refused.
        """
        found = self._found[name]
        if found.refusal or self._opened_from.get(name) == found.sha256:
            return
        began = time.perf_counter()
        try:
            # Opening releases the interpreter lock for most of the time.
            model = await asyncio.to_thread(self._load, found)
        except (ModelError, MemoryError) as error:
            # A sound file that cannot be opened lacks memory, or is being written to.
            self._found[name] = self._refuse(found, error, certain=False)
            return
        log.info("model %s is ready after %.2f s", name, time.perf_counter() - began)
        if self._closed:  # in the meantime
            raise EngineClosed
        if name in self._engines:
            log.info("model %s was replaced from its changed file", name)
            self._replaced.add(self._engines[name])
        self._engines[name] = Engine(model, self.rows)
        self._opened_from[name] = found.sha256

    def _load(self, found: ModelFile) -> Model:
        """Open the very bytes that were examined; raise ModelError if they have changed."""
        path = self._path(found.name)
        content, sha256 = _read_and_hash(path)
        if sha256 != found.sha256:
            raise ModelError(FILE_CHANGING, file=path.name)
        return Model.of(content, found.name, self.threads)

    def _refuse(
        self, found: ModelFile, error: ModelError | MemoryError, *, certain: bool
    ) -> ModelFile:
        """Return a file as refused: if ``certain``, until it changes, or else for a while."""
        path = self._path(found.name)
        refusal = classify_error(error, path.name)
        log.warning("model %s (%s) was rejected: %s", found.name, path, refusal)
        is_final = certain and not isinstance(refusal, ExaminationFailed)
        until = math.inf if is_final else time.monotonic() + REFUSAL_LIFETIME
        return replace(found, about=None, refusal=_drop_traceback(refusal), until=until)


def _read_stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns


def _drop_traceback(refusal: ModelError) -> ModelError:
    """Return an error without its traceback, which would keep the file's content in memory."""
    return ModelError(refusal.sentence, **refusal.fields)


def _read_and_hash(path: Path) -> tuple[bytes, str]:
    """Return the content of a file and its SHA-256; raise ModelError if it cannot be read."""
    content = read_model_file(path)
    return content, hashlib.sha256(content).hexdigest()
