"""Who is likely to speak next, from who has spoken."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bot.constraint import Banned, element
from bot.engine import Engine, Request
from bot.model import Model
from bot.sampling import Sampling
from bot.script import Kind, as_read
from bot.turn_taking import CUES, LONGEST_CUE, alive, cues, expect

LETTERS = "\n .'ABDEIJLMNOPRSTUYabcdefghijklmnopqrstuvwxyz"
IDS = {letter: i for i, letter in enumerate(LETTERS)}
OPENS = np.array([letter.islower() for letter in LETTERS])

SCENE = [".A PLAIN", "It rains.", "MAYA\nYes.", "JONAS\nNo.", "They sit.", "MAYA\nOne.\nTwo."]


def tokens(text: str) -> np.ndarray:
    return np.array([IDS[letter] for letter in text], np.int64)


def read(elements: list[str]) -> np.ndarray:
    """A script, and the newline of what is to come."""
    return tokens("".join(map(as_read, elements)) + "\n")


def found_in(script: np.ndarray) -> list[str]:
    found = cues(script, OPENS, IDS["\n"])
    return ["".join(LETTERS[i] for i in row if i >= 0) for row in found]


def expected(elements: list[str], written: str = "", company: float = 1.0) -> dict[str, float]:
    """The shares of the characters that are likelier than before, which was equally likely."""
    logits = np.zeros((2, len(LETTERS)), np.float32)
    known = cues(read(elements), OPENS, IDS["\n"])
    kept = alive(known, tokens(written))
    both, strength = np.stack([known, known]), np.array([company, 1e-12], np.float32)
    expect(logits, both, np.stack([kept, kept]), np.full(2, len(written)), strength)
    assert abs(logits[1]).max() < 1e-6  # each row has its own
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum()
    return {LETTERS[i]: float(shares[i]) for i in np.flatnonzero(logits[0] > 1e-6)}


def test_the_cues_of_the_last_elements_are_found():
    assert found_in(read(SCENE)) == ["MAYA\n", "", "JONAS\n", "MAYA\n", "", ""] + [""] * (CUES - 6)


def test_the_first_element_of_what_is_looked_back_to_does_not_count():
    assert found_in(read(SCENE[2:])[3:]) == ["MAYA\n", "", "JONAS\n"] + [""] * (CUES - 3)
    assert found_in(tokens("\n")) == found_in(read(["MAYA\nYes."])) == [""] * CUES


def test_only_so_many_elements_are_looked_back_to():
    assert found_in(read(["MAYA\nYes."] * (CUES + 5))) == ["MAYA\n"] * CUES


def test_a_cue_of_many_characters_is_none():
    scene = ["It rains.", "M" * LONGEST_CUE + "\nYes.", "M" * (LONGEST_CUE - 1) + "\nYes."]
    assert list(map(bool, found_in(read(scene))[:3])) == [True, False, False]


def test_who_is_there_and_has_not_spoken_stands_last():
    present = [tokens(f"{name}\n") for name in ("MAYA", "IDA", "M" * LONGEST_CUE)]
    found = cues(read(["It rains.", "MAYA\nYes."]), OPENS, IDS["\n"], present)
    names = ["".join(LETTERS[i] for i in row if i >= 0) for row in found]
    assert names == ["MAYA\n"] + [""] * (CUES - 2) + ["IDA\n"]
    full = cues(read(["MAYA\nYes."] * (CUES + 5)), OPENS, IDS["\n"], present)
    assert (full == cues(read(["MAYA\nYes."] * (CUES + 5)), OPENS, IDS["\n"])).all()


def test_who_spoke_before_the_last_one_answers():
    scene = ["It rains.", "IDA\nOne.", "MAYA\nTwo.", "JONAS\nThree."]
    likely = expected(scene)
    assert likely["M"] > 3 * likely["I"] > 3 / len(LETTERS)
    assert "J" not in likely


def test_once_a_name_has_begun_it_is_likely_to_go_on():
    scene = ["It rains.", "JONAS\nYes.", "MAYA\nNo.", "They sit.", "JANE\nNo."]
    assert expected(scene, "J") == {"O": pytest.approx(0.96, abs=0.01)}
    assert expected(scene, "MAYA")["\n"] > 0.99
    assert expected(scene, "S") == {}


def test_a_strength_of_nothing_changes_nothing():
    assert expected(SCENE, company=1e-12) == {}
    assert expected(SCENE, company=2.0)["J"] > expected(SCENE, company=0.5)["J"]


# In the engine ---------------------------------------------------------------------------------


def asked(engine: Engine, company: float, seed: int, before: str) -> Request:
    model = engine.model
    sampling = Sampling(seed, 0.8, company=company)
    start, newline = model.start(), model.encode("\n")
    return Request(start, newline, sampling, 80, model.encode(before))


@pytest.fixture
def model(voices: Path) -> Model:
    return Model.load(voices / "tiny.onnx")


@pytest.fixture
def engine(model: Model) -> Iterator[Engine]:
    engine = Engine(model)
    yield engine
    engine.close()


BEFORE = "".join(map(as_read, ["It rains.", "LEONATO\nOne.", "BEATRICE\nTwo.", "LEONATO\nThree."]))


async def spoken(engine: Engine, company: float, before: str = BEFORE, **more: object) -> list[str]:
    requests = [asked(engine, company, seed, before) for seed in range(100)]
    changed = [dataclasses.replace(one, **more) for one in requests]  # type: ignore[arg-type]  # fields
    replies = await asyncio.gather(*map(engine.run, changed))
    return [engine.model.decode(reply.written).partition("\n")[0] for reply in replies]


async def test_those_who_have_spoken_speak_again(engine: Engine):
    alone, together = await spoken(engine, 0.0), await spoken(engine, 1.0)
    assert together.count("BEATRICE") > 30 > alone.count("BEATRICE")
    assert together.count("LEONATO") < 10


async def test_in_a_cast_of_two_the_one_who_has_not_spoken_yet_answers(engine: Engine):
    pair = ("LEONATO", "DON PEDRO")
    lock = element(engine.model.vocabulary, Kind.DIALOGUE, pair)
    scene = "".join(map(as_read, ["It rains.", "LEONATO\nThree."]))
    there = tuple(engine.model.encode(f"{name}\n") for name in pair)
    alone = await spoken(engine, 1.0, scene, automaton=lock)
    together = await spoken(engine, 1.0, scene, automaton=lock, present=there)
    assert set(together) <= set(pair)
    assert together.count("DON PEDRO") > 90 > alone.count("DON PEDRO")


async def test_a_line_does_not_depend_on_those_beside_it(engine: Engine):
    requests = [asked(engine, seed % 3 / 2, seed, BEFORE) for seed in range(30)]
    alone = [(await engine.run(one)).written for one in requests]
    among = [reply.written for reply in await asyncio.gather(*map(engine.run, requests))]
    assert among == alone


async def test_who_must_not_be_named_is_not(engine: Engine):
    banned = Banned.of(engine.model.vocabulary, ["beatrice"])
    names = await spoken(engine, 1.0, banned=banned)
    assert "BEATRICE" not in names
    assert len(set(names)) > 2


async def test_it_goes_back_to_where_a_name_can_be_another(engine: Engine):
    """Who may speak is known again where the first name turned out to be barred."""
    banned = Banned.of(engine.model.vocabulary, ["beatrice"])
    scene = "".join(map(as_read, ["It rains.", "DUKE\nOne.", "BEATRICE\nTwo.", "LEONATO\nThree."]))
    alone = await spoken(engine, 0.0, scene, banned=banned)
    together = await spoken(engine, 1.0, scene, banned=banned)
    assert together.count("DUKE") > 3 * alone.count("DUKE") + 10


def test_nothing_may_be_left_of_what_a_voice_cannot_read():
    assert found_in(tokens("\nIt rains.\n\n\n\n")) == [""] * CUES
