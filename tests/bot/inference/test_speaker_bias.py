"""Test turn-taking: who is likely to speak next, from who has spoken."""

from __future__ import annotations

import asyncio
import dataclasses

import numpy as np
import pytest

from bot.inference.engine import Engine
from bot.inference.grammar import build_grammar
from bot.inference.processors.repetition import REACH
from bot.inference.processors.speaker_bias import (
    LONGEST_CUE,
    MOST_CUES,
    find_likely_cues,
    find_matching_cues,
    mix_in_cues,
)
from bot.inference.request import Request
from bot.inference.sampling import Sampling
from bot.inference.word_filter import BannedWordFilter
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import format_for_model

LETTERS = "\n .'ABDEIJLMNOPRSTUYabcdefghijklmnopqrstuvwxyz"
IDS = {letter: i for i, letter in enumerate(LETTERS)}
OPENS = np.array([letter.islower() for letter in LETTERS])

SCENE = [".A PLAIN", "It rains.", "MAYA\nYes.", "JONAS\nNo.", "They sit.", "MAYA\nOne.\nTwo."]


def tokens(text: str) -> np.ndarray:
    return np.array([IDS[letter] for letter in text], np.int64)


def read(elements: list[str]) -> np.ndarray:
    """Return the tokens of a script, and the newline before the next element."""
    return tokens("".join(map(format_for_model, elements)) + "\n")


def found_in(script: np.ndarray, *present: str, lock: bool = False) -> list[str]:
    found = find_likely_cues(
        script, OPENS, IDS["\n"], [tokens(f"{name}\n") for name in present], lock=lock
    )
    assert ((found.weights > 0) == (found.cues[:, 0] >= 0)).all()
    names = ["".join(LETTERS[i] for i in row if i >= 0) for row in found.cues]
    assert all(name.endswith("\n") for name in names if name)
    return [name.removesuffix("\n") for name in names if name]


def expected(
    elements: list[str], written: str = "", strength: float = 1.0, present: tuple[str, ...] = ()
) -> dict[str, float]:
    """Return the shares of the favoured characters, after equal odds for all."""
    logits = np.zeros((2, len(LETTERS)), np.float32)
    there = [tokens(f"{name}\n") for name in present]
    known = find_likely_cues(read(elements), OPENS, IDS["\n"], there)
    weights = known.weights * find_matching_cues(known.cues, tokens(written))
    odds = known.odds * np.array([strength, 1e-12], np.float32)
    positions = np.full(2, len(written))
    mix_in_cues(logits, np.stack([known.cues] * 2), np.stack([weights] * 2), positions, odds)
    assert abs(logits[1]).max() < 1e-6  # each row has its own odds
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum()
    return {LETTERS[i]: float(shares[i]) for i in np.flatnonzero(logits[0] > 1e-6)}


def test_the_cues_of_the_last_speeches_are_found_but_for_the_last_speakers():
    assert found_in(read(SCENE)) == ["JONAS"]
    more = [*SCENE, "IDA\nYes.", "JONAS\nNo.", "IDA\nYes.", "JONAS\nNo.", "JONAS\nNo."]
    assert found_in(read(more)) == ["IDA", "IDA", "MAYA", "MAYA"]


def test_behind_an_action_the_last_speaker_stands_behind_the_one_before():
    scene = ["MAYA\nYes.", "IDA\nYes.", "MAYA\nYes.", "JONAS\nNo.", "They sit.", "They\nwait."]
    assert found_in(read(scene)) == ["MAYA", "JONAS", "IDA", "MAYA"]
    assert found_in(read(["MAYA\nYes.", "They sit."])) == ["MAYA"]


def test_behind_a_heading_everybody_counts_as_they_came():
    scene = ["IDA\nYes.", "MAYA\nYes.", "JONAS\nNo.", "They sit.", ".A STREET", "It rains."]
    assert found_in(read(scene)) == ["JONAS", "MAYA", "IDA"]


def test_what_stands_between_says_how_sure_the_cues_are():
    scene = ["IDA\nYes.", "MAYA\nYes.", "JONAS\nNo."]
    direct = expected(scene)["M"]
    action, heading = (expected([*scene, one])["M"] for one in ("They sit.", ".A STREET"))
    assert direct > 1.2 * action > 1.4 * heading > 1.6 / len(LETTERS)


def test_the_first_element_counts_unless_it_was_cut():
    assert found_in(read(["MAYA\nYes.", "JONAS\nNo."])) == ["MAYA"]
    assert found_in(read(["MAYA\nYes.", "JONAS\n" + "No. " * REACH])[-REACH - 1 :]) == []
    assert found_in(tokens("\n")) == []


def test_only_so_many_speeches_are_looked_back_to():
    scene = ["MAYA\nYes.", "JONAS\nNo."] * MOST_CUES
    assert found_in(read(scene)) == ["MAYA"] * (MOST_CUES // 2)


def test_a_cue_of_many_characters_is_none():
    scene = ["M" * LONGEST_CUE + "\nYes.", "M" * (LONGEST_CUE - 1) + "\nYes.", "IDA\nNo."]
    assert found_in(read(scene)) == ["M" * (LONGEST_CUE - 1)]


def test_who_is_there_and_was_not_heard_counts_more_than_the_one_before():
    scene = ["It rains.", "JONAS\nNo.", "MAYA\nYes."]
    present = ("MAYA", "IDA", "JONAS", "M" * LONGEST_CUE)
    assert found_in(read(scene), *present) == ["JONAS", "IDA"]
    likely = expected(scene, present=present)
    assert likely["I"] > likely["J"] > 3 / len(LETTERS)
    assert "M" not in likely


def test_where_all_places_are_taken_the_silent_come_first():
    letters = [f"{one}{other}" for one in "ABDEI" for other in "JLMNO"]
    scene = [f"{name}\nYes." for name in letters]
    found = found_in(read(scene), "MAYA", "TIM")
    assert found == [*letters[-2:-MOST_CUES:-1], "MAYA", "TIM"]
    assert len(found) == MOST_CUES
    assert found_in(tokens("\n"), *letters) == letters[:MOST_CUES]


def test_behind_a_lock_nobody_else_counts():
    scene = ["JONAS\nNo.", "IDA\nYes.", "TOM\nNo.", "MAYA\nYes."]
    assert found_in(read(scene), "IDA", "MAYA", "PIA") == ["TOM", "IDA", "JONAS", "PIA"]
    assert found_in(read(scene), "IDA", "MAYA", "PIA", lock=True) == ["IDA", "PIA"]
    assert found_in(read(scene), "MAYA", lock=True) == []


def test_who_spoke_before_the_last_one_answers():
    scene = ["It rains.", "IDA\nOne.", "MAYA\nTwo.", "JONAS\nThree."]
    likely = expected(scene)
    assert likely["M"] > likely["I"] > 3 / len(LETTERS)
    assert "J" not in likely


def test_once_a_name_has_begun_it_is_likely_to_go_on():
    scene = ["It rains.", "JONAS\nYes.", "MAYA\nNo.", "JANE\nNo."]
    assert expected(scene, "J") == {"O": pytest.approx(0.91, abs=0.01)}
    assert expected(scene, "MAYA")["\n"] > 0.99
    assert expected(scene, "S") == {}


def test_a_strength_of_nothing_changes_nothing():
    assert expected(SCENE, strength=1e-12) == {}
    assert expected(SCENE, strength=2.0)["J"] > expected(SCENE, strength=0.5)["J"]


def asked(engine: Engine, company: float, seed: int, before: str) -> Request:
    model = engine.model
    sampling = Sampling(seed, 0.8, company=company)
    start, newline = model.start(), model.encode("\n")
    return Request(start, newline, sampling, 24, model.encode(before))


BEFORE = "".join(
    map(format_for_model, ["It rains.", "LEONATO\nOne.", "BEATRICE\nTwo.", "LEONATO\nThree."])
)


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
    lock = build_grammar(engine.model.vocabulary, Kind.DIALOGUE, pair)
    scene = "".join(map(format_for_model, ["It rains.", "LEONATO\nThree."]))
    there = tuple(engine.model.encode(f"{name}\n") for name in pair)
    alone = await spoken(engine, 1.0, scene, automaton=lock)
    together = await spoken(engine, 1.0, scene, automaton=lock, present=there)
    assert set(together) <= set(pair)
    assert together.count("DON PEDRO") > 90 > alone.count("DON PEDRO")


async def test_the_others_answer_a_person_whoever_else_was_heard(engine: Engine):
    """Check that a person's line as one of the cast is read like any other."""
    cast = ("LEONATO", "BEATRICE", "DON PEDRO")
    lock = build_grammar(engine.model.vocabulary, Kind.DIALOGUE, cast)
    there = tuple(engine.model.encode(f"{name}\n") for name in cast)
    scene = BEFORE + format_for_model("BEATRICE\nFour.")
    names = await spoken(engine, 1.0, scene, automaton=lock, present=there, lock=True)
    assert names.count("BEATRICE") < 10
    assert min(names.count("LEONATO"), names.count("DON PEDRO")) > 20


async def test_whom_somebody_plays_takes_nothing_from_the_others(engine: Engine):
    """Check that the two others share the floor as if nobody had spoken, for the last may not."""
    others = ("BEATRICE", "DON PEDRO")
    lock = build_grammar(engine.model.vocabulary, Kind.DIALOGUE, others)
    there = tuple(engine.model.encode(f"{name}\n") for name in others)
    names = await spoken(engine, 1.0, automaton=lock, present=there, lock=True)
    alone = await spoken(engine, 1.0, automaton=lock, present=there[:1], lock=False)
    assert set(names) <= set(others)
    assert names.count("DON PEDRO") > 20 > alone.count("DON PEDRO")


async def test_it_goes_back_to_where_a_name_can_be_another(engine: Engine):
    """Check that the odds of who speaks return where the first name turned out to be banned."""
    banned = BannedWordFilter.of(engine.model.vocabulary, ["beatrice"])
    scene = "".join(
        map(format_for_model, ["It rains.", "DUKE\nOne.", "BEATRICE\nTwo.", "LEONATO\nThree."])
    )
    alone = await spoken(engine, 0.0, scene, banned=banned)
    together = await spoken(engine, 1.0, scene, banned=banned)
    assert together.count("DUKE") > 3 * alone.count("DUKE") + 10


def test_nothing_may_be_left_of_what_a_voice_cannot_read():
    assert found_in(tokens("\nIt rains.\n\n\n\n")) == []
