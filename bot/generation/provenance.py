"""Record the provenance of a line, so that the line can be written again."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import onnxruntime

from ..inference.model import Model
from ..inference.sampling import Sampling
from ..screenplay.elements import Kind
from .inputs import GenerationOptions
from .options import SAMPLING_OPTIONS

ONNXRUNTIME_VERSION: str = onnxruntime.__version__


def make_origin(model: Model, options: GenerationOptions, opening: str) -> dict[str, Any]:
    """Return everything that a line is written from, except the text above it, as JSON types.

    The order of the keys matters: lines whose origins differ only in the seed share a row of the
    database, which is found by its text.
    """
    shared = {
        "cue": options.shared_cue,
        "form": options.shared_kind and str(options.shared_kind),
        "bars": options.bars_words,
    }
    return {
        "fingerprint": model.fingerprint,
        **options.sampling.to_options(),
        "limit": options.limit,
        "kind": options.kind and str(options.kind),
        "character": options.character,
        "cast": list(options.cast),
        "present": list(options.present),
        # The seed is that of the chosen candidate, which is written again by itself.
        "quality": options.quality,
        "candidates": options.candidates,
        # The list's id alone, because the words belong to the channel, and there may be many.
        "banned": hash_word_list(options.banned),
        # The same kind of processor and release of onnxruntime give the same numbers.
        "processor": find_processor_name(),
        "onnxruntime": ONNXRUNTIME_VERSION,
        **{name: value for name, value in shared.items() if value},
        "opening": opening,
    }


def restore_options(origin: Mapping[str, Any], banned: tuple[str, ...]) -> GenerationOptions:
    """Restore the options of a line from its origin and a list of banned words."""
    sampling = {spec.name: origin[spec.name] for spec in SAMPLING_OPTIONS if spec.name in origin}
    return GenerationOptions(
        Sampling.of(origin["seed"], sampling),
        origin["limit"],
        kind=Kind(origin["kind"]) if origin.get("kind") else None,
        character=origin.get("character"),
        cast=tuple(origin.get("cast", ())),
        present=tuple(origin.get("present", ())),
        banned=banned,
        bars_words=origin.get("bars", False),
        shared_kind=Kind(origin["form"]) if origin.get("form") else None,
        shared_cue=origin.get("cue"),
    )


def hash_word_list(banned: Sequence[str]) -> str:
    """Return the id of a list of banned words: 16 hexadecimal digits."""
    return hashlib.sha256("\n".join(banned).encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def find_processor_name() -> str:
    """Return the name of this machine's processor, as the system reports it."""
    with suppress(OSError):  # Outside Linux, Python's own name must do.
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
