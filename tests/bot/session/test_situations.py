"""Test the situations: each can begin a script, and no two are alike."""

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


def test_each_situation_is_well_formed() -> None:
    for scene in load_situations():
        # People see the heading in a window, where the dot of Fountain would be in their way.
        assert [(element.kind, element.text.removeprefix(".")) for element in scene.elements] == [
            (Kind.HEADING, scene.heading),
            (Kind.ACTION, scene.action),
            (Kind.DIALOGUE, f"{scene.speaker}\n{scene.speech}"),
        ]
        assert has_scene_prefix(scene.heading) is (scene.model == "screen"), scene.title
        assert parse_cast(", ".join(scene.cast)) == scene.cast
        assert 1 <= len(scene.title) <= 40, scene.title
        assert len(scene.action) <= 140, scene.title
        assert len(scene.speech) <= 90, scene.title
        # Two or three characters have different initials.
        assert 2 <= len({name[0] for name in scene.cast}) == len(scene.cast) <= 3, scene.title
        assert scene.speaker in scene.cast, scene.title
        assert scene.style is None or scene.style in STYLES[scene.model], scene.title


@pytest.mark.parametrize("voice", STYLES)
def test_each_voice_can_read_its_situations_and_bans_none(voice: str) -> None:
    model = Model.load(SHIPPED_MODELS / f"{voice}.onnx", threads=1)
    banned = read_words(SHIPPED_BANNED)
    for scene in load_situations():
        if scene.model == voice:
            for text in (scene.title, *(element.text for element in scene.elements), *scene.cast):
                assert model.skipped(text) == 0, text
                assert not find_banned_word(text, banned), text


def test_each_voice_has_30_situations_without_repetitions() -> None:
    voices = Counter(scene.model for scene in load_situations())
    assert voices.keys() == STYLES.keys()
    assert min(voices.values()) >= 30
    for alike in ("title", "heading", "action", "speech"):
        assert len({getattr(scene, alike) for scene in load_situations()}) == voices.total(), alike


def test_a_draw_fits_the_voice_and_depends_on_its_random_source_alone() -> None:
    drawn = [draw_situation(["stage"], Random(seed)) for seed in range(100)]
    assert {scene.model for scene in drawn} == {"stage"}
    assert len({scene.title for scene in drawn}) > 20
    assert drawn == [draw_situation(["stage"], Random(seed)) for seed in range(100)]
    # A voice without situations of its own draws from all.
    assert {draw_situation(["another"], Random(seed)).model for seed in range(50)} == STYLES.keys()


def test_a_draw_repeats_a_situation_only_after_all_others() -> None:
    used_titles: list[str] = []
    own = [scene.title for scene in load_situations() if scene.model == "stage"]
    for _ in own:
        used_titles.append(draw_situation(["stage"], Random(3), used_titles).title)
    assert sorted(used_titles) == sorted(own)
    assert draw_situation(["stage"], Random(3), used_titles).title in own
