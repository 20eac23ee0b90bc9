"""Tests of a real voice that writes in people's places, as it would in a channel."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.settings import Settings
from tests.quality import writing
from tests.quality.places import PASSAGE, Place, choose, held_out
from tests.quality.writing import QUALITIES, Setting, Written
from training.errors import TextError


@pytest.fixture(scope="module")
def chosen(scenes: Path) -> list[Place]:
    return choose(held_out(scenes), 2, seed=1)


def written(
    voice: Path,
    chosen: Sequence[Place],
    *settings: Setting,
    seed: int = 1,
    passages: Sequence[int] = (),
    **changes: object,
) -> Written:
    async def found() -> Written:
        async with writing.opened(voice, changes) as bot:
            asked = settings or (bot.shipped,)
            return await writing.write(bot, chosen, asked, seed, passages)

    return asyncio.run(found())


def test_the_same_seed_writes_the_same_lines_by_the_speaker_of_the_place(
    voices: Path, chosen: list[Place]
):
    first = written(voices / "tiny.onnx", chosen, passages=[0])
    # The first place alone.
    again, other = (
        written(voices / "tiny.onnx", chosen[:1], seed=seed, passages=[0]) for seed in (1, 2)
    )
    [shipped] = first.lines
    assert shipped.temperature == Settings.model_fields["temperature"].default
    assert shipped.quality == Settings.model_fields["quality"].default
    lines = first.lines[shipped]
    assert [line.cue for line in lines] == [place.character for place in chosen]
    assert lines[:1] == again.lines[shipped] != other.lines[shipped]
    assert first.passages == again.passages != other.passages
    assert {at: len(text) for at, text in first.passages.items()} == {0: PASSAGE}
    assert len(first.seconds[shipped]) == 2
    assert min(first.seconds[shipped]) > 0


def test_a_line_does_not_depend_on_other_requests(voices: Path, chosen: list[Place]):
    settings = [Setting(0.5, QUALITIES[0]), Setting(1.3, QUALITIES[-1])]
    swept = written(voices / "tiny.onnx", chosen[:1], *settings, passages=[0])
    for setting in settings:
        alone = written(voices / "tiny.onnx", chosen[:1], setting)
        assert alone.lines[setting] == swept.lines[setting]
    assert len({tuple(lines) for lines in swept.lines.values()}) == len(settings)


def test_settings_can_be_changed_and_invalid_ones_are_refused(voices: Path, chosen: list[Place]):
    # Among many candidates, a short one would be chosen.
    long = {"soft_length": "0", "quality": "quick"}
    plain, short = (
        [line.body for line in written(voices / "tiny.onnx", chosen, **changes).lines.popitem()[1]]
        for changes in (long, long | {"line_length": "40"})
    )
    assert max(map(len, short)) < 50 < max(map(len, plain))
    with pytest.raises(TextError, match="top_p"):
        written(voices / "tiny.onnx", chosen, top_p="7")


def test_files_that_are_no_voices_are_refused(tmp_path: Path, chosen: list[Place]):
    (tmp_path / "bad.onnx").write_bytes(b"no voice")
    with pytest.raises(TextError, match=r"bad\.onnx"):
        written(tmp_path / "bad.onnx", chosen)


def test_each_sample_depends_on_its_seed_alone(voices: Path, monkeypatch):
    def found(number: int) -> list[str]:
        monkeypatch.setattr(writing, "SAMPLES", number)
        return asyncio.run(writing.samples(voices / "tiny.onnx", {}, "a room"))

    both, single = found(2), found(1)
    assert single == both[:1] != both[1:]
    assert all(text.startswith(".A ROOM\n\n") for text in both)
