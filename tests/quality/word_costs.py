"""Measure what a word costs where a script says it first, and where the script says it again.

A voice that takes up what was just said expects the words of the last lines, so that a word costs
fewer bits when it comes again. Bits per character hardly show this, because few words come again.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from bot.arrays import Tokens
from bot.inference.model import Model, StepBuffers
from bot.inference.sampling import compute_token_bits
from bot.screenplay.fountain import format_for_model
from tests.tools.tables import format_head, format_row
from training.data.texts import Text

from .mentions import (
    AGAIN,
    FIRST,
    GROUPS,
    LATER,
    LEAST,
    NEAR,
    UNMET,
    Mention,
    find_group,
    find_mentions,
    split_scenes,
)
from .reader import Reader

Bits = NDArray[np.float64]

ROWS = 64
"""Texts that a voice reads side by side."""

COLUMNS: dict[str, Callable[[Mention], bool]] = {
    "first": lambda mention: mention.when == FIRST,
    "again": lambda mention: mention.when == AGAIN,
    "later": lambda mention: mention.when == LATER,
    "again, not as a cue": lambda mention: mention.when == AGAIN and not mention.in_cue,
    "second": lambda mention: mention.number == 2,
}

LEGEND = (
    "Bits a content word, and how many there are: words of at least "
    f"{LEAST} letters that are not among the commonest. First: its first mention in a scene, or in "
    f"a text that is read whole. Again: last said in the same element or at most {NEAR} before. "
    "Later: last said before that. Second: its second mention, near or far."
)


@dataclass(frozen=True)
class Reading:
    """A text as it was read, in pieces with a cost: characters of a voice, tokens of the reader."""

    text: str
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    bits: Bits

    def cost(self, begin: int, end: int) -> float:
        """Return the bits of all pieces that overlap a part of the text."""
        first = np.searchsorted(self.ends, begin, "right")
        last = np.searchsorted(self.begins, end, "left")
        return float(self.bits[first:last].sum())


def table(
    model: Model, texts: Iterable[Text], reader: Reader | None = None, unmet: Collection[str] = ()
) -> str:
    """Return the costs of words to a voice, and to the reader if there is one, as Markdown.

    Args:
        model: The voice; the network alone, without what the bot mixes in.
        texts: The texts, in groups by their names. Each scene of a volume is read by itself.
        reader: The independent reader, which reads the same characters.
        unmet: Words of the texts with unmet words that have a row of their own.
    """
    scenes: dict[str, list[str]] = {group: [] for group in GROUPS}
    for text in texts:
        scenes[find_group(text.name)] += split_scenes(text)
    rows = format_head(["", "read by", "bits a character", *COLUMNS], labels=2)
    for group, some in scenes.items():
        if not some:
            continue
        by = {model.name: read_with_voice(model, some)}
        if reader:
            by["the reader"] = read_with_reader(reader, [entry.text for entry in by[model.name]])
        name = f"{group}: {len(some)}"
        for who, found in by.items():
            bits = sum(float(reading.bits.sum()) for reading in found)
            per_character = bits / sum(len(reading.text) for reading in found)
            rows.append(format_row([name, who, f"{per_character:.3f}", *_cells(found)]))
        if group == UNMET and unmet:
            name = "of these, listed words that nothing learned has"
            for who, found in by.items():
                rows.append(format_row([name, who, "", *_cells(found, unmet)]))
    return "\n".join([*rows, "", LEGEND])


def _cells(readings: Sequence[Reading], only: Collection[str] | None = None) -> list[str]:
    """Return the mean bits of mentions, and how many there are, by column."""
    costs = [
        (mention, reading.cost(mention.begin, mention.end))
        for reading in readings
        for mention in find_mentions(reading.text)
        if only is None or mention.word in only
    ]
    found = [[bits for mention, bits in costs if has(mention)] for has in COLUMNS.values()]
    return [f"{np.mean(bits):.2f} ({len(bits):,})" if bits else "(0)" for bits in found]


def read_with_voice(model: Model, texts: Sequence[str]) -> list[Reading]:
    """Return the bits of each character of texts, each read by the network from an empty state.

    The texts of the readings are as the voice reads them: without what it cannot read, and with the
    newline that ends the last element.
    """
    encoded = [model.encode(format_for_model(text)) for text in texts]
    order = sorted(range(len(texts)), key=lambda at: -len(encoded[at]))
    found: dict[int, Reading] = {}
    size = sum(map(len, encoded))
    with tqdm(desc="the voice reads", total=size, leave=False, disable=None) as bar:
        for start in range(0, len(order), ROWS):
            batch = order[start : start + ROWS]
            costs = _read_rows(model, [encoded[at] for at in batch], bar)
            for at, bits in zip(batch, costs, strict=True):
                begins = np.arange(len(bits))
                # The newline before the first element costs nothing, because nothing predicts it.
                text = model.decode(encoded[at][1:])
                found[at] = Reading(text, begins, begins + 1, bits)
    return [found[at] for at in range(len(texts))]


def _read_rows(model: Model, rows: Sequence[Tokens], bar: tqdm) -> list[Bits]:
    """Return the bits of each character but the first in each row; the longest row comes first."""
    lengths = np.array([len(row) for row in rows])
    padded = np.zeros((len(rows), lengths[0]), np.int64)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    bits = np.zeros((len(rows), lengths[0] - 1))
    buffers = StepBuffers(model, len(rows))
    for at in range(lengths[0] - 1):
        count = np.count_nonzero(lengths > at + 1)
        buffers.tokens[:count] = padded[:count, at]
        buffers.step(count)
        bits[:count, at] = compute_token_bits(buffers.logits[:count], padded[:count, at + 1])
        bar.update(count)
    return [row[: length - 1] for row, length in zip(bits, lengths, strict=True)]


def read_with_reader(reader: Reader, texts: Sequence[str]) -> list[Reading]:
    """Return the bits of each token of texts, each read from its start.

    A token may contain more than a word, most often the space before it, so a word costs the reader
    the sum over all tokens that overlap it.
    """
    found = []
    for text in tqdm(texts, "the reader reads", leave=False, disable=None):
        begins, ends, bits = zip(*reader.read(text), strict=True)
        found.append(Reading(text, np.array(begins), np.array(ends), np.array(bits)))
    return found
