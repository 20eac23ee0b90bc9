"""Test recall: which words a line may take up, how readily, and that it does so once."""

from __future__ import annotations

import asyncio
import dataclasses
import re

import numpy as np
import pytest

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
from bot.inference.row_store import Row, RowStore
from bot.inference.sampling import Sampling
from bot.inference.word_filter import build_word_filter
from bot.screenplay.fountain import format_for_model

LETTERS = "\n .,ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LEXICON = Lexicon(tuple(LETTERS), frozenset({"the", "and", "with", "yes", "what"}))


def weigh_words(*heard: tuple[str, bool]) -> dict[str, float]:
    """Return the weights of the words that a line may take up after these."""
    found = collect_recall_words(LEXICON, tuple(heard))
    words = ["".join(LETTERS[i] for i in row if i != SPELLING_PADDING) for row in found.words.T]
    assert (found.weights > 0).tolist() == [word != "" for word in words]
    return dict(zip(filter(None, words), found.weights.tolist(), strict=False))


def test_rare_words_are_recalled_in_both_spellings():
    found = weigh_words(("MAYA\nWhat, the swan and TEN Feathers with me?", True))
    assert set(found) == {"swan", "Swan", "ten", "Ten", "Feathers"}
    assert set(found.values()) == {1.0}


def test_a_capital_marks_no_name_where_a_sentence_begins():
    found = weigh_words(("MAYA\nSwans. Feathers\nKitchens, Rome", True))
    either = {"swans", "Swans", "feathers", "Feathers", "kitchens", "Kitchens"}
    assert set(found) == either | {"Rome"}


def test_a_speaker_is_recalled_as_a_name_alone():
    assert set(weigh_words(("MAYA\nYes.", True), ("JONAS\nMaya.", True))) == {"Maya"}


def test_words_fade_and_those_of_people_weigh_most():
    found = weigh_words(("A swan.", True), ("A goose.", False), ("A heron.", True))
    weights = [found[word] for word in ("heron", "goose", "swan")]
    assert weights == pytest.approx([1.0, MODEL_WORD_WEIGHT * DISTANCE_DECAY, DISTANCE_DECAY**2])


def test_a_word_that_the_model_said_again_is_spent_until_a_person_says_it():
    lines = [("A swan.", True), ("The swan.", False)]
    assert weigh_words(*lines) == {}
    assert set(weigh_words(*lines, ("Swan, swan?", True))) == {"swan", "Swan"}
    assert set(weigh_words(("A swan, a swan.", False))) == {"swan", "Swan"}


def test_the_number_of_lines_and_words_is_bounded():
    assert weigh_words(("A swan.", True), *[("Yes.", True)] * RECALL_LINES) == {}
    assert "swan" in weigh_words(("A swan.", True), *[("Yes.", True)] * (RECALL_LINES - 1))
    many = " ".join("w" + letter * 4 for letter in LETTERS[-26:])
    found = weigh_words((many, True), ("A swan.", True))
    assert len(found) == MOST_RECALL_WORDS
    assert found["swan"] == 1.0
    assert weigh_words(("A " + "w" * 17 + " caf\u00e9.", True)) == {}


class Line:
    """The line of one row, which may take up a swan, between two lines that take nothing up."""

    def __init__(self, model: Model, strength: float = 1.0, *, speaking: bool = True) -> None:
        self.model = model
        lexicon = Lexicon(model.vocabulary, frozenset({"there", "was"}))
        words = collect_recall_words(lexicon, (("There was a swan.", True),))
        prompt = model.encode("MAYA\n" if speaking else "\n")
        sampling = Sampling(0, recall=strength)
        self.rows = RowStore(model, 3, history=REACH)
        self.recall = Recall(model, self.rows)
        for recalled in (None, words, None):
            request = Request(model.start(), prompt, sampling, 80, recall_words=recalled)
            row = Row(request, future=None)  # nobody waits for this row
            self.rows.add(row)
            self.rows.start_writing(row)
            self.recall.begin(row, sampling)

    def write(self, text: str) -> Line:
        for token in self.model.encode(text):
            self.recall.apply(np.zeros((3, len(self.model.vocabulary)), np.float32))
            self.recall.update(np.array([0, token, 0]))
            self.rows.column += 1
        return self

    @property
    def likelier(self) -> dict[str, float]:
        """Return by how many nats each favoured character is likelier."""
        logits = np.zeros((3, len(self.model.vocabulary)), np.float32)
        self.recall.apply(logits)
        assert not logits[[0, 2]].any()
        return {self.model.vocabulary[i]: float(logits[1, i]) for i in logits[1].nonzero()[0]}


def test_a_word_gets_likelier_as_long_as_it_agrees(model: Model):
    assert set(Line(model).likelier) == {"s", "S"}
    begun = Line(model).write("My s")
    assert set(begun.likelier) == {"w"}
    assert begun.likelier["w"] > Line(model).likelier["s"] > 0
    assert set(begun.write("wa").likelier) == {"n"}
    assert begun.write("n").likelier == {}
    assert Line(model).write("My so").likelier == {}
    assert Line(model).write("My sow, ").likelier == Line(model).likelier


def test_a_word_is_spent_once_it_is_written_whole(model: Model):
    assert Line(model).write("My swan ").likelier == {"S": pytest.approx(GAINS[0])}
    assert Line(model).write("My swans ").likelier == Line(model).likelier


def test_a_cue_recalls_no_word(model: Model):
    assert Line(model, speaking=False).likelier == {}
    assert Line(model, speaking=False).write("THE ").likelier == {}
    assert Line(model, speaking=False).write("THE DUKE\n").likelier == Line(model).likelier
    assert Line(model, speaking=False).write("The ").likelier == Line(model).likelier


def test_the_gain_is_proportional_to_the_option(model: Model):
    assert Line(model, 2.0).likelier["s"] == pytest.approx(2 * Line(model, 1.0).likelier["s"])


def test_words_that_a_model_writes_from_nothing_are_common(model: Model):
    found = Lexicon.of(model)
    assert {"the", "and", "you"} < found.common
    assert found.common == Lexicon.of(dataclasses.replace(model, fingerprint="another")).common
    assert not found.is_rare("The")
    assert not found.is_rare("ox")
    assert found.is_rare("Swan")


HEARD = (("MAYA\nWhere are the feathers, where is the swan?", True),)


async def write_lines(engine: Engine, recall: float, **more: object) -> list[str]:
    """Return lines after one about feathers and a swan."""
    model = engine.model
    before, cue = model.encode(format_for_model(HEARD[0][0])), model.encode("\nBEATRICE\n")
    more["recall_words"] = collect_recall_words(engine.lexicon, HEARD)
    samplings = [Sampling(seed, 0.8, recall=recall) for seed in range(60)]
    requests = (
        Request(model.start(), cue, sampling, 130, before, **more) for sampling in samplings
    )
    replies = await asyncio.gather(*map(engine.run, requests))
    return [model.decode(reply.written) for reply in replies]


def count_recalled(lines: list[str]) -> list[int]:
    """Count the recalled words in each line."""
    return [len(re.findall(r"\b(?:swan|feathers)\b", line)) for line in lines]


async def test_words_are_recalled_once_and_never_if_banned(engine: Engine):
    never = count_recalled(await write_lines(engine, 0.0))
    often = count_recalled(await write_lines(engine, 2.0))
    assert sum(never) < 5
    assert sum(map(bool, often)) > 12
    assert max(often) <= 2  # once for each of the two words
    banned = build_word_filter(engine.model.vocabulary, ["swan"])
    lines = await write_lines(engine, 2.0, banned=banned, bars_words=True)
    assert not any(re.search(r"\bswan\b", line, re.IGNORECASE) for line in lines)
    assert sum(count_recalled(lines)) > 6
