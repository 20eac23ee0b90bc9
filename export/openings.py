"""Openings: the passages that a voice reads before a script, by style, from a TOML file.

The openings of the shipped voices are in the folder ``styles`` beside this module.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from . import VoiceError
from .trained import Vocabulary

SHIPPED = Path(__file__).parent / "styles"

MOST_STYLES, LONGEST_STYLE, LONGEST_OPENING = 25, 40, 2_000
"""The bot's limits: styles, characters of a style's name, and characters of a passage."""


def find_shipped(name: str) -> Path | None:
    """Return the shipped file of openings for the voice of a name, or None."""
    path = SHIPPED / f"{name}.toml"
    return path if path.is_file() else None


def read_openings(path: Path | None, vocabulary: Vocabulary) -> dict[str, str]:
    """Return the passages of a file as a voice's metadata, empty if there are none.

    Raises VoiceError for an unreadable file, and for a passage that the voice cannot read.
    """
    openings = _read(path) if path else {}
    for style, text in openings.items():
        _check(path, style, text, vocabulary)
    if len(openings) > MOST_STYLES:
        raise VoiceError(f"{path} has more than {MOST_STYLES} styles. Remove some.")
    if not openings:
        return {}
    return {"onbook.openings": json.dumps(openings, ensure_ascii=False, separators=(",", ":"))}


def _read(path: Path) -> dict[str, str]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VoiceError(f"{path} cannot be read ({error.strerror}). Check the file.") from error
    except ValueError as error:
        raise VoiceError(f"{path} is not valid TOML ({error}). Fix it, or leave it out.") from error
    if not all(isinstance(text, str) for text in found.values()):
        raise VoiceError(f'{path} must contain only passages. Write each as `style = """..."""`.')
    return {style: text.strip("\n") for style, text in found.items()}


def _check(path: Path | None, style: str, text: str, vocabulary: Vocabulary) -> None:
    """Raise VoiceError for a passage that is empty, too long or not in the vocabulary."""
    if not 0 < len(style) <= LONGEST_STYLE:
        raise VoiceError(
            f"{path}: the name {style[:60]!r} is not valid. Use 1 to {LONGEST_STYLE} characters."
        )
    if not 0 < len(text) <= LONGEST_OPENING:
        raise VoiceError(
            f"{path}: {style!r} has {len(text):,} characters. Write 1 to {LONGEST_OPENING:,}."
        )
    known = {*vocabulary.characters, *vocabulary.fold}
    if unknown := sorted(set(text) - known):
        raise VoiceError(
            f"{path}: {style!r} has {unknown[0]!r}, which the voice cannot read. Remove it."
        )
