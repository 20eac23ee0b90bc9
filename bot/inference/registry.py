"""Voices: the voice files in the operator's folder, each with its engine once it is used.

A file is looked at again when somebody asks for it and it has changed since. What writes goes on
with the voice that it began with: an engine ends when the last one who had asked for it lets it go.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakSet

import numpy as np

from ..i18n.catalogue import phrase
from ..i18n.markdown import inline
from .anatomy import Anatomy
from .engine import Engine, EngineClosed, Load
from .model import Model, ModelError, checked, content_of
from .sandbox import CHANGES, Examiner, Facts, Unexamined, refusal_for, sha256_of

SLOW = 1000.0
"""Characters/s below which the operator is warned."""

PROBES, PROBE_STEPS = 5, 20
"""Moments, and steps in each, that a voice's speed is taken from: some milliseconds."""

NO_SUCH_VOICE = phrase(
    "There is no voice “{name}” in the folder that ONBOOK_MODELS names: choose from {names}."
)
NO_VOICE_AT_ALL = phrase(
    "There is no voice “{name}” in the folder that ONBOOK_MODELS names: train one with "
    "`make voice`."
)

AGAIN = 300.0
"""Seconds after which a file is looked at again of which nothing could be found out: to do so may
take half a minute of a processor each time."""

log = logging.getLogger("onbook.voices")

Stamp = tuple[int, int, int, int]
"""By what it is seen that a file has changed: when it was written to, its size, its number, and
when that or anything else of it changed, which nobody can set back."""


@dataclass(frozen=True)
class Found:
    """A file in the folder, as it was when it was last looked at."""

    name: str
    stamp: Stamp | None
    sha256: str = ""
    about: Mapping[str, str] | None = None
    """What a sound file says of itself, as in `Model.about`."""
    refusal: ModelError | None = None
    """Why it is not used, if it is not."""
    until: float = math.inf
    """Until when this holds of an unchanged file, as `time.monotonic` counts: a refusal need not be
    the file's fault."""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stamp[1] if self.stamp else 0


class Voices:
    """The files ``*.onnx`` in a folder. A voice is opened when it is first asked for."""

    def __init__(self, folder: Path, threads: int, rows: int, queue: int) -> None:
        self.folder = folder
        self.threads = threads
        self.rows = rows
        self.queue = queue
        self._examiner = Examiner()
        self._found: dict[str, Found] = {}
        self._engines: dict[str, Engine] = {}
        self._opened_from: dict[str, str] = {}
        """The SHA-256 of the files that the engines were opened from."""
        self._replaced: WeakSet[Engine] = WeakSet()
        self._looking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._renewing: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    def names(self) -> list[str]:
        """The names of all the files there, in alphabetical order."""
        return sorted(path.stem for path in self.folder.glob("*.onnx"))

    async def peek(self, name: str) -> None:
        """Raises ModelError for a voice that is not there, or plainly is none; opens nothing."""
        self._check(name)
        path = self._path(name)
        await asyncio.to_thread(lambda: checked(content_of(path), path.name))

    async def engine(self, name: str) -> Engine:
        """The engine of a voice; raises ModelError when there is no such voice, or a broken one.

        Nobody waits for a file that has changed: the old one goes on until the new one is opened,
        and where that is a bad one, after that.
        """
        engine = self._engines.get(name)
        if engine is None:
            if self._closed:
                raise EngineClosed
            return await self._first_engine(name)
        if self._has_changed(name) and name not in self._renewing:
            self._renewing[name] = asyncio.create_task(self._renew(name))
        return engine

    async def look(self, name: str) -> Found:
        """A file as it is now; raises ModelError when there is no such voice.

        Where the file of a voice that is in use has changed, the new one takes its place.
        """
        self._check(name)
        async with self._looking[name]:
            if self._has_changed(name) or name not in self._found:
                self._found[name] = await self._look(name)
                if name in self._engines:
                    await self._open(name)
            return self._found[name]

    async def look_at_all(self) -> list[Found]:
        """All the files there, in alphabetical order."""
        return [await self.look(name) for name in self.names()]

    def remember_in(self, facts: Facts) -> None:
        """Says where is remembered which files are sound."""
        self._examiner.facts = facts

    def loads(self) -> dict[str, Load]:
        """What the voices that are in use have to do, asked from any thread."""
        return {name: engine.load for name, engine in list(self._engines.items())}

    def works(self, name: str) -> bool:
        """Whether a voice is in use, and writes."""
        engine = self._engines.get(name)
        return engine is not None and engine.works

    def close(self) -> None:
        """Ends every engine for good; lines in hand are given up."""
        self._closed = True
        self._examiner.close()
        for task in self._renewing.values():
            task.cancel()
        for engine in (*self._engines.values(), *self._replaced):
            engine.close()
        self._engines.clear()
        self._opened_from.clear()

    async def _first_engine(self, name: str) -> Engine:
        await self.look(name)
        # Somebody else may look meanwhile, and find the file mended or broken.
        async with self._looking[name]:
            if name not in self._engines:
                await self._open(name)
            if engine := self._engines.get(name):
                return engine
            refusal = self._found[name].refusal
            assert refusal is not None  # or it would have been opened
            raise _plain(refusal)

    async def _renew(self, name: str) -> None:
        """Looks at a file that has changed."""
        try:
            with suppress(ModelError, EngineClosed):  # a file that has gone: the voice goes on
                await self.look(name)
        except Exception:
            log.exception("the file of the voice %s could not be looked at", name)
        finally:
            del self._renewing[name]

    def _check(self, name: str) -> None:
        """Raises ModelError for a name that is not one of those that are there.

        It is never a path that somebody made up.
        """
        known = self.names()
        if name not in known:
            sentence = NO_SUCH_VOICE if known else NO_VOICE_AT_ALL
            raise ModelError(sentence, name=inline(name, 40), names=", ".join(known))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.onnx"

    def _has_changed(self, name: str) -> bool:
        """Whether a file may be another one than when it was last looked at."""
        found = self._found.get(name)
        stamp = _stamp(self._path(name))
        if found is None or stamp is None:
            return False
        return stamp != found.stamp or time.monotonic() >= found.until

    async def _look(self, name: str) -> Found:
        """Has a file examined."""
        path = self._path(name)
        # Before it is read: what is written meanwhile is looked at again.
        found = Found(name, _stamp(path))
        try:
            content, sha256 = await asyncio.to_thread(_read, path)
            found = replace(found, sha256=sha256)
            await self._examiner.examine(path, sha256)
            anatomy = await asyncio.to_thread(Anatomy.of, content)
        except (ModelError, MemoryError) as error:
            refusal = refusal_for(error, path.name)
            log.warning("the voice %s is not used: %s", name, refusal)
            certain = found.sha256 != "" and not isinstance(refusal, Unexamined)
            return _refused(found, refusal, certain=certain)
        return replace(found, about=anatomy.metadata)

    async def _open(self, name: str) -> None:
        """Opens a file that was found sound, unless it is what is used already.

        Where it cannot be opened here, that is why it is refused.
        """
        found = self._found[name]
        if found.refusal or self._opened_from.get(name) == found.sha256:
            return
        began = time.perf_counter()
        try:
            # Opening may hold the interpreter, but not for as long as it takes.
            model = await asyncio.to_thread(self._load, found)
        except (ModelError, MemoryError) as error:
            refusal = refusal_for(error, self._path(name).name)
            # What is sound, and cannot be opened, lacks memory, or is being written to.
            self._found[name] = _refused(found, refusal, certain=False)
            log.warning("the voice %s is not used: %s", name, refusal)
            return
        ready = time.perf_counter() - began
        speed = await asyncio.to_thread(characters_per_second, model)
        log.info("the voice %s is ready after %.2f s: %.0f characters/s", name, ready, speed)
        # Beside voices that write, nothing can be said of its speed.
        if speed < SLOW and not self._engines:
            log.warning(
                "the voice %s writes only %.0f characters/s: this processor may lack what its "
                "8 bits need; in On Book's repository, `python -m export %s.onnx --bits 32 -o "
                "%s-32.onnx` makes it a 32-bit file",
                name,
                speed,
                name,
                name,
            )
        if self._closed:  # while it was opened
            raise EngineClosed
        if name in self._engines:
            log.info("the voice %s has another file from now on", name)
            self._replaced.add(self._engines[name])
        self._engines[name] = Engine(model, self.rows, self.queue)
        self._opened_from[name] = found.sha256

    def _load(self, found: Found) -> Model:
        """Opens the very bytes that were examined; raises ModelError."""
        path = self._path(found.name)
        content, sha256 = _read(path)
        if sha256 != found.sha256:
            raise ModelError(CHANGES, file=path.name)
        return Model.of(content, found.name, self.threads)


def _stamp(path: Path) -> Stamp | None:
    """By what a change of a file is seen; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns


def _refused(found: Found, refusal: ModelError, *, certain: bool) -> Found:
    """A file that is not used: as long as it does not change, where that is ``certain``."""
    until = math.inf if certain else time.monotonic() + AGAIN
    return replace(found, about=None, refusal=_plain(refusal), until=until)


def _plain(refusal: ModelError) -> ModelError:
    """The same, without the way to where it was raised, which would keep the file in memory."""
    return ModelError(refusal.sentence, **refusal.fields)


def _read(path: Path) -> tuple[bytes, str]:
    """A file and its SHA-256; raises ModelError."""
    content = content_of(path)
    return content, sha256_of(content)


def characters_per_second(model: Model) -> float:
    """How fast a voice is here, a single line and nothing else, in the best of some moments.

    Others only say how busy the machine is.
    """
    state, token = model.start()[None], np.array([model.newline])
    speeds: list[float] = []
    for _ in range(PROBES):
        began = time.perf_counter()
        for _ in range(PROBE_STEPS):
            _, state = model.step(token, state)
        speeds.append(PROBE_STEPS / (time.perf_counter() - began))
    return max(speeds)
