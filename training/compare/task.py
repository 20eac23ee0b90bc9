"""What all models are asked: which text to learn, and which to predict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from training import corpus
from training.evaluate import COLD_WINDOW
from training.texts import MINIMUM, Split, Text, TextError, collect
from training.vocabulary import Vocabulary

OWN = ("plays", "tinyshakespeare", "ablations")
"""The names of tasks that are not those of a person's corpus."""

LEARNED_SHARE = 0.9
"""Of tinyshakespeare; the rest is predicted. This is the split of the published figures."""

PROBED_SHARE = 0.05
"""Of tinyshakespeare, at its start, that is predicted while a recipe is chosen."""


@dataclass(frozen=True)
class Task:
    """Texts to learn and texts to predict, the same for every model."""

    name: str
    learned: tuple[Text, ...]
    judged: tuple[Text, ...]
    """The first of them also chooses: a learning rate, a checkpoint, the length of an n-gram."""
    to_the_letter: bool = False
    """Whether the texts are parts of one file: characters that are rare are told apart as well,
    and of our own network the last weights count, so that what is judged chooses none. Other
    people's recipes, and the length of an n-gram, are chosen by it all the same."""

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The characters that the models tell apart."""
        if self.to_the_letter:
            characters = {c for text in (*self.learned, *self.judged) for c in text.content}
            return Vocabulary(tuple(sorted(characters | {"\n"})), {})
        return Vocabulary.of(text.content for text in self.learned)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what is learned and what is predicted: rows of other texts are no rivals."""
        parts = [text.content for texts in (self.learned, self.judged) for text in texts]
        said = json.dumps([len(self.learned), *parts])
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def split(self) -> Split:
        """The texts as a run takes them."""
        chooses, *others = self.judged
        return Split(self.learned, (chooses,), tuple(others))


def of_texts(paths: Sequence[Path], name: str) -> Task:
    """A task of a corpus that has a validation part, and perhaps a test part.

    Raises TextError for texts that cannot be used.
    """
    split = collect(paths)
    judged = (*split.validation, *split.test)
    for text in judged:
        if len(text.content) <= COLD_WINDOW:
            raise TextError(
                f"{text.name} has {len(text.content):,} characters, too few to be judged by: give "
                f"it more than {COLD_WINDOW}, or leave it out."
            )
    return Task(name, split.train, judged)


def of_corpus(folder: Path) -> Task:
    """A task of the corpus in a folder, called as that is.

    Raises TextError for texts that cannot be used, and where rows would lie among others.
    """
    name = folder.resolve().name
    if not name or name in OWN:
        raise TextError(
            f"Rows of {folder} cannot be told from those of other texts by its name: give the "
            f"folder another one than {', '.join(OWN)}."
        )
    return of_texts([folder], name)


def plays() -> Task:
    """36 plays to learn; Twelfth Night, which chooses, and Macbeth to predict.

    Raises CorpusError when the package that has them is missing.
    """
    with TemporaryDirectory() as folder:
        corpus.plays(Path(folder))
        return of_texts([Path(folder)], "plays")


def tinyshakespeare(file: Path) -> Task:
    """The first nine tenths of a file to learn and the last to predict.

    Raises TextError for a file that cannot be read, or that is too short.
    """
    text = _read(file)
    end = int(len(text) * LEARNED_SHARE)
    return _to_the_letter("tinyshakespeare", text[:end], Text("last-tenth", text[end:]))


def ablations(file: Path) -> Task:
    """Of the same nine tenths the first twentieth to predict, and the rest to learn.

    So a change can be judged without a look at the last tenth. Raises TextError for a file that
    cannot be read, or that is too short.
    """
    text = _read(file)
    begin, end = int(len(text) * PROBED_SHARE), int(len(text) * LEARNED_SHARE)
    return _to_the_letter("ablations", text[begin:end], Text("first-twentieth", text[:begin]))


def _read(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{file} cannot be read as UTF-8 text: check the name.") from error
    if len(text) < MINIMUM:
        raise TextError(
            f"{file} has {len(text):,} characters and {MINIMUM:,} are needed: give a longer file."
        )
    return text


def _to_the_letter(name: str, learned: str, judged: Text) -> Task:
    return Task(name, (Text("learned", learned),), (judged,), to_the_letter=True)
