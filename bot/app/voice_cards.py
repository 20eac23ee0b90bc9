"""List the voices in the terminal, or check one and show its card."""

from __future__ import annotations

from pathlib import Path

from ..inference.registry import ModelFile, ModelRegistry
from ..settings import Settings
from ..ui.markdown import to_plain_text
from ..ui.model_cards import format_model_card


async def show(settings: Settings, voice: str | None) -> None:
    """List the voices, or show the card of one, by its name or the path of its file.

    Raises ModelError for a file that is refused.
    """
    path = Path(voice or "")
    is_file = path.suffix == ".onnx"
    folder = path.parent if is_file else settings.models
    registry = ModelRegistry(folder, settings.threads, settings.rows, settings.queue)
    if voice is None:
        print(f"Voices in {folder}:")
        for file in await registry.examine_all():
            print(_format_row(file, is_chosen=file.name == settings.model))
        return
    file = await registry.look(path.stem if is_file else voice)
    if file.refusal:
        raise file.refusal
    print(to_plain_text(format_model_card(file)))
    if (card := folder / f"{file.name}.md").is_file():
        print(f"The whole card is in {card}.")


def _format_row(file: ModelFile, *, is_chosen: bool) -> str:
    about = str(file.refusal) if file.refusal else (file.about or {}).get("onbook.corpus", "")
    chosen = " (for new scripts)" if is_chosen else ""
    return f"  {file.name:<12}{file.size / 1e6:5.1f} MB  {to_plain_text(about)}{chosen}"
