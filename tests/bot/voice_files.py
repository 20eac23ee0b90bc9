"""Voice files that differ from the tiny voice, and their replacement while a bot runs."""

import hashlib
import shutil
from pathlib import Path

import onnx
from onnx import helper

from training.voice_file import Voice


def write_voice(path: Path, voice: Voice, **metadata: object) -> Path:
    """Write a file with the voice's graph and other metadata; None leaves a key out."""
    new = {f"onbook.{key}": value for key, value in metadata.items()}
    texts = dict(voice.metadata) | new
    kept = {key: value for key, value in texts.items() if value is not None}
    parts = [str(texts.get(f"onbook.{key}")).encode() for key in ("vocabulary", "fold")]
    fingerprint = hashlib.sha256(b"\0".join([voice.graph, *parts])).hexdigest()
    props = onnx.ModelProto()
    helper.set_model_props(props, {"onbook.format": "1", "onbook.fingerprint": fingerprint} | kept)
    path.write_bytes(voice.graph + props.SerializeToString())
    return path


def replace_file(path: Path, source: Path) -> None:
    """Put another file in the place of one, whole, as an export does."""
    part = path.with_suffix(".part")
    shutil.copy(source, part)
    part.replace(path)
