"""Test turn-taking: who is likely to speak next, judging by who has spoken."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bot.inference.engine import Engine
from bot.inference.grammar import build_grammar
from bot.inference.processors.repetition import REACH
from bot.inference.processors.speaker_bias import (
    LONGEST_CUE,
    MOST_CUES,
    find_likely_cues,
    mix_in_cues,
)
from bot.inference.request import Request
from bot.inference.sampling import Sampling
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import format_for_model

LETTERS = "\n .'()ABDEIJLMNOPRSTUVYabcdefghijklmnopqrstuvwxyz"
IDS = {letter: i for i, letter in enumerate(LETTERS)}
LOWER_CASE = np.array([letter.islower() for letter in LETTERS])
MODEL = SimpleNamespace(lower_case=LOWER_CASE, newline=IDS["\n"], parenthesis=IDS["("])

SCENE = [".A PLAIN", "It rains.", "MAYA\nYes.", "JONAS\nNo.", "They sit.", "MAYA\nOne.\nTwo."]


def tokens(text: str) -> np.ndarray:
    return np.array([IDS[letter] for letter in text], np.int64)


def read(elements: list[str]) -> np.ndarray:
    """Return the tokens of a script, and the newline before the next element."""
    return tokens("".join(map(format_for_model, elements)) + "\n")


def find_cues(script: np.ndarray, *present: str, lock: bool = False) -> list[str]:
    """Return the names of the likely speakers after a script, the likeliest first."""
    cues = [tokens(f"{name}\n") for name in present]
    found = find_likely_cues(script, MODEL, cues, lock=lock)
    assert ((found.weights > 0) == (found.cues[:, 0] >= 0)).all()
    names = ["".join(LETTERS[i] for i in row if i >= 0) for row in found.cues]
    assert all(name.endswith("\n") for name in names if name)
    return [name.removesuffix("\n") for name in names if name]


def expect(
    elements: list[str], written: str = "", strength: float = 1.0, present: tuple[str, ...] = ()
) -> dict[str, float]:
    """Return the shares of the favoured characters, after equal odds for all."""
    logits = np.zeros((2, len(LETTERS)), np.float32)
    cues = [tokens(f"{name}\n") for name in present]
    known = find_likely_cues(read(elements), MODEL, cues)
    matching = (known.cues[:, : len(written)] == tokens(written)).all(axis=1)
    weights = known.weights * matching
    odds = known.odds * np.array([strength, 1e-12], np.float32)
    positions = np.full(2, len(written))
    mix_in_cues(logits, np.stack([known.cues] * 2), np.stack([weights] * 2), positions, odds)
    assert abs(logits[1]).max() < 1e-6  # each row has its own odds
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum()
    return {LETTERS[i]: float(shares[i]) for i in np.flatnonzero(logits[0] > 1e-6)}


def scene(words: str) -> list[str]:
    """Return a speech for each name in capitals, and an element for ``action`` or ``heading``."""
    others = {"action": "They sit.\nThey wait.", "heading": ".A STREET"}
    return [others.get(word, f"{word}\nYes.") for word in words.split()]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("heading action MAYA JONAS action MAYA", "JONAS"),
        ("MAYA JONAS action MAYA IDA JONAS IDA JONAS JONAS", "IDA IDA MAYA MAYA"),
        # After action, the last speaker comes behind the one before.
        ("MAYA IDA MAYA JONAS action action", "MAYA JONAS IDA MAYA"),
        ("MAYA action", "MAYA"),
        # After a heading, all count in order.
        ("IDA MAYA JONAS action heading action", "JONAS MAYA IDA"),
        ("MAYA JONAS", "MAYA"),
        ("MAYA JONAS " * MOST_CUES, "MAYA " * (MOST_CUES // 2)),
        ("M" * LONGEST_CUE + " " + "M" * (LONGEST_CUE - 1) + " IDA", "M" * (LONGEST_CUE - 1)),
        ("", ""),
    ],
)
def test_the_likely_speakers_are_those_of_the_last_speeches(words: str, names: str):
    assert find_cues(read(scene(words))) == names.split()


def test_blank_lines_have_no_speaker():
    assert find_cues(tokens("\nIt rains.\n\n\n\n")) == []


def test_a_cue_with_an_extension_is_that_of_its_speaker():
    heard = read(["MAYA\nYes.", "JONAS\nNo.", "MAYA (V.O.)\nYes."])
    assert find_cues(heard, "MAYA", "JONAS") == ["JONAS"]


def test_a_cue_that_was_cut_off_does_not_count():
    assert find_cues(read(["MAYA\nYes.", "JONAS\n" + "No. " * REACH])[-REACH - 1 :]) == []


def test_action_and_headings_make_cues_less_likely():
    direct, action, heading = (
        expect(scene(f"IDA MAYA JONAS {last}"))["M"] for last in ("", "action", "heading")
    )
    assert direct > 1.2 * action > 1.4 * heading > 1.6 / len(LETTERS)


def test_a_silent_person_is_likelier_than_the_speaker_before_the_last():
    heard = scene("action JONAS MAYA")
    present = ("MAYA", "IDA", "JONAS", "M" * LONGEST_CUE)
    assert find_cues(read(heard), *present) == ["JONAS", "IDA"]
    likely = expect(heard, present=present)
    assert likely["I"] > likely["J"] > 3 / len(LETTERS)
    assert "M" not in likely


def test_silent_people_take_the_places_of_earlier_speakers():
    letters = [f"{letter}{other}" for letter in "ABDEI" for other in "JLMNO"]
    found = find_cues(read(scene(" ".join(letters))), "MAYA", "TIM")
    assert found == [*letters[-2:-MOST_CUES:-1], "MAYA", "TIM"]
    assert len(found) == MOST_CUES
    assert find_cues(tokens("\n"), *letters) == letters[:MOST_CUES]


def test_a_locked_cast_leaves_out_everybody_else():
    heard = read(scene("JONAS IDA TOM MAYA"))
    assert find_cues(heard, "IDA", "MAYA", "PIA") == ["TOM", "IDA", "JONAS", "PIA"]
    assert find_cues(heard, "IDA", "MAYA", "PIA", lock=True) == ["IDA", "PIA"]
    assert find_cues(heard, "MAYA", lock=True) == []


def test_the_speaker_before_the_last_answers():
    likely = expect(scene("action IDA MAYA JONAS"))
    assert likely["M"] > likely["I"] > 3 / len(LETTERS)
    assert "J" not in likely


def test_a_name_that_has_begun_is_likely_to_go_on():
    heard = scene("action JONAS MAYA JANE")
    assert expect(heard, "J") == {"O": pytest.approx(0.91, abs=0.01)}
    assert expect(heard, "MAYA")["\n"] > 0.99
    assert expect(heard, "S") == {}


def test_the_option_scales_the_odds():
    assert expect(SCENE, strength=1e-12) == {}
    assert expect(SCENE, strength=2.0)["J"] > expect(SCENE, strength=0.5)["J"]


OPENING = ("It rains.", "LEONATO\nOne.", "BEATRICE\nTwo.", "LEONATO\nThree.")


async def write_cues(
    engine: Engine, company: float, elements: Sequence[str] = OPENING, **more: object
) -> list[str]:
    """Return the first rows of the lines that follow a scene."""
    model = engine.model
    context = model.encode("".join(map(format_for_model, elements)))
    start, newline = model.start(), model.encode("\n")
    samplings = [Sampling(seed, 0.8, company=company) for seed in range(100)]
    requests = (Request(start, newline, sampling, 24, context, **more) for sampling in samplings)
    replies = await asyncio.gather(*map(engine.run, requests))
    return [model.decode(reply.written).partition("\n")[0] for reply in replies]


def lock(engine: Engine, *cast: str) -> dict[str, Any]:
    """Return the parts of a request for dialogue of a cast."""
    model = engine.model
    return {
        "automaton": build_grammar(model.vocabulary, Kind.DIALOGUE, cast),
        "present": tuple(model.encode(f"{name}\n") for name in cast),
        "lock": True,
    }


async def test_people_who_have_spoken_speak_again(engine: Engine):
    alone, together = await write_cues(engine, 0.0), await write_cues(engine, 1.0)
    assert together.count("BEATRICE") > 30 > alone.count("BEATRICE")
    assert together.count("LEONATO") < 10


async def test_in_a_cast_of_two_the_silent_one_answers(engine: Engine):
    pair, heard = ("LEONATO", "DON PEDRO"), ("It rains.", "LEONATO\nThree.")
    asked = lock(engine, *pair) | {"lock": False}
    alone = await write_cues(engine, 1.0, heard, **asked | {"present": ()})
    together = await write_cues(engine, 1.0, heard, **asked)
    assert set(together) <= set(pair)
    assert together.count("DON PEDRO") > max(90, alone.count("DON PEDRO"))


async def test_a_speaker_whom_somebody_plays_takes_no_share_of_the_others(engine: Engine):
    asked = lock(engine, "BEATRICE", "DON PEDRO")
    names = await write_cues(engine, 1.0, **asked)
    less = asked | {"present": asked["present"][:1], "lock": False}
    alone = await write_cues(engine, 1.0, **less)
    assert set(names) <= {"BEATRICE", "DON PEDRO"}
    assert names.count("DON PEDRO") > 20 > alone.count("DON PEDRO")
