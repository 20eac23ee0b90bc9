"""Tests of the places in people's scripts."""

from pathlib import Path

import pytest

from bot.screenplay.elements import Kind
from tests.quality.places import LEAST, PASSAGE, SAID, SCRIPT, choose, held_out, learned
from training.data.texts import Text
from training.errors import TextError


def script(speeches: int, names: str = "MJ") -> Text:
    said = (f"{names[n % len(names)]}AYA\nThis is line {n} of many." for n in range(speeches))
    return Text("film", "\n\n".join(["INT. BAR - NIGHT", *said]))


def test_held_out_and_learned_texts_are_separate(scenes: Path):
    assert {text.name for text in held_out(scenes)} == {"the-tempest", "the-comedy-of-errors"}
    assert {text.name for text in learned(scenes)} == {"much-ado-about-nothing", "as-you-like-it"}


def test_the_same_seed_draws_the_same_distinct_places(scenes: Path):
    texts = held_out(scenes)
    found = choose(texts, 20, seed=1)
    assert found == choose(texts, 20, seed=1) != choose(texts, 20, seed=2)
    assert len({place.scene for place in found}) == 20
    every = choose(texts, 10_000, seed=1)
    assert 20 < len(every) < 10_000
    assert set(found) < set(every)


def test_a_place_has_the_script_before_and_peoples_passage(scenes: Path):
    texts = held_out(scenes)
    for place in choose(texts, 40, seed=1):
        assert len(place.before) >= LEAST
        assert len(place.scene) <= SCRIPT or len(place.before) == LEAST
        assert any(place.scene + place.passage in text.content for text in texts)
        assert len(place.passage) == PASSAGE
        assert place.passage.startswith(place.people.text[:PASSAGE])
        assert place.people.kind is Kind.DIALOGUE
        assert {element.kind for element in place.said} <= set(SAID)
        assert place.people.text.startswith(place.cue.rstrip("\n"))


def test_a_place_needs_text_before_and_after():
    # Six elements before, then as many as make a passage.
    after = -(-(PASSAGE + 2) // len("MAYA\nThis is line 10 of many.\n\n"))
    assert len(choose([script(LEAST - 1 + after)], 99, seed=1)) == 1
    with pytest.raises(TextError, match="longer texts"):
        choose([script(LEAST - 2 + after)], 99, seed=1)


def test_speakers_with_unusable_names_are_skipped():
    # Two of three names are longer than the bot takes.
    text = script(90).content.replace("JAYA", "A VERY " + "LONG " * 20 + "NAME")
    found = choose([Text("film", text)], 99, seed=1)
    assert {place.character for place in found} == {"MAYA"}
