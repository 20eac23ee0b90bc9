"""Define the argument that names a voice file: tyro refuses a missing one in one sentence."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from tyro.constructors import PrimitiveConstructorSpec

from bot.settings import SHIPPED_MODELS

STAGE = SHIPPED_MODELS / "stage.onnx"


def _find(texts: Sequence[str]) -> Path:
    path = Path(texts[0])
    if not path.is_file():
        raise ValueError(f"There is no voice {path}. Name a voice file, such as {STAGE.name}.")
    return path


VoiceFile = Annotated[
    Path,
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="FILE.onnx",
        instance_from_str=_find,
        is_instance=lambda value: isinstance(value, Path),
        str_from_instance=lambda path: [str(path)],
    ),
]
"""An existing voice file."""
