"""Test that a voice keeps to a request, however the voice writes (a part of the lines)."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.inference.model import Model
from tests.soak.obedience import commonest, kinds, random_voice, unsaid

LINES = 200


@pytest.fixture(params=["tiny", "random"])
def voice(voices: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Model:
    """Return a voice that was trained, and one that was not."""
    tiny = Model.load(voices / "tiny.onnx")
    return tiny if request.param == "tiny" else random_voice(tmp_path / "random.onnx", tiny)


async def test_a_kind_that_is_asked_for_is_what_others_read(voice: Model):
    for kind, found in (await kinds(voice, LINES)).items():
        assert found.wrong == 0, (kind, found.example)


async def test_the_commonest_words_can_be_left_unsaid(voice: Model, plays: Path):
    words = commonest((plays / "train" / "hamlet.fountain").read_text(encoding="utf-8"))
    assert {"the", "and", "to"} <= set(words)
    found = await unsaid(voice, words, LINES)
    assert (found.wrong, found.empty) == (0, 0), found.example
