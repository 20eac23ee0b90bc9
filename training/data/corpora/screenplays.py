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
"""The held-out films, a tenth, unlike each other."""

HELD_OUT_SKETCHES = ("-10", "-30", "-50")
"""How the names of held-out files of sketches end."""


def write_films(out: Path) -> None:
    """Write the films below `out`, as `_write` does."""
    _write(out, {"films": FILMS}, lambda name: name in HELD_OUT)


def write_sketches(out: Path, kinds: Collection[str] = ("film", "stage")) -> None:
    """Write sketches below `out`, as `_write` does."""
    folders = {name: SKETCHES / source for kind in kinds for name, source in KINDS[kind].items()}
    _write(out, folders, lambda name: name.endswith(HELD_OUT_SKETCHES))


def read_sketches(kind: str, *, held_out: bool) -> list[str]:
    """Return the texts of the files of a kind, either the held-out ones or the others."""
    return [
        path.read_text("utf-8")
        for source in KINDS[kind].values()
        for path in sorted((SKETCHES / source).glob("*.fountain"))
        if path.stem.endswith(HELD_OUT_SKETCHES) is held_out
    ]


def _write(out: Path, folders: Mapping[str, Path], is_held_out: Callable[[str], bool]) -> None:
    """Write the screenplays of folders below `out`.

    Learned ones lie in a folder of that name below ``train``, so that an epoch can read one folder
    more often than others.
    """
    files: dict[str, str] = {}
    for folder, source in folders.items():
        for path in sorted(source.glob("*.fountain")):
            part = "validation" if is_held_out(path.stem) else f"train/{folder}"
            files[f"{part}/{path.name}"] = path.read_text("utf-8")
    write_corpus(out, files)
