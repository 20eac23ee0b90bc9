"""Voice: the file that the bot loads, and what it says of itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import helper

FORMAT = "1"
"""The version of the voice file that is written here."""


class VoiceError(Exception):
    """One sentence about a voice file that cannot be read or made, and what to do about it."""


@dataclass(frozen=True)
class Voice:
    """A step graph and its metadata.

    The file is the graph followed by the metadata. Both are serialised ModelProtos, the second
    with nothing but `metadata_props`; protocol buffers that are joined are one message.
    """

    graph: bytes
    """A serialised ModelProto without `metadata_props`."""
    metadata: Mapping[str, str]
    """``onbook.*`` but for the format and the fingerprint, which follow from the rest."""

    @property
    def fingerprint(self) -> str:
        r"""What the lines of a script depend on: hexadecimal SHA-256 of

            graph NUL vocabulary NUL fold

        The graph as stored: the bytes of the file without its `metadata_props` (field 14 of
        ModelProto, the last records of the file). The vocabulary and the fold as stored: the
        values of ``onbook.vocabulary`` and ``onbook.fold`` in UTF-8; being JSON they hold no NUL.
        """
        kept = [self.metadata[key].encode() for key in ("onbook.vocabulary", "onbook.fold")]
        return hashlib.sha256(b"\0".join([self.graph, *kept])).hexdigest()

    def to_bytes(self) -> bytes:
        """The whole file."""
        last = onnx.ModelProto()
        sealed = {"onbook.format": FORMAT, "onbook.fingerprint": self.fingerprint}
        helper.set_model_props(last, sealed | dict(self.metadata))
        return self.graph + serialise(last)

    def write(self, path: Path) -> None:
        """Writes the file whole or not at all; raises VoiceError when it cannot."""
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("wb") as file:
                file.write(self.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise VoiceError(
                f"{path} cannot be written ({error.strerror}): choose another place with -o."
            ) from error
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def read(cls, path: Path) -> Voice:
        """The inverse of `write`; raises VoiceError for a file that is no voice, or damaged."""
        try:
            model = onnx.ModelProto.FromString(path.read_bytes())
        except OSError as error:
            raise VoiceError(f"{path} cannot be read ({error.strerror}).") from error
        except DecodeError as error:
            raise VoiceError(
                f"{path} is no ONNX file: name a voice file or a run folder."
            ) from error
        metadata = {one.key: one.value for one in model.metadata_props}
        if metadata.pop("onbook.format", None) != FORMAT:
            raise VoiceError(f"{path} is no voice of format {FORMAT}: export its run again.")
        model.ClearField("metadata_props")
        fingerprint = metadata.pop("onbook.fingerprint", None)
        voice = cls(serialise(model), metadata)
        if not {"onbook.vocabulary", "onbook.fold"} <= metadata.keys() or (
            fingerprint != voice.fingerprint
        ):
            raise VoiceError(f"{path} is not what its fingerprint says: export its run again.")
        return voice


def serialise(model: onnx.ModelProto) -> bytes:
    """The bytes of a model; the same model gives the same ones."""
    return model.SerializeToString(deterministic=True)
