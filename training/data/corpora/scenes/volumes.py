"""Write the corpus of scenes: volumes of scenes that were drawn from frames."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import cycle, islice, pairwise
from pathlib import Path

from ..folder import write_corpus
from .drawing import Drawer
from .frames import Source

KINDS = {"film": "scenes", "stage": "stage-scenes"}
"""The kinds of frames, and the folder of each below ``train``."""

VOLUME = 40
"""About how many scenes a volume has."""

SETS = 16
"""The most sets that the frames of a kind are divided into. All drawings of a frame are in volumes
of one set, and a prior that leaves a set out has not counted its frames."""


def write(source: Source, out: Path, drawings: int, seed: int) -> int:
    """Write volumes of scenes below `out`; return the number of scenes.

    The learned volumes lie in a folder for each kind. Of held-out frames, one volume for each kind
    has learned words, and one volume for all kinds has held-out words.
    """
    scenes = {
        path: volume for kind in KINDS for path, volume in _draw_kind(source, kind, drawings, seed)
    }
    unmet = [
        Drawer(frame, source.lists, seed, unmet=True)
        for frame in source.frames
        if frame.held_out
        and any(source.lists[name].held_out for slot in frame.slots for name in slot.lists)
    ]
    scenes["validation/unmet-words.fountain"] = [drawer.draw() for drawer in unmet]
    files = {path: "\n\n".join(volume) + "\n" for path, volume in scenes.items() if volume}
    write_corpus(out, files)
    return sum(map(len, scenes.values()))


def draw_scenes(source: Source, count: int, seed: int) -> Iterator[str]:
    """Yield scenes from random frames, each frame once before any comes again."""
    drawers = [Drawer(frame, source.lists, seed) for frame in source.frames]
    random.Random(seed).shuffle(drawers)
    for drawer in islice(cycle(drawers), count):
        yield f"=== {drawer.frame.title}\n\n{drawer.draw()}\n"


def _draw_kind(
    source: Source, kind: str, drawings: int, seed: int
) -> Iterator[tuple[str, list[str]]]:
    """Yield the paths and the scenes of the volumes of one kind."""
    frames = [frame for frame in source.frames if frame.kind == kind]
    learned = [Drawer(frame, source.lists, seed) for frame in frames if not frame.held_out]
    name, sets = KINDS[kind], max(1, min(SETS, len(learned) // VOLUME))
    for i in range(sets):
        volumes = _draw_volumes(learned[i::sets], drawings, random.Random(f"{seed} {i}"))
        for number, volume in enumerate(volumes, 1):
            yield f"train/{name}/{name}-{i + 1}-{number:04}.fountain", volume
    held_out = [Drawer(frame, source.lists, seed) for frame in frames if frame.held_out]
    yield f"validation/frames-{kind}.fountain", [drawer.draw() for drawer in held_out]


def _draw_volumes(drawers: list[Drawer], drawings: int, rng: random.Random) -> Iterator[list[str]]:
    """Yield the scenes of each volume.

    A volume never reaches from one round into the next, because a scene near another scene of its
    frame would teach a voice to copy what stands above.
    """
    for _ in range(drawings):
        rng.shuffle(drawers)
        scenes = [drawer.draw() for drawer in drawers]
        count = max(1, round(len(scenes) / VOLUME))
        bounds = [len(scenes) * number // count for number in range(count + 1)]
        yield from (scenes[start:end] for start, end in pairwise(bounds))
