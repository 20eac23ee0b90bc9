"""Read the held-out texts, none of which the network was trained on, to prove a voice on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from training.data.texts import KINDS, KINDS_IN_WORDS, Text, read
from training.errors import TextError
from training.run import Run

PARTS = ("validation", "test")


def of_run(run: Run) -> tuple[Text, ...]:
    """Return all held-out texts of a run, by part and name; none for a released run."""
    return tuple(
        Text(f"{part}/{text.name}", text.content)
        for part in PARTS
        for text in run.heldout_texts(part)
    )


def of_paths(paths: Sequence[Path]) -> tuple[Text, ...]:
    """Return the texts of files and folders, but of a corpus folder only the held-out parts.

    Raises TextError for a path that is missing or holds no text.
    """
    return tuple(text for path in paths for text in _of_path(path))


def _of_path(path: Path) -> list[Text]:
    if not path.is_dir():
        return [read(path)]
    texts = [
        Text(file.relative_to(path).with_suffix("").as_posix(), read(file).content)
        for file in _files(path)
    ]
    if not texts:
        raise TextError(f"There is no text in {path}. Give files of the kinds {KINDS_IN_WORDS}.")
    return texts


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of the held-out parts of a folder, or all its files if it has no parts."""
    parts = [folder / part for part in PARTS if (folder / part).is_dir()]
    for part in parts or [folder]:
        yield from sorted(f for f in part.rglob("*") if f.suffix.lower() in KINDS and f.is_file())
