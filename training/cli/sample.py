"""Run ``sample``: write a scene, to see what a training has learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from ..evaluation import write_sample
from ..ranges import NonNegativeInt, PositiveFloat, PositiveInt
from ..voice_file import open_voice
from .command import Command


@dataclass(frozen=True, kw_only=True)
class Sample(Command):
    """Write a scene from a run, to see what it has learned.

    The text is drawn character by character. In a bot the voice writes better, because a bot
    compares several versions of each line.
    """

    run: Positional[Path]
    """A run folder, also while it is trained, or a voice file."""
    beginning: str = "INT. DINER - NIGHT"
    """The first line."""
    length: PositiveInt = 600
    """Number of characters."""
    temperature: PositiveFloat = 0.8
    """Lower is safer, higher is wilder."""
    seed: NonNegativeInt = 1
    """Another seed writes another scene."""

    def __call__(self) -> int:
        """Print the first line and what follows."""
        voice = open_voice(self.run)
        model, vocabulary = voice.model(), voice.vocabulary()
        prompt = f"\n{self.beginning}\n\n"
        written = write_sample(model, vocabulary, prompt, self.length, self.temperature, self.seed)
        print(f"{self.beginning}\n\n{written}")
        return 0
