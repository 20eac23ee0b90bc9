"""Test the situations: each is a beginning that a script can have, and no two are alike."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from bot.inference.model import Model
from bot.inference.word_filter import find_banned_word
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import has_scene_prefix
from bot.screenplay.free_text import parse_cast
from bot.session.banned_words import read_words
from bot.session.situations import draw_situation, load_situations
from bot.settings import SHIPPED_BANNED, SHIPPED_MODELS

STYLES = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in (Path(__file__).parents[3] / "export" / "styles").iterdir()
}


def test_each_reads_as_what_it_is() -> None:
    for one in load_situations():
        # People see the heading in a window, where the dot of Fountain would be in their way.
        assert [(element.kind, element.text.removeprefix(".")) for element in one.elements] == [
            (Kind.HEADING, one.heading),
            (Kind.ACTION, one.action),
            (Kind.DIALOGUE, f"{one.speaker}\n{one.speech}"),
        ]
        assert has_scene_prefix(one.heading) is (one.voice == "screen"), one.title
        assert parse_cast(", ".join(one.cast)) == one.cast


def test_each_is_short() -> None:
    for one in load_situations():
        assert 1 <= len(one.title) <= 40, one.title
        assert len(one.action) <= 140, one.title
        assert len(one.speech) <= 90, one.title


def test_two_or_three_people_are_easy_to_tell_apart() -> None:
    for one in load_situations():
        assert 2 <= len({name[0] for name in one.cast}) == len(one.cast) <= 3, one.title
        assert one.speaker in one.cast, one.title


def test_each_style_is_one_of_the_voice() -> None:
    for one in load_situations():
        assert one.style is None or one.style in STYLES[one.voice], one.title


@pytest.mark.parametrize("voice", STYLES)
def test_the_voice_can_read_every_character_and_may_say_every_word(voice: str) -> None:
    model = Model.load(SHIPPED_MODELS / f"{voice}.onnx", threads=1)
    banned = read_words(SHIPPED_BANNED)
    for one in load_situations():
        if one.voice == voice:
            for text in (one.title, *(element.text for element in one.elements), *one.cast):
                assert model.skipped(text) == 0, text
                assert not find_banned_word(text, banned), text


def test_there_are_enough_and_each_is_its_own() -> None:
    voices = Counter(one.voice for one in load_situations())
    assert voices.keys() == STYLES.keys()
    assert min(voices.values()) >= 30
    for alike in ("title", "heading", "action", "speech"):
        assert len({getattr(one, alike) for one in load_situations()}) == voices.total(), alike


def test_a_draw_is_for_the_voice_and_depends_on_the_random_alone() -> None:
    drawn = [draw_situation("stage", Random(seed)) for seed in range(400)]
    assert {one.voice for one in drawn} == {"stage"}
    assert len({one.title for one in drawn}) > 30
    assert drawn == [draw_situation("stage", Random(seed)) for seed in range(400)]


def test_a_voice_without_situations_of_its_own_draws_from_all() -> None:
    drawn = [draw_situation("another", Random(seed)) for seed in range(50)]
    assert {one.voice for one in drawn} == {"screen", "stage"}
