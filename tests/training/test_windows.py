"""Tests of windows, and of texts as arrays of token ids, which a step reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.batches import Ahead, Batches
from training.data.texts import Text, collect
from training.data.tokens import Tokens, decode, encode
from training.data.vocabulary import Vocabulary
from training.data.windows import Windows
from training.distributed import ALONE, Team
from training.evaluation import cut_excerpt


def test_windows_are_cut_from_the_texts_shuffled_in_each_epoch():
    draw = np.random.default_rng(1)
    texts = [torch.from_numpy(draw.integers(0, 99, draw.integers(1, 40))) for _ in range(30)]
    windows = Windows.of_texts(texts, batch=3, window=8, seed=5)
    for epoch in range(2):
        generator = torch.Generator().manual_seed(5 * 100_003 + epoch)
        order = torch.randperm(30, generator=generator).tolist()
        joined = torch.cat([texts[text] for text in order])
        at = torch.arange(3) * windows.length + torch.arange(windows.length + 1)[:, None]
        streams = joined[at]
        for number in range(windows.per_epoch):
            inputs, targets, begins = windows.at(epoch * windows.per_epoch + number)
            start = number * 8
            assert begins == (number == 0)
            assert torch.equal(inputs, streams[start : start + 8])
            assert torch.equal(targets, streams[start + 1 : start + 9])


def test_an_epoch_repeats_a_text_as_configured():
    texts = [np.full(20, i) for i in range(3)]
    read_at = []

    def reading(text: int, time: int) -> np.ndarray:
        read_at.append((text, time))
        return texts[text]

    windows = Windows([20, 20, 20], reading, batch=1, window=5, seed=1, times=[1, 3, 1])
    steps = range(windows.per_epoch)
    read = torch.cat([windows.at(step)[0] for step in steps]).flatten()
    # The last window of an epoch is whole only if a character follows it.
    assert torch.bincount(read).sum() == 95
    assert torch.bincount(read)[1] >= 55
    places = np.concatenate([windows.places(step) for step in steps]).flatten()
    assert (np.concatenate(texts)[places] == read.numpy()).all()
    # Each variant is made once, when the streams reach it, and again in the next epoch.
    assert sorted(read_at) == [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0)]
    for step in steps:
        windows.at(step + len(steps))
    assert sorted(read_at[5:]) == [(0, 1), (1, 3), (1, 4), (1, 5), (2, 1)]


def test_a_process_gathers_only_its_own_streams():
    windows = Windows.of_texts([torch.arange(400)], batch=4, window=9, seed=1)
    whole, places = windows.at(3)[0], windows.places(3)
    own = slice(2, 4)
    assert torch.equal(windows.at(3, own)[0], whole[:, own])
    assert (windows.places(3, own) == places[:, own]).all()


def test_a_prefetched_batch_is_that_of_its_step():
    windows = Windows.of_texts([torch.arange(400)], batch=4, window=9, seed=1)
    parts = (np.arange(400) // 100).astype(np.int8)
    batches = Batches(windows, Team(rank=1, size=2), parts)
    ahead = Ahead(batches, torch.device("cpu"))
    for step in (0, 1, 2, 7, 3, 4):  # in order, or not
        batch, expected = ahead.at(step), batches.at(step)
        assert torch.equal(batch.inputs, expected.inputs)
        assert torch.equal(batch.targets, windows.at(step)[1][:, 2:])
        assert torch.equal(batch.parts, batch.inputs // 100)
        assert batch.starting.tolist() == [step == 0] * 2


def test_an_error_while_prefetching_is_raised():
    def reading(text: int, time: int) -> np.ndarray:
        raise RuntimeError("no such text")

    ahead = Ahead(Batches(Windows([50], reading, 1, 8, 1), ALONE), torch.device("cpu"))
    with pytest.raises(RuntimeError, match="no such text"):
        ahead.at(0)


def test_tokens_are_saved_and_loaded(scenes: Path, tmp_path: Path):
    texts = collect([scenes]).train
    vocabulary = Vocabulary.of(text.content for text in texts)
    tokens = Tokens.of(texts, vocabulary)
    assert tokens.ids.dtype == np.uint8
    assert [vocabulary.decode(one.tolist()) for one in tokens] == [
        f"\n{text.content}\n" for text in texts
    ]
    assert any("ROSALIND" in cast for cast in tokens.people)
    tokens.save(tmp_path / "corpus.npz")
    assert (tmp_path / "corpus.npz").stat().st_size < 0.6 * len(tokens.ids)
    again = Tokens.load(tmp_path / "corpus.npz")
    assert again.fingerprint == tokens.fingerprint
    assert (again.names, again.folders, again.people) == (
        tokens.names,
        tokens.folders,
        tokens.people,
    )
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
    written = decode(tokens.packed(0), tokens.letters)
    assert written == f"\n{content}\n"
    assert (encode(written, tokens.letters, tokens.ids.dtype) == tokens.packed(0)).all()


def test_characters_need_no_order():
    letters = np.array([ord(one) for one in "\nza\u00f6b"], dtype="<u4")
    ids = np.array([3, 1, 2, 4, 0, 3], dtype=np.uint8)
    assert decode(ids, letters) == "\u00f6zab\n\u00f6"
    assert (encode("\u00f6zab\n\u00f6", letters, ids.dtype) == ids).all()


def test_an_excerpt_has_some_of_each_text():
    texts = [f"{letter}\n\n" * 300 for letter in "abc"] + ["d\n\n" * 30]
    read = cut_excerpt(texts, 600)
    assert len(read) <= 600
    assert read == cut_excerpt(texts, 600)
    assert all(read.count(letter) > 50 for letter in "abc")
    assert 3 < read.count("d") < 30
    assert cut_excerpt(["one", "two"], 600) == "one\n\ntwo"
