"""Run ``evaluate`` and ``calibrate``: measure a run on texts, and fit its confidence to one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from ..data.texts import read
from ..errors import TextError
from ..evaluation import COLD_WINDOW, calibrate, measure_carried, measure_cold
from ..run import Run
from .command import Command, Texts


@dataclass(frozen=True)
class Evaluate(Command):
    """Measure the bits per character of texts."""

    run: Positional[Path]
    """A run folder."""
    texts: Texts
    """The texts to read."""

    def __call__(self) -> int:
        """Print a table of the texts."""
        if not self.texts:
            raise TextError("No text is named: give the files to read, after the run.")
        run = Run(self.run)
        model, vocabulary = run.model(), run.vocabulary()
        heads = "text", "characters", "skipped", "carried state", "cold windows"
        print("{:28} {:>10} {:>8} {:>14} {:>13}".format(*heads))
        for path in self.texts:
            text = read(path)
            cost = measure_carried(model, vocabulary, text.content)
            cold = measure_cold(model, vocabulary, text.content)
            print(
                f"{text.name:28} {cost.characters:10,} {vocabulary.count_skipped(text.content):8,} "
                f"{cost.per_character:14.4f} {cold.per_character:13.4f}"
            )
        print(
            "Bits per character. Carried state: read from start to end. "
            f"Cold windows: {COLD_WINDOW} characters each, from an empty state."
        )
        return 0


@dataclass(frozen=True)
class Calibrate(Command):
    """Scale a run's logits so that its confidence fits a text."""

    run: Positional[Path]
    """A run folder, whose weights change."""
    text: Positional[Path]
    """A text that it has not learned."""

    def __call__(self) -> int:
        """Divide the logits by the temperatures that fit the text."""
        run, text = Run(self.run), read(self.text)
        model, vocabulary = run.model(), run.vocabulary()
        before = measure_carried(model, vocabulary, text.content)
        temperatures, cost = calibrate(model, vocabulary, text.content)
        run.divide_logits(temperatures, cost.per_character)
        divisors = " ".join(f"{temperature:g}" for temperature in temperatures)
        print(
            f"Its logits are divided by {divisors} now: a character of {text.name} costs "
            f"{cost.per_character:.4f} bits, and cost {before.per_character:.4f} before."
        )
        return 0
