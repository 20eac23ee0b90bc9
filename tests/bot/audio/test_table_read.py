"""Test table reads by their sound: who speaks, how high, how long, and with which pauses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bot.arrays import Floats
from bot.audio import table_read
from bot.audio.casting import PACES, PITCHES, SpeakingVoice, cast_voices
from bot.audio.table_read import (
    HEADING_PAUSE,
    NARRATOR,
    SAMPLE_RATE,
    SILENCE,
    TableRead,
    find_last_scene,
    record_table_read,
    speak,
)
from bot.audio.utterances import list_utterances, make_speakable
from bot.errors import Stopped
from bot.screenplay.elements import Element, Kind

SCENE = [
    Element(Kind.ACTION, "Rain."),
    Element(Kind.HEADING, "INT. DINER - NIGHT"),
    Element(Kind.DIALOGUE, "MAYA (V.O.)\n(quietly)\nYou came *at* 11:30."),
    Element(Kind.DIALOGUE, "JON\nI'LL NEVER leave! 🎉 Never."),
    Element(Kind.DIALOGUE, "MAYA\n🎉 茂"),
]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Floats]:
    """Collect the sound of the recordings, before it is encoded."""
    sounds: list[Floats] = []
    encode = table_read.encode_mp3
    monkeypatch.setattr(
        table_read, "encode_mp3", lambda audio: sounds.append(audio) or encode(audio)
    )
    return sounds


async def record(elements: list[Element], *args: object) -> TableRead:
    recorded = await record_table_read(elements, *args)
    assert recorded
    return recorded


def test_a_name_has_the_same_voice_in_every_script_and_process():
    cast = cast_voices(["MAYA", "JON"], [NARRATOR])
    assert cast["maya"] == cast_voices(["ÉMILE", "Maya "], [NARRATOR])["maya"]
    code = "from bot.audio.casting import *; print(cast_voices(['MAYA', 'JON'], ['heart']))"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(table_read.__file__).parents[2],
    )
    assert printed.stdout.strip() == str(cast)


def test_no_two_of_a_cast_share_a_pitch_or_later_a_voice():
    names = [f"GUARD {number}" for number in range(40)]
    few = cast_voices(names[: len(PITCHES)], [NARRATOR])
    assert len({voice.pitch for voice in few.values()}) == len(PITCHES)
    many = cast_voices(names[: len(PITCHES) * len(PACES)], [NARRATOR])
    assert len(set(many.values())) == len(many) == 18
    assert len(cast_voices(names, [NARRATOR])) == 40
    assert all(voice.pitch for voice in many.values())  # the narrator's own is 0


def test_a_cast_shares_the_models_that_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    assert table_read.list_models() == [NARRATOR]
    (tmp_path / "am_fenrir_v2.int8.onnx").touch()
    models = table_read.list_models()
    assert models == [NARRATOR, "fenrir"]
    cast = cast_voices([f"GUARD {number}" for number in range(12)], models)
    assert {voice.model for voice in cast.values()} == set(models)


def measure_pitch(audio: Floats) -> float:
    """Return the median pitch in hertz, by autocorrelation of frames of 60 ms."""
    size, found = 1440, []
    shortest, longest = SAMPLE_RATE // 450, SAMPLE_RATE // 70
    for start in range(0, len(audio) - size, 480):
        frame = audio[start : start + size]
        if frame.std() < 0.02:
            continue
        products = np.correlate(frame, frame, "full")[size - 1 :] / (frame @ frame)
        lags = np.arange(shortest, longest)
        likeness = products[lags] * size / (size - lags)
        if likeness.max() > 0.6:
            found.append(SAMPLE_RATE / lags[likeness.argmax()])
    return float(np.median(found))


def test_characters_differ_in_pitch_but_hardly_in_length():
    text = "I have been waiting for you all night."
    pitches, lengths = [], []
    for pitch in (PITCHES[0], 0.0, PITCHES[-1]):
        [audio] = speak(text, SpeakingVoice(NARRATOR, pitch))
        pitches.append(measure_pitch(audio))
        lengths.append(len(audio) / SAMPLE_RATE)
    assert pitches[0] < 145 < 180 < pitches[1] < 215 < 230 < pitches[2]
    assert 1.5 < min(lengths) <= max(lengths) < 1.3 * min(lengths) < 4.5
    [again] = speak(text, SpeakingVoice(NARRATOR, PITCHES[-1]))
    assert (again == audio).all()


def test_the_narrator_speaks_what_no_character_says():
    spoken = [tuple(one) for element in SCENE for one in list_utterances(element, ["jon", "maya"])]
    assert spoken == [
        (None, "Rain."),
        (None, "interior, diner, night."),
        (None, "quietly."),
        ("MAYA", "You came at 11:30."),
        ("JON", "I'll never leave! Never."),
    ]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("JON enters with the FBI.", "jon enters with the FBI."),
        ("Go -- now", "Go — now."),
        ("INT./EXT. CAR - DAY #12A#", "interior, exterior, car, day."),
        ("ACT II", "act II."),
        ("99999999999999", "9 9 9 9 9 9 9 9 9 9 9 9 9 9."),
        ("[hi] <b> _x_ #1", "hi b x 1."),
        ("Zoë, “Łódź”!", 'Zoë, "Łódź"!'),
        ("Ну, привет! ☂", ""),
        ("...", ""),
    ],
)
def test_what_cannot_be_spoken_is_left_out(text: str, spoken: str):
    heading = text.startswith(("INT", "ACT"))
    element = Element(Kind.HEADING if heading else Kind.ACTION, text)
    assert [one.text for one in list_utterances(element, ["jon"])] == ([spoken] if spoken else [])


def test_a_sentence_that_fails_costs_no_other(monkeypatch: pytest.MonkeyPatch):
    synthesize = table_read._synthesize

    def fail(model: object, phonemes: str, voice: SpeakingVoice) -> Floats:
        if "ɹ" in phonemes:
            raise IndexError
        return synthesize(model, phonemes, voice)

    monkeypatch.setattr(table_read, "_synthesize", fail)
    assert len(list(speak("Rain. Oh! Rain.", SpeakingVoice(NARRATOR)))) == 1


def test_long_texts_are_spoken_in_parts():
    text = make_speakable("no " * 120)
    parts = list(speak(text, SpeakingVoice(NARRATOR)))
    assert len(parts) == 2


def find_pauses(audio: Floats) -> Iterator[float]:
    """Yield the seconds of each silence of at least 0.1 seconds."""
    loud = np.flatnonzero(np.abs(audio) > SILENCE)
    gaps = np.diff(loud) / SAMPLE_RATE
    yield from gaps[gaps > 0.1]


async def test_a_table_read_has_the_scene_and_its_pauses(heard: list[Floats]):
    shares: list[float] = []
    recorded = await record(SCENE, 0, shares.append)
    [audio] = heard
    assert recorded.seconds == len(audio) / SAMPLE_RATE
    words = 18  # 11:30 is two of them
    assert 0.2 < (recorded.seconds - 2 * HEADING_PAUSE - 1.2) / words < 0.6
    assert (recorded.left_out, recorded.unspeakable) == (0, 1)
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    pauses = list(find_pauses(audio))
    assert max(pauses) < HEADING_PAUSE + 0.15
    assert sum(pause > HEADING_PAUSE - 0.05 for pause in pauses) == 2
    assert 0 < np.abs(audio).max() < 1.5
    # MPEG 2, layer III, 64 kbit/s.
    assert recorded.mp3[:2] == b"\xff\xf3"
    assert len(recorded.mp3) == pytest.approx(recorded.seconds * 8000, rel=0.1)


async def test_the_last_scene_has_the_voices_of_the_whole_script(heard: list[Floats]):
    await record(SCENE)
    await record([Element(Kind.DIALOGUE, "EVE\nNo."), *SCENE], 4)
    assert find_last_scene(SCENE) == 1
    assert find_last_scene(SCENE[:1]) == 0
    assert not len(heard[1]) > len(heard[0])


async def test_a_file_ends_with_an_element(heard: list[Floats], monkeypatch: pytest.MonkeyPatch):
    whole = await record(SCENE)
    monkeypatch.setattr(table_read, "MAX_SECONDS", whole.seconds - 0.5)
    cut = await record(SCENE)
    assert cut.left_out == 2
    assert cut.seconds < whole.seconds - 1
    assert (heard[1] == heard[0][: len(heard[1])]).all()
    # An element that is too long for a file ends with a sentence.
    monkeypatch.setattr(table_read, "MAX_SECONDS", 3.0)
    long = await record([Element(Kind.ACTION, "Oh! " * 20), *SCENE])
    assert long.left_out == len(SCENE)
    assert 2 < long.seconds <= 3


async def test_a_recording_can_be_stopped():
    def stop(share: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        await record_table_read(SCENE, 0, stop)


async def test_without_anything_to_speak_there_is_no_sound():
    assert await record(SCENE[-1:]) == TableRead(b"", 0.0, 0, 1)


async def test_without_the_extra_there_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table_read, "find_spec", lambda name: None)
    assert await record_table_read(SCENE) is None
