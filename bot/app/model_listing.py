"""List the voices in the terminal, or check one and show its card."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import RunnerError
from ..inference.registry import ModelFile, ModelRegistry
from ..settings import Settings
from ..ui.cards.model_cards import format_model_card
from ..ui.markdown import to_plain_text

LONG = frozenset({"onbook.vocabulary", "onbook.fold", "onbook.openings"})
"""Metadata that is needed only by a program that runs the voice."""


async def show(settings: Settings, model: str | None, *, as_json: bool = False) -> None:
    """List the voices, or show the card of one, by its name or the path of its file.

    Raises RunnerError for a file that does not exist or a folder without voices, and ModelError for
    a file that is refused.
    """
    path = Path(model or "")
    is_file = path.suffix == ".onnx"
    folder = path.parent if is_file else settings.models
    registry = ModelRegistry(folder, settings.threads, settings.rows)
    if is_file and path.stem not in registry.names():
        raise RunnerError(f"There is no file {path}. Name one, or a voice of {settings.models}.")
    if model is None:
        files = await registry.examine_all()
        if not files:
            raise RunnerError(f"No voice is in {folder}. Put one there, or change ONBOOK_MODELS.")
        if as_json:
            print(json.dumps([_describe(file) for file in files], indent=2))
            return
        print(f"Voices in {folder}:")
        for file in files:
            print(_format_row(file, is_chosen=file.name == settings.model))
        return
    file = await registry.look(path.stem if is_file else model)
    if file.refusal:
        raise file.refusal
    if as_json:
        print(json.dumps(_describe(file), indent=2))
        return
    print(to_plain_text(format_model_card(file)))
    if (card := folder / f"{file.name}.md").is_file():
        print(f"The whole card is in {card}.")


def _describe(file: ModelFile) -> dict[str, object]:
    """Return what a machine reads about a file: its metadata without the lists of characters."""
    about = {name: value for name, value in (file.about or {}).items() if name not in LONG}
    refusal = str(file.refusal) if file.refusal else None
    return {"name": file.name, "bytes": file.size, "refusal": refusal, "metadata": about}


def _format_row(file: ModelFile, *, is_chosen: bool) -> str:
    about = str(file.refusal) if file.refusal else (file.about or {}).get("onbook.corpus", "")
    chosen = " (for new scripts)" if is_chosen else ""
    return f"  {file.name:<17}{file.size / 1e6:5.1f} MB  {to_plain_text(about)}{chosen}"
