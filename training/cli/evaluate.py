"""Run ``evaluate``: measure a voice on texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from ..data.texts import list_files, read_each
from ..errors import TextError
from ..evaluation import measure_carried
from ..voice_file import open_voice
from .command import Command, Texts


@dataclass(frozen=True)
class Evaluate(Command):
    """Measure the bits per character of texts."""

    voice: Positional[Path]
    """A run folder, or a voice file."""
    texts: Texts
    """.fountain, .txt, .fdx, .md, or folders of them."""

    def __call__(self) -> int:
        """Print a table of the texts."""
        if not self.texts:
            raise TextError("No text is named: give files or folders, after the voice.")
        voice = open_voice(self.voice)
        model, vocabulary = voice.model(), voice.vocabulary()
        texts = read_each(list_files(self.texts))
        if not texts:
            raise TextError("There is no text in these folders: name others.")
        width = max(len(text.path) for text in texts)
        print(f"{'text':{width}} {'characters':>10} {'skipped':>8} {'bits per character':>18}")
        for text in texts:
            cost = measure_carried(model, vocabulary, text.content)
            counts = f"{cost.characters:10,} {vocabulary.count_skipped(text.content):8,}"
            print(f"{text.path:{width}} {counts} {cost.per_character:18.4f}")
        return 0
