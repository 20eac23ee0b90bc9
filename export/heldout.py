"""The texts that a voice is judged on: none of them was learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from training.run import Run
from training.texts import KINDS, KINDS_IN_WORDS, Text, TextError, read

PARTS = ("validation", "test")


def of_run(run: Run) -> tuple[Text, ...]:
    """All the texts that a run held out, by part and name; none for a released run."""
    return tuple(
        Text(f"{part}/{text.name}", text.content)
        for part in PARTS
        for text in run.heldout_texts(part)
    )


def of_paths(paths: Sequence[Path]) -> tuple[Text, ...]:
    """The texts of files and folders; of a corpus folder only what was held out.

    Raises `TextError` for a path that is missing, or has no text in it.
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
        raise TextError(f"There is no text in {path}: give files of the kinds {KINDS_IN_WORDS}.")
    return texts


def _files(folder: Path) -> Iterator[Path]:
    """The held-out parts of a folder that has them, and else all the files in it."""
    parts = [folder / part for part in PARTS if (folder / part).is_dir()]
    for part in parts or [folder]:
        yield from sorted(f for f in part.rglob("*") if f.suffix.lower() in KINDS and f.is_file())
