"""Provenance: note everything that a line was written from, so that it can be written again."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import onnxruntime

from ..inference.model import Model
from ..inference.sampling import Sampling
from ..screenplay.elements import Kind
from .inputs import Manner
from .options import SAMPLING_OPTIONS

RELEASE: str = onnxruntime.__version__
"""The release of onnxruntime."""


def origin_of(model: Model, manner: Manner, opening: str) -> dict[str, Any]:
    """Return everything that a line is written from, but for the text above it, as JSON has it.

    The order of the keys matters: lines whose origins differ in nothing but the seed share a row
    of the database, which is found by its text.
    """
    shared = {"cue": manner.cue, "form": manner.form and str(manner.form)}
    return {
        "fingerprint": model.fingerprint,
        **manner.sampling.to_options(),
        "limit": manner.limit,
        "kind": manner.kind and str(manner.kind),
        "character": manner.character,
        "cast": list(manner.cast),
        "present": list(manner.present),
        # The seed is that of the candidate that was chosen, which is written again by itself.
        "quality": manner.quality,
        "candidates": manner.candidates,
        # The id alone, because the words belong to the channel, and may be many.
        "banned": list_id(manner.banned),
        # The same kind of processor and release of onnxruntime give the same numbers.
        "processor": processor(),
        "onnxruntime": RELEASE,
        **{name: value for name, value in shared.items() if value},
        "opening": opening,
    }


def manner_of(origin: Mapping[str, Any], banned: tuple[str, ...]) -> Manner:
    """Return how a line with this origin was written, with a list of banned words."""
    noted = {one.name: origin[one.name] for one in SAMPLING_OPTIONS if one.name in origin}
    return Manner(
        Sampling.of(origin["seed"], noted),
        origin["limit"],
        kind=Kind(origin["kind"]) if origin.get("kind") else None,
        character=origin.get("character"),
        cast=tuple(origin.get("cast", ())),
        present=tuple(origin.get("present", ())),
        banned=banned,
        form=Kind(origin["form"]) if origin.get("form") else None,
        cue=origin.get("cue"),
    )


def list_id(banned: Sequence[str]) -> str:
    """Return the id of a list of banned words: 16 hexadecimal digits."""
    return hashlib.sha256("\n".join(banned).encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def processor() -> str:
    """Return the name of this machine's processor, as the system has it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # Without Linux, Python's own name must do.
    return platform.processor() or platform.machine()
