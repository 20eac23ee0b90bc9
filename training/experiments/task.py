"""Define the task of all models: the text to learn, and the text to predict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from training.data.corpora import shakespeare
from training.data.texts import MINIMUM, Split, Text, collect
from training.data.vocabulary import Vocabulary
from training.errors import TextError
from training.evaluation import COLD_WINDOW

OWN = ("plays", "tinyshakespeare")
"""The names of the built-in tasks, which no corpus may have."""

LEARNED_SHARE = 0.9
"""Share of tinyshakespeare that is learned; the published figures use the same split."""


@dataclass(frozen=True)
class Task:
    """Texts to learn and texts to predict, the same for every model."""

    name: str
    learned: tuple[Text, ...]
    judged: tuple[Text, ...]
    """The texts to predict; the first also serves as validation text."""
    to_the_letter: bool = False
    """True if the texts are parts of one file. Then rare characters are kept apart too, and On
    Book's network is judged by its last weights, so that no judged text chooses a checkpoint;
    other people's recipes and the length of an n-gram are still chosen on the judged text."""

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Return the vocabulary of the models."""
        if self.to_the_letter:
            characters = {c for text in (*self.learned, *self.judged) for c in text.content}
            return Vocabulary(tuple(sorted(characters | {"\n"})), {})
        return Vocabulary.of(text.content for text in self.learned)

    @cached_property
    def fingerprint(self) -> str:
        """Hash learned and judged texts with SHA-256; rows are comparable only if it is equal."""
        parts = [text.content for texts in (self.learned, self.judged) for text in texts]
        said = json.dumps([len(self.learned), *parts])
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def split(self) -> Split:
        """Return the texts as the split of a run."""
        chooses, *others = self.judged
        return Split(self.learned, (chooses,), tuple(others))


def of_texts(paths: Sequence[Path], name: str) -> Task:
    """Return the task of a corpus with held-out parts; raises TextError for unusable texts."""
    split = collect(paths)
    judged = (*split.validation, *split.test)
    for text in judged:
        if len(text.content) <= COLD_WINDOW:
            raise TextError(
                f"{text.name} has only {len(text.content):,} characters, but more than "
                f"{COLD_WINDOW} are needed: lengthen it, or leave it out."
            )
    return Task(name, split.train, judged)


def of_corpus(folder: Path) -> Task:
    """Return the task of the corpus in a folder, named like the folder.

    Raises TextError for unusable texts, and for a name whose rows would mix with other rows.
    """
    name = folder.resolve().name
    if not name or name in OWN:
        raise TextError(
            f"The name of {folder} is taken by other texts: rename the folder to none of "
            f"{', '.join(OWN)}."
        )
    return of_texts([folder], name)


def plays() -> Task:
    """Return the task of learning 36 plays and predicting Twelfth Night (validation) and Macbeth.

    Raises CorpusError when the package with the plays is missing.
    """
    with TemporaryDirectory() as folder:
        shakespeare.write_plays(Path(folder))
        return of_texts([Path(folder)], "plays")


def tinyshakespeare(file: Path) -> Task:
    """Return the task of learning the first nine tenths of a file and predicting the last.

    Raises TextError for a file that cannot be read, or that is too short.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{file} cannot be read as UTF-8 text: check the name.") from error
    if len(text) < MINIMUM:
        raise TextError(
            f"{file} has only {len(text):,} characters, but {MINIMUM:,} are needed: lengthen it."
        )
    end = int(len(text) * LEARNED_SHARE)
    learned, judged = Text("learned", text[:end]), Text("last-tenth", text[end:])
    return Task("tinyshakespeare", (learned,), (judged,), to_the_letter=True)
