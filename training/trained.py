"""Read a trained voice to train it further: a run folder, or a voice file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from .data.vocabulary import Vocabulary
from .model.network import CharLSTM
from .run import Config, Run
from .voice_file import Voice


class Trained(Protocol):
    """A trained voice to train further: a `Run`, or a `TrainedFile`."""

    def model(self) -> CharLSTM:
        """Return the network, in float32."""

    def vocabulary(self) -> Vocabulary:
        """Return the characters that the voice knows."""

    def config(self) -> Config:
        """Return the configuration of the voice's training."""

    def fingerprint(self) -> str:
        """Return a fingerprint of the weights."""


@dataclass(frozen=True)
class TrainedFile:
    """A voice file, which is all that further training needs."""

    path: Path

    def model(self) -> CharLSTM:
        """Return the network, as exactly as the file stores it."""
        return self._voice.network().network()

    def vocabulary(self) -> Vocabulary:
        """Return the characters that the voice knows."""
        return self._voice.vocabulary

    def config(self) -> Config:
        """Return the configuration of the training, with the network's sizes in the file."""
        shape = self._voice.network().shape
        config = Config.from_json(self._voice.metadata["onbook.config"])
        return dataclasses.replace(config, embedding=shape.embedding)

    def fingerprint(self) -> str:
        """Return a fingerprint of the voice."""
        return self._voice.fingerprint

    def __str__(self) -> str:
        return str(self.path)

    @cached_property
    def _voice(self) -> Voice:
        return Voice.read(self.path)


def trained(path: Path) -> Trained:
    """Return the voice at a path: a run folder, or a voice file."""
    return TrainedFile(path) if path.is_file() else Run(path)
