"""Test recall: which words a line takes up, how readily, and once."""

from __future__ import annotations

import asyncio
import dataclasses
import re

import numpy as np
import pytest

from bot.inference.batch import Batch
from bot.inference.engine import Engine
from bot.inference.lexicon import (
    DISTANCE_DECAY,
    MODEL_WORD_WEIGHT,
    MOST_RECALL_WORDS,
    RECALL_LINES,
    SPELLING_PADDING,
    Lexicon,
    collect_recall_words,
)
from bot.inference.model import Model
from bot.inference.processors.recall import GAINS, Recall
from bot.inference.processors.repetition import REACH
from bot.inference.request import Request
from bot.inference.row_store import Checkpoint, Row, RowStore
from bot.inference.sampling import Sampling
from bot.inference.word_filter import BannedWordFilter
from bot.screenplay.fountain import format_for_model

LETTERS = "\n .,ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LEXICON = Lexicon(tuple(LETTERS), frozenset({"the", "and", "with", "yes", "what"}))

Heard = list[tuple[str, bool]]


def remembered(*heard: tuple[str, bool]) -> dict[str, float]:
    found = collect_recall_words(LEXICON, tuple(heard))
    words = ["".join(LETTERS[i] for i in row if i != SPELLING_PADDING) for row in found.words.T]
    assert all(
        bool(word) == (weight > 0) for word, weight in zip(words, found.weights, strict=True)
    )
    return {word: float(weight) for word, weight in zip(words, found.weights, strict=True) if word}


def test_rare_words_are_remembered_in_both_spellings():
    found = remembered(("MAYA\nWhat, the swan and TEN Feathers with me?", True))
    assert set(found) == {"swan", "Swan", "ten", "Ten", "Feathers"}
    assert set(found.values()) == {1.0}


def test_a_capital_tells_nothing_where_a_sentence_begins():
    found = remembered(("MAYA\nSwans. Feathers\nKitchens, Rome", True))
    assert set(found) == {
        *("swans", "Swans", "feathers", "Feathers", "kitchens", "Kitchens"),
        "Rome",
    }


def test_who_speaks_is_a_name_and_no_word():
    assert set(remembered(("MAYA\nYes.", True), ("JONAS\nMaya.", True))) == {"Maya"}


def test_words_fade_and_those_of_people_count_most():
    found = remembered(("A swan.", True), ("A goose.", False), ("A heron.", True))
    expected = {
        "heron": 1.0,
        "goose": MODEL_WORD_WEIGHT * DISTANCE_DECAY,
        "swan": DISTANCE_DECAY**2,
    }
    assert {word: found[word] for word in expected} == pytest.approx(expected)


def test_what_the_voice_has_taken_up_is_spent_until_a_person_says_it_again():
    lines: Heard = [("A swan.", True), ("The swan.", False)]
    assert remembered(*lines) == {}
    assert set(remembered(*lines, ("Swan, swan?", True))) == {"swan", "Swan"}
    assert set(remembered(("A swan, a swan.", False))) == {"swan", "Swan"}


def test_only_so_many_lines_and_words_are_remembered():
    assert remembered(("A swan.", True), *[("Yes.", True)] * RECALL_LINES) == {}
    assert "swan" in remembered(("A swan.", True), *[("Yes.", True)] * (RECALL_LINES - 1))
    many = " ".join("w" + letter * 4 for letter in LETTERS[-26:])
    found = remembered((many, True), ("A swan.", True))
    assert len(found) == MOST_RECALL_WORDS
    assert found["swan"] == 1.0
    assert remembered(("A " + "w" * 17 + " caf\u00e9.", True)) == {}


class Line:
    """The line of one row, between two others that take nothing up."""

    def __init__(self, model: Model, strength: float = 1.0, *, speaking: bool = True) -> None:
        self.model = model
        found = collect_recall_words(lexicon(model), (("There was a swan.", True),))
        prompt = model.encode("MAYA\n" if speaking else "\n")
        request = Request(
            model.start(), prompt, Sampling(0, recall=strength), 80, recall_words=found
        )
        self.begin(request)

    @classmethod
    def of(cls, model: Model, request: Request) -> Line:
        """Return the line of a request."""
        line = cls.__new__(cls)
        line.model = model
        line.begin(request)
        return line

    def begin(self, request: Request) -> None:
        self.rows = RowStore(self.model, 3, history=REACH)
        self.recall = Recall(self.model, self.rows)
        for said_before in (None, request.recall_words, None):
            one = dataclasses.replace(request, recall_words=said_before)
            row = Row(one, future=None)  # nobody waits for this row
            self.rows.add(row)
            self.rows.start_writing(row)
            self.recall.begin(row, one.sampling)

    def write(self, text: str) -> Line:
        return self.write_tokens(self.model.encode(text))

    def write_tokens(self, tokens: np.ndarray) -> Line:
        for token in tokens:
            chosen = np.array([0, token, 0])
            self.recall.apply(np.zeros((3, len(self.model.vocabulary)), np.float32))
            self.recall.update(chosen)
            self.rows.column += 1
        return self

    @property
    def likelier(self) -> dict[str, float]:
        """Return by how many nats each favoured character is likelier."""
        logits = np.zeros((3, len(self.model.vocabulary)), np.float32)
        self.recall.apply(logits)
        assert not logits[[0, 2]].any()
        return {self.model.vocabulary[i]: float(logits[1, i]) for i in logits[1].nonzero()[0]}


def lexicon(model: Model) -> Lexicon:
    return Lexicon(model.vocabulary, frozenset({"there", "was"}))


def test_a_word_gets_likelier_as_long_as_it_agrees(model: Model):
    assert set(Line(model).likelier) == {"s", "S"}
    begun = Line(model).write("My s")
    assert set(begun.likelier) == {"w"}
    assert begun.likelier["w"] > Line(model).likelier["s"] > 0
    assert set(begun.write("wa").likelier) == {"n"}
    assert begun.write("n").likelier == {}
    assert Line(model).write("My so").likelier == {}
    assert Line(model).write("My sow, ").likelier == Line(model).likelier


def test_it_is_spent_once_it_is_written_whole(model: Model):
    assert Line(model).write("My swan ").likelier == {"S": pytest.approx(GAINS[0])}
    assert Line(model).write("My swans ").likelier == Line(model).likelier


def test_a_cue_takes_nothing_up(model: Model):
    assert Line(model, speaking=False).likelier == {}
    assert Line(model, speaking=False).write("THE ").likelier == {}
    assert Line(model, speaking=False).write("THE DUKE\n").likelier == Line(model).likelier
    assert Line(model, speaking=False).write("The ").likelier == Line(model).likelier


def test_going_back_gives_a_word_back(model: Model):
    line = Line(model).write("My ")
    before, [_, checkpoint, _] = line.likelier, line.rows.checkpoints(np.arange(3))
    line.write("swan s")
    line.rows.restore(line.rows.rows[1], checkpoint)
    assert line.likelier == before
    assert set(line.write("swa").likelier) == {"n"}


def test_the_strength_is_that_which_was_asked_for(model: Model):
    assert Line(model, 2.0).likelier["s"] == pytest.approx(2 * Line(model, 1.0).likelier["s"])


def test_what_a_voice_writes_anyway_is_common(model: Model):
    found = Lexicon.of(model)
    assert {"the", "and", "you"} < found.common
    assert found.common == Lexicon.of(dataclasses.replace(model, fingerprint="another")).common
    assert not found.is_rare("The")
    assert not found.is_rare("ox")
    assert found.is_rare("Swan")


HEARD = (("MAYA\nWhere are the feathers, where is the swan?", True),)


def asked(engine: Engine, recall: float, seed: int) -> Request:
    model = engine.model
    before = model.encode(format_for_model(HEARD[0][0]))
    cue = model.encode("\nBEATRICE\n")
    sampling = Sampling(seed, 0.8, recall=recall)
    found = collect_recall_words(engine.lexicon, HEARD)
    return Request(model.start(), cue, sampling, 40 + 3 * seed, before, recall_words=found)


async def written(engine: Engine, recall: float, **more: object) -> list[str]:
    requests = [asked(engine, recall, seed) for seed in range(60)]
    changed = [dataclasses.replace(one, **more) for one in requests]  # type: ignore[arg-type]  # fields
    replies = await asyncio.gather(*map(engine.run, changed))
    return [engine.model.decode(reply.written) for reply in replies]


def taken_up(lines: list[str]) -> list[int]:
    """Count the recalled words in each line."""
    return [len(re.findall(r"\b(?:swan|feathers)\b", line)) for line in lines]


async def test_words_are_taken_up_once(engine: Engine):
    never = taken_up(await written(engine, 0.0))
    often = taken_up(await written(engine, 2.0))
    assert sum(never) < 5
    assert sum(map(bool, often)) > 12
    assert max(often) <= 2  # once for each of the two words


def entries(recall: Recall, row: int) -> list[np.ndarray]:
    """Return all that a recall keeps of a row."""
    arrays = (
        *(recall.active, recall._words, recall._weights, recall._in_text),
        *(recall._agree, recall._agrees, recall._letters),
    )
    return [array[row] for array in arrays]


async def test_going_back_before_a_banned_word_leaves_no_trace_of_it(model: Model):
    traces: list[bool] = []

    class Watching(Batch):
        """A batch that compares a row that went back with a row that wrote only what is left."""

        def __init__(self, model: Model, capacity: int) -> None:
            super().__init__(model, capacity)
            [self.recall] = [one for one in self._processors if isinstance(one, Recall)]
            self.restore = self._store.restore
            self._store.restore = self.compare

        def compare(self, row: Row, checkpoint: Checkpoint) -> None:
            self.restore(row, checkpoint)
            left = self._store.tokens[row.index, row.first : row.first + checkpoint.position]
            fresh = Line.of(self.model, row.request).write_tokens(left)
            pairs = zip(entries(fresh.recall, 1), entries(self.recall, row.index), strict=True)
            traces.append(not all(np.array_equal(mine, its) for mine, its in pairs))

    class Watched(Engine):
        batch_class = Watching

    engine = Watched(model)
    banned = BannedWordFilter.of(model.vocabulary, ["swan", "feathers in", "the", "me"])
    await written(engine, 2.0, banned=banned)
    await asyncio.to_thread(engine.close)
    assert len(traces) > 30
    assert not any(traces)


async def test_what_must_not_be_said_is_not_taken_up(engine: Engine):
    banned = BannedWordFilter.of(engine.model.vocabulary, ["swan"])
    lines = await written(engine, 2.0, banned=banned)
    assert not any(re.search(r"\bswan\b", line, re.IGNORECASE) for line in lines)
    assert sum(taken_up(lines)) > 6
