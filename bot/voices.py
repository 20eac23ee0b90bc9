"""Voices: the voice files in the operator's folder, each with its engine once it is used."""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .engine import Engine, EngineClosed
from .language import phrase, say
from .model import Model, ModelError
from .render import inline

SLOW = 1000.0
"""Characters/s below which the operator is warned."""

PROBES, PROBE_STEPS = 5, 20
"""Moments, and steps in each, that a voice's speed is taken from: some milliseconds."""

_UNKNOWN = phrase(
    "There is no voice “{name}” in the folder that ONBOOK_MODELS names: choose from {names}."
)
_NONE_THERE = phrase(
    "There is no voice “{name}” in the folder that ONBOOK_MODELS names: train one with `make "
    "voice`."
)

log = logging.getLogger("onbook.voices")


@dataclass
class Voices:
    """The files ``*.onnx`` in a folder. A voice is opened when it is first asked for."""

    folder: Path
    threads: int
    rows: int
    queue: int
    _engines: dict[str, Engine] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _closed: bool = False

    def names(self) -> list[str]:
        """The names of all the files there, in alphabetical order."""
        return sorted(path.stem for path in self.folder.glob("*.onnx"))

    async def engine(self, name: str) -> Engine:
        """The engine of a voice; raises ModelError when there is no such voice, or a broken one.

        Raises EngineClosed when all are closed.
        """
        if name in self._engines:  # and nobody waits while another voice is opened
            return self._engines[name]
        async with self._opening:
            if self._closed:
                raise EngineClosed
            if name not in self._engines:
                engine = await self._open(name)
                if self._closed:
                    engine.close()
                self._engines[name] = engine
            return self._engines[name]

    def close(self) -> None:
        """Ends every engine for good; lines in hand are given up."""
        self._closed = True
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()

    async def _open(self, name: str) -> Engine:
        # A name is one of those that are there, never a path that somebody made up.
        known = self.names()
        if name not in known:
            sentence = _UNKNOWN if known else _NONE_THERE
            raise ModelError(say(sentence, name=inline(name, 40), names=", ".join(known)))
        began = time.perf_counter()
        # Opening may hold the interpreter, but not for as long as it takes.
        model = await asyncio.to_thread(Model.load, self.folder / f"{name}.onnx", self.threads)
        ready = time.perf_counter() - began
        speed = await asyncio.to_thread(characters_per_second, model)
        log.info("the voice %s is ready after %.2f s: %.0f characters/s", name, ready, speed)
        if speed < SLOW:
            log.warning(
                "the voice %s writes only %.0f characters/s: this processor may lack what its "
                "8 bits need; make it a 32-bit file with `python -m export %s.onnx --bits 32 -o "
                "%s-32.onnx`",
                name,
                speed,
                name,
                name,
            )
        return Engine(model, self.rows, self.queue)


def characters_per_second(model: Model) -> float:
    """How fast a voice is here, a single line and nothing else: the median of some moments."""
    state, token = model.start()[None], np.array([model.newline])
    speeds: list[float] = []
    for _ in range(PROBES):
        began = time.perf_counter()
        for _ in range(PROBE_STEPS):
            _, state = model.step(token, state)
        speeds.append(PROBE_STEPS / (time.perf_counter() - began))
    return statistics.median(speeds)
