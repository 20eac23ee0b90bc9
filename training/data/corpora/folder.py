"""Write the folder of a corpus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...errors import CorpusError, make_folder


def require_empty(folder: Path) -> None:
    """Raise CorpusError for a folder with files, which may be someone's own texts."""
    if folder.is_dir() and any(folder.iterdir()):
        raise CorpusError(f"{folder} is not empty: name another --out, or empty this folder.")


def write_corpus(out: Path, files: Mapping[str, str]) -> None:
    """Write texts to their paths below `out`, which `training.data.texts.collect` can split.

    Raises CorpusError if the folder is not empty, UserError if it cannot be made, and OSError if a
    text cannot be written.
    """
    require_empty(out)
    for part in ("train", "validation"):
        make_folder(out / part)
    for name, text in files.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(text, encoding="utf-8", newline="\n")
