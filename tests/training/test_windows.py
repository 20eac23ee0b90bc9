"""Tests of windows, and of texts as arrays of token ids, which a step reads."""

from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.batches import Batches
from training.data.texts import Text, collect
from training.data.tokens import Tokens
from training.data.vocabulary import Vocabulary
from training.data.windows import Windows
from training.evaluation import cut_excerpt


def test_windows_are_cut_from_the_texts_shuffled_in_each_epoch():
    lengths = np.random.default_rng(1).integers(1, 40, 30).tolist()
    places = np.arange(sum(lengths))
    texts = np.split(places, np.cumsum(lengths)[:-1])
    windows = Windows(lengths, batch=3, window=8, seed=5)
    for epoch in range(2):
        generator = torch.Generator().manual_seed(5 * 100_003 + epoch)
        order = torch.randperm(30, generator=generator).tolist()
        joined = np.concatenate([texts[text] for text in order])
        streams = joined[np.arange(3) * windows.length + np.arange(windows.length + 1)[:, None]]
        for number in range(windows.per_epoch):
            read, begins = windows.at(epoch * windows.per_epoch + number)
            assert begins == (number == 0)
            assert (read == streams[number * 8 : number * 8 + 9]).all()


def test_an_epoch_repeats_a_text_as_configured():
    windows = Windows([20, 20, 20], batch=1, window=5, seed=1, times=[1, 3, 1])
    for epoch in range(2):
        steps = range(epoch * windows.per_epoch, (epoch + 1) * windows.per_epoch)
        read = np.concatenate([windows.at(step)[0][:-1] for step in steps]).flatten()
        # The last window of an epoch is whole only if a character follows it.
        assert len(read) == 95
        assert np.bincount(read // 20)[1] >= 55


def test_a_prefetched_batch_is_that_of_its_step():
    windows = Windows([400], batch=4, window=9, seed=1)
    folds = (np.arange(400) // 100).astype(np.int8)
    ids = np.arange(400, dtype=np.uint16)
    batches = Batches(windows, ids, folds, torch.device("cpu"))
    for step in (0, 1, 2, 7, 3, 4):  # in order, or not
        batch, read = batches.at(step), torch.from_numpy(windows.at(step)[0])
        assert torch.equal(batch.inputs, read[:-1])
        assert torch.equal(batch.targets, read[1:])
        assert torch.equal(batch.folds, batch.inputs // 100)
        assert batch.begins_epoch == (step == 0)


def test_an_error_while_prefetching_is_raised():
    too_few = np.zeros(1, dtype=np.uint8)
    batches = Batches(Windows([50], 1, 8, 1), too_few, None, torch.device("cpu"))
    with pytest.raises(IndexError):
        batches.at(0)


def test_tokens_are_saved_and_loaded(scenes: Path, tmp_path: Path):
    texts = collect([scenes]).train
    vocabulary = Vocabulary.of(text.content for text in texts)
    tokens = Tokens.of(texts, vocabulary)
    assert tokens.ids.dtype == np.uint8
    read = [vocabulary.decode(row.tolist()) for row in tokens]
    assert read == [f"\n{text.content}\n" for text in texts]
    tokens.save(tmp_path / "corpus.npz")
    assert (tmp_path / "corpus.npz").stat().st_size < 0.6 * len(tokens.ids)
    again = Tokens.load(tmp_path / "corpus.npz")
    assert again.fingerprint == tokens.fingerprint
    assert (again.names, again.folders) == (tokens.names, tokens.folders)
    other = Tokens.of(texts[1:], vocabulary)
    assert other.fingerprints() == tokens.fingerprints()[1:]
    assert other.fingerprint != tokens.fingerprint
    assert torch.equal(next(iter(other)), list(tokens)[1])


def test_more_than_256_characters_take_two_bytes():
    characters = tuple(sorted({"\n", *map(chr, range(0x4E00, 0x4F10))}))
    vocabulary = Vocabulary(characters, {})
    content = "".join(characters[1:])
    tokens = Tokens.of([Text("one", content)], vocabulary)
    assert tokens.ids.dtype == np.uint16
    assert vocabulary.decode(tokens.packed(0)) == f"\n{content}\n"


def test_an_excerpt_has_some_of_each_text():
    texts = [f"{letter}\n\n" * 300 for letter in "abc"] + ["d\n\n" * 30]
    read = cut_excerpt(texts, 600)
    assert len(read) <= 600
    assert read == cut_excerpt(texts, 600)
    assert all(read.count(letter) > 50 for letter in "abc")
    assert 3 < read.count("d") < 30
    assert cut_excerpt(["one", "two"], 600) == "one\n\ntwo"
