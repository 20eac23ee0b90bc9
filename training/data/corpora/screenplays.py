"""Write the corpora that were written for On Book: short films, and sketches of a few lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from .folder import write_corpus

FILMS = Path(__file__).parents[2] / "screenplays"
SKETCHES = Path(__file__).parents[2] / "sketches"

KINDS = {
    "film": {"sketches": "film", "chat-sketches": "chat"},
    "stage": {"stage-sketches": "stage", "parlour-sketches": "parlour"},
}
"""The kinds of sketches: the folders below ``train``, and the folder that each is copied from."""

HELD_OUT = frozenset((FILMS / "held-out.list").read_text("utf-8").split())
"""The held-out films: a tenth of all films, unlike each other."""


def write_films(out: Path) -> None:
    """Write the films below `out`, as `_write` does."""
    _write(out, {"films": FILMS}, lambda name: name in HELD_OUT)


def write_sketches(out: Path, kinds: Collection[str] = ("film", "stage")) -> None:
    """Write sketches below `out`, as `_write` does.

    Files whose names end with -10, -30 or -50 are held out.
    """
    folders = {name: SKETCHES / source for kind in kinds for name, source in KINDS[kind].items()}
    _write(out, folders, lambda name: name.endswith(("-10", "-30", "-50")))


def _write(out: Path, folders: Mapping[str, Path], is_held_out: Callable[[str], bool]) -> None:
    """Write the screenplays of folders below `out`.

    Learned screenplays lie in a folder of the given name below ``train``, so that an epoch can read
    one folder more often than others.
    """
    files: dict[str, str] = {}
    for folder, source in folders.items():
        for path in sorted(source.glob("*.fountain")):
            part = "validation" if is_held_out(path.stem) else f"train/{folder}"
            files[f"{part}/{path.name}"] = path.read_text("utf-8")
    write_corpus(out, files)
