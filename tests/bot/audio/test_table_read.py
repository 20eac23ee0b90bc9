"""Test table reads by their sound: pitch, length and pauses."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

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
from bot.screenplay.elements import Element, Kind

SCENE = [
    Element(Kind.ACTION, "Rain."),
    Element(Kind.HEADING, "INT. DINER - NIGHT"),
    Element(Kind.DIALOGUE, "MAYA (V.O.)\n(quietly)\nYou came *at* 11:30."),
    Element(Kind.DIALOGUE, "JON\nI'LL NEVER leave! 🎉 Never."),
    Element(Kind.DIALOGUE, "MAYA\n🎉 茂"),
]


async def record(elements: list[Element], *args: Any) -> tuple[TableRead, Floats]:
    """Record a table read; return it, and its sound before it is encoded."""
    sounds = list[Floats]()
    encode = table_read.encode_mp3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_read, "encode_mp3", lambda sound: sounds.append(sound) or encode(sound))
        recorded = await record_table_read(elements, *args)
    assert recorded
    return recorded, sounds[0] if sounds else np.zeros(0)


def test_name_has_the_same_voice_in_every_script_and_process():
    cast = cast_voices(["MAYA", "JON"], [NARRATOR])
    assert cast["maya"] == cast_voices(["ÉMILE", "Maya "], [NARRATOR])["maya"]
    code = "from bot.audio.casting import *; print(cast_voices(['MAYA', 'JON'], ['heart']))"
    folder = Path(table_read.__file__).parents[2]
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=folder, text=True)
    assert printed.strip() == str(cast)


def test_characters_of_a_cast_have_different_voices():
    names = [f"GUARD {number}" for number in range(40)]
    few = cast_voices(names[: len(PITCHES)], [NARRATOR])
    assert len({voice.pitch for voice in few.values()}) == len(PITCHES)
    many = cast_voices(names[: len(PITCHES) * len(PACES)], [NARRATOR])
    assert len(set(many.values())) == len(many) == 18
    assert len(cast_voices(names, [NARRATOR])) == 40
    assert all(voice.pitch for voice in many.values())  # the narrator's own is 0


def test_cast_uses_all_installed_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
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
    lags = np.arange(SAMPLE_RATE // 450, SAMPLE_RATE // 70)
    for start in range(0, len(audio) - size, 480):
        frame = audio[start : start + size]
        if frame.std() < 0.02:
            continue
        products = np.correlate(frame, frame, "full")[size - 1 :] / (frame @ frame)
        likeness = products[lags] * size / (size - lags)
        if likeness.max() > 0.6:
            found.append(SAMPLE_RATE / lags[likeness.argmax()])
    return float(np.median(found))


def test_characters_differ_in_pitch_but_not_in_pace():
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


def test_narrator_speaks_all_but_dialogue():
    spoken = [
        tuple(utterance)
        for element in SCENE
        for utterance in list_utterances(element, ["jon", "maya"])
    ]
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
def test_text_is_made_speakable(text: str, spoken: str):
    heading = text.startswith(("INT", "ACT"))
    element = Element(Kind.HEADING if heading else Kind.ACTION, text)
    assert [said.text for said in list_utterances(element, ["jon"])] == ([spoken] if spoken else [])


def test_failed_sentence_is_skipped(monkeypatch: pytest.MonkeyPatch):
    synthesize = table_read._synthesize

    def fail(model: object, phonemes: str, voice: SpeakingVoice) -> Floats:
        if "ɹ" in phonemes:
            raise IndexError
        return synthesize(model, phonemes, voice)

    monkeypatch.setattr(table_read, "_synthesize", fail)
    assert len(list(speak("Rain. Oh! Rain.", SpeakingVoice(NARRATOR)))) == 1


def test_long_text_is_spoken_in_parts():
    assert len(list(speak(make_speakable("no " * 120), SpeakingVoice(NARRATOR)))) == 2


async def test_table_read_has_the_scene_and_its_pauses(monkeypatch: pytest.MonkeyPatch):
    shares: list[float] = []
    whole, audio = await record(SCENE, 0, shares.append)
    assert whole.seconds == len(audio) / SAMPLE_RATE
    words = 18  # 11:30 is two of them
    assert 0.2 < (whole.seconds - 2 * HEADING_PAUSE - 1.2) / words < 0.6
    assert (whole.left_out, whole.unspeakable) == (0, 1)
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    pauses = np.diff(np.flatnonzero(np.abs(audio) > SILENCE)) / SAMPLE_RATE
    assert pauses.max() < HEADING_PAUSE + 0.15
    assert (pauses > HEADING_PAUSE - 0.05).sum() == 2
    assert 0 < np.abs(audio).max() < 1.5
    # MPEG 2, layer III, 64 kbit/s.
    assert whole.mp3[:2] == b"\xff\xf3"
    assert len(whole.mp3) == pytest.approx(whole.seconds * 8000, rel=0.1)

    # A part of the script has the voices of the whole.
    _, part = await record([Element(Kind.DIALOGUE, "EVE\nNo."), *SCENE], 4)
    assert (part == audio[-len(part) :]).all()
    assert (find_last_scene(SCENE), find_last_scene(SCENE[:1])) == (1, 0)

    monkeypatch.setattr(table_read, "MAX_SECONDS", whole.seconds - 0.5)
    cut, beginning = await record(SCENE)
    assert cut.left_out == 2
    assert cut.seconds < whole.seconds - 1
    assert (beginning == audio[: len(beginning)]).all()


async def test_element_that_is_too_long_is_cut_after_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table_read, "MAX_SECONDS", 3.0)
    long, _ = await record([Element(Kind.ACTION, "Oh! " * 20), *SCENE])
    assert long.left_out == len(SCENE)
    assert 2 < long.seconds <= 3


async def test_cancelling_stops_the_recording():
    shares, loop = list[float](), asyncio.get_running_loop()
    begun, cancelled = asyncio.Event(), threading.Event()

    def report(share: float) -> None:
        shares.append(share)
        loop.call_soon_threadsafe(begun.set)
        cancelled.wait()

    recording = asyncio.create_task(record_table_read(SCENE, 0, report))
    await begun.wait()
    recording.cancel()
    await asyncio.wait([recording])
    cancelled.set()
    # The thread takes this once it has ended the recording.
    await loop.run_in_executor(table_read._recorder, int)
    assert len(shares) == 1


async def test_unspeakable_script_has_no_sound():
    assert await record_table_read(SCENE[-1:]) == TableRead(b"", 0.0, 0, 1)


async def test_recording_needs_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table_read, "find_spec", lambda name: None)
    assert await record_table_read(SCENE) is None
