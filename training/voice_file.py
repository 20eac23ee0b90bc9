"""Read and write voice files: a step graph with its metadata, and the network in the graph."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper

from .config import Config
from .data.vocabulary import Vocabulary
from .errors import VoiceError
from .model.folding import Floats, FoldedMemory, FoldedNetwork, FoldedPrior
from .model.memory import NONE, WIDTH
from .model.network import CharLSTM, Shape
from .model.tables import STORED, Tables
from .run import Run

FORMAT = "1"
"""The version of the voice file format."""

KEPT = ("onbook.vocabulary", "onbook.fold")
"""The metadata on which the lines of a voice depend."""

DESCRIPTION = ("producer_version", "model_version", "doc_string")
"""The fields of ModelProto, besides `metadata_props`, on which no line of a voice depends."""


@dataclass(frozen=True)
class Voice:
    """A step graph and its metadata.

    The file is the graph followed by the description and the metadata. Both are serialised
    ModelProtos, the second with nothing but the fields of `DESCRIPTION` and `metadata_props`;
    protocol buffers that are joined form one message.
    """

    graph: bytes
    """A serialised ModelProto without the fields of `DESCRIPTION` and `metadata_props`."""
    metadata: Mapping[str, str]
    """``onbook.*`` without the format and the fingerprint, which follow from the rest."""
    description: Mapping[str, str | int] = field(default_factory=dict)
    """The fields of `DESCRIPTION`, which other ONNX tools show."""
    path: Path = field(default=Path(), compare=False)
    """The file that the voice was read from, if any."""

    def __str__(self) -> str:
        return str(self.path)

    def fingerprint(self) -> str:
        r"""Return a hash of all that the lines of a voice depend on.

        The hash is the SHA-256, in hexadecimal, of

            graph NUL vocabulary NUL fold

        The graph as stored: the bytes of the file without the fields 3, 5, 6 and 14 of ModelProto
        (`DESCRIPTION` and `metadata_props`), which are the last records of the file. The vocabulary
        and the fold as stored: the values of ``onbook.vocabulary`` and ``onbook.fold`` in UTF-8;
        being JSON, they hold no NUL.
        """
        kept = [self.metadata[key].encode() for key in KEPT]
        return hashlib.sha256(b"\0".join([self.graph, *kept])).hexdigest()

    def vocabulary(self) -> Vocabulary:
        """Return the characters that the voice knows."""
        characters, fold = (json.loads(self.metadata[key]) for key in KEPT)
        return Vocabulary(tuple(characters), fold)

    def network(self) -> FoldedNetwork:
        """Return the network of the graph, as exactly as the graph stores it.

        Raises VoiceError for a graph that this version of `export.graph.build` did not make.
        """
        config = json.loads(self.metadata.get("onbook.config", "{}"))
        recurrence = config.get("recurrence", Shape.recurrence)
        try:
            return read_network(onnx.ModelProto.FromString(self.graph), recurrence)
        except KeyError as error:
            raise VoiceError(
                "This voice has a graph that `export` did not make: export its run."
            ) from error

    def model(self) -> CharLSTM:
        """Return the network as a PyTorch module."""
        return self.network().unfold()

    def config(self) -> Config:
        """Return the configuration of the training, with the network's sizes in the file."""
        fields = json.loads(self.metadata["onbook.config"])
        # A voice file outlives the options of the version that trained it.
        known = fields.keys() & Config.__dataclass_fields__.keys()
        config = Config.from_fields({name: fields[name] for name in known})
        shape = self.network().shape
        return dataclasses.replace(
            config, embedding=shape.embedding, memory=shape.memory, prior=shape.prior
        )

    def to_bytes(self) -> bytes:
        """Return the whole file."""
        last = onnx.ModelProto()
        for name, value in self.description.items():
            setattr(last, name, value)
        sealed = {"onbook.format": FORMAT, "onbook.fingerprint": self.fingerprint()}
        helper.set_model_props(last, sealed | dict(self.metadata))
        return self.graph + serialise(last)

    def write(self, path: Path) -> None:
        """Write the file atomically; raises VoiceError when it cannot be written."""
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
        """Read a file; raises VoiceError for a file that is no voice, or damaged."""
        try:
            model = onnx.ModelProto.FromString(path.read_bytes())
        except OSError as error:
            raise VoiceError(
                f"{path} cannot be read ({error.strerror}). Check its name and permissions."
            ) from error
        except DecodeError as error:
            raise VoiceError(
                f"{path} is not an ONNX file. Name a voice file or a run folder."
            ) from error
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        if metadata.pop("onbook.format", None) != FORMAT:
            raise VoiceError(f"{path} is not a voice of format {FORMAT}: name another file.")
        description = {name: getattr(model, name) for name in DESCRIPTION if model.HasField(name)}
        for name in (*DESCRIPTION, "metadata_props"):
            model.ClearField(name)
        fingerprint = metadata.pop("onbook.fingerprint", None)
        voice = cls(serialise(model), metadata, description, path)
        if not metadata.keys() >= set(KEPT) or fingerprint != voice.fingerprint():
            raise VoiceError(f"{path} does not match its fingerprint: export its run again.")
        return voice


def serialise(model: onnx.ModelProto) -> bytes:
    """Write a model as bytes; the same model gives the same bytes."""
    return model.SerializeToString(deterministic=True)


def read_network(model: onnx.ModelProto, recurrence: str = Shape.recurrence) -> FoldedNetwork:
    """Return the network of a graph that `export.graph.build` made; raises KeyError for another."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    prior = None
    if "prior.rows" in stored:
        trust, factors = stored["prior.trust"][:, 0], stored["prior.sure"][:, 0]
        prior = FoldedPrior(read_tables(stored), trust, factors)
    return FoldedNetwork(
        table=stored["table"],
        lower=_read_matrix(stored, "lower"),
        upper=_read_matrix(stored, "upper"),
        upper_bias=stored["upper.bias"],
        output=_read_matrix(stored, "output"),
        output_bias=stored["output.bias"],
        memory=_read_memory(stored) if "matches" in stored else None,
        prior=prior,
        recurrence=recurrence,
    )


def _read_memory(stored: Mapping[str, Any]) -> FoldedMemory:
    matches = stored["matches"]
    bias = stored["asked.bias"].copy()
    # In the graph, this number keeps the head from places without a character.
    bias[NONE] = 0
    begin, end = stored["following.from"], stored["following.to"]
    shape = (WIDTH, -1, matches.shape[1])
    return FoldedMemory(
        int(end[0] - begin[0]), matches.reshape(shape), _read_matrix(stored, "asked"), bias
    )


def _read_matrix(stored: Mapping[str, Any], layer: str) -> Floats:
    if f"{layer}.matrix" in stored:
        matrix: Floats = stored[f"{layer}.matrix"]
        return matrix
    codes: Floats = stored[f"{layer}.codes"].astype(np.float32)
    return codes * stored[f"{layer}.scales"]


def read_tables(stored: Mapping[str, Any]) -> Tables:
    """Return the tables of a prior from the constants of a graph, by name."""
    powers, lengths = stored["prior.powers"], stored["prior.lengths"]
    factors = powers[::-1, lengths.argmax()][: lengths.max()]
    found = {name: stored[f"prior.{name}"] for name in STORED}
    return Tables(lengths=lengths, factors=factors, **found)


Trained = Run | Voice
"""A trained voice to train further."""


def open_voice(path: Path) -> Trained:
    """Return the voice at a path: a voice file, or a run folder; raise VoiceError for neither."""
    if not path.exists():
        raise VoiceError(f"There is no {path}: name a voice file or the folder of a run.")
    return Voice.read(path) if path.is_file() else Run(path)
