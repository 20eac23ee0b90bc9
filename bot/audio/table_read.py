"""Record table reads with hibari-tts and lameenc, which the extra ``audio`` installs.

A process records one table read at a time, off the event loop, in one processor thread.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import Floats
from ..cleaning import fold_case
from ..errors import Stopped
from ..screenplay.elements import Element, Kind
from .casting import SpeakingVoice, cast_voices
from .utterances import list_utterances

if TYPE_CHECKING:
    import hibari

log = logging.getLogger("onbook.audio")

MAX_SECONDS = 120.0
"""The length of the longest table read, in seconds."""

SAMPLE_RATE = 24_000
"""The number of samples in a second of speech."""

PAUSE, SHORT_PAUSE, HEADING_PAUSE = 0.6, 0.3, 1.0
"""Seconds of silence between elements, inside one, and around a scene heading."""

PEAK = 0.9
"""The amplitude of the loudest sample of a table read, out of 1.0."""

LOUDNESS = 0.05
"""The root mean square to which each sentence is set, because a change of pitch alters it."""

LOWEST_RESAMPLING = -3.0
"""The furthest that speech is resampled downwards, in semitones."""

SILENCE, MARGIN = 0.004, 0.03
"""The amplitude below which speech has not begun or has ended, and the seconds kept around
speech."""

MAX_SENTENCE = 240
"""The most characters spoken at once, because the memory that the model needs grows with them."""

NARRATOR = "heart"
"""The speech model in the wheel of hibari-tts. The narrator speaks with it, unchanged."""

OnProgress = Callable[[float], None]
"""Receives the share that has been spoken, from 0 to 1."""

_recorder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="table-read")


@dataclass(frozen=True)
class TableRead:
    """A recorded table read."""

    mp3: bytes
    seconds: float
    left_out: int
    """The number of elements at the end for which the file has no room."""
    unspeakable: int
    """The number of elements in which nothing can be spoken."""


def is_installed() -> bool:
    """Return whether the extra ``audio`` is installed."""
    return all(map(find_spec, ("hibari", "lameenc")))


def find_last_scene(elements: Sequence[Element]) -> int:
    """Return the index of the last scene heading, or 0."""
    headings = (at for at, element in enumerate(elements) if element.kind is Kind.HEADING)
    return max(headings, default=0)


async def record_table_read(
    elements: Sequence[Element], first: int = 0, on_progress: OnProgress = lambda share: None
) -> TableRead | None:
    """Record a script from its element ``first`` onwards, for up to `MAX_SECONDS`.

    The voices are cast from all elements. ``on_progress`` is called in another thread, after each
    sentence. Cancelling stops the recording after the sentence in progress. Return a table read of
    0 seconds if nothing can be spoken, or None without the extra.
    """
    if not is_installed():
        return None
    is_over = threading.Event()

    def report(share: float) -> None:
        if is_over.is_set():
            raise Stopped
        on_progress(share)

    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(_recorder, _record, elements, first, report)
    finally:
        # A cancellation does not reach the thread, and the interpreter would wait for it on exit.
        is_over.set()


def _record(elements: Sequence[Element], first: int, on_progress: OnProgress) -> TableRead:
    cast = cast_voices((element.cue for element in elements if element.cue), list_models())
    read, parts = elements[first:], list[Floats]()
    samples, unspeakable, pause = 0, 0, 0.0
    for spoken, element in enumerate(read):
        before = len(parts)
        is_heading = element.kind is Kind.HEADING
        if is_heading and parts:
            pause = HEADING_PAUSE
        for part in _speak_element(element, cast, pause):
            samples += len(part)
            seconds = samples / SAMPLE_RATE
            if seconds > MAX_SECONDS:
                # An element that is too long for a file by itself is cut after a sentence.
                whole = parts[:before] or parts
                return _finish(whole, len(read) - spoken - (whole is parts), unspeakable)
            parts.append(part)
            on_progress(max(spoken / len(read), seconds / MAX_SECONDS))
        if len(parts) == before:
            unspeakable += 1
        else:
            pause = HEADING_PAUSE if is_heading else PAUSE
    return _finish(parts, 0, unspeakable)


def _speak_element(
    element: Element, cast: Mapping[str, SpeakingVoice], pause: float
) -> Iterator[Floats]:
    """Yield each sentence of an element after a pause; ``pause`` is the first pause, in seconds."""
    for speaker, text in list_utterances(element, cast):
        voice = SpeakingVoice(NARRATOR) if speaker is None else cast[fold_case(speaker)]
        for speech in speak(text, voice):
            silence = np.zeros(round(pause * SAMPLE_RATE), np.float32)
            yield np.concatenate([silence, speech])
            pause = SHORT_PAUSE


def _finish(parts: Sequence[Floats], left_out: int, unspeakable: int) -> TableRead:
    audio = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    mp3 = encode_mp3(audio) if len(audio) else b""
    return TableRead(mp3, len(audio) / SAMPLE_RATE, left_out, unspeakable)


# Speech ----------------------------------------------------------------------------------------


def list_models() -> list[str]:
    """Return the speech models that are installed; none is downloaded."""
    from hibari.voices import VOICES, voice_path

    installed = list[str]()
    for name in VOICES:
        with suppress(FileNotFoundError):
            voice_path(name, download_missing=False)
            installed.append(name)
    return installed


@functools.cache
def _load_model(name: str) -> hibari.Hibari:
    """Load a speech model, which takes a second and some megabytes."""
    from hibari import Hibari
    from hibari.voices import VOICES

    return Hibari(voice=name, threads=1, g2p=_load_pronunciation(VOICES[name]["british"]))


@functools.cache
def _load_pronunciation(british: bool) -> hibari.g2p.G2P:
    """Load a lexicon, which takes a hundred megabytes, so all models share it."""
    from hibari.g2p import G2P

    return G2P(british=british)


def speak(text: str, voice: SpeakingVoice) -> Iterator[Floats]:
    """Yield the speech of one sentence after another, without silence around it: float32 [n]."""
    model = _load_model(voice.model)
    for sentence in model.split_sentences(text):
        for part in textwrap.wrap(sentence, MAX_SENTENCE):
            try:
                spoken = [_synthesize(model, phonemes, voice) for phonemes in model.phonemize(part)]
            except Exception:  # because one sentence must not cost the whole table read
                log.warning("a sentence cannot be spoken", exc_info=True)
                continue
            yield from filter(len, map(trim, spoken))


def _synthesize(model: hibari.Hibari, phonemes: str, voice: SpeakingVoice) -> Floats:
    """Return phonemes as speech, as ``Hibari.from_phonemes`` does, but at another pitch.

    Resampling makes a voice deeper, as a longer throat does, but resampled upwards, a voice is hard
    to understand. The rest of the change is made to the pitch curve, which leaves the vowels as
    they are.
    """
    from hibari import dsp

    resampled = min(max(voice.pitch, LOWEST_RESAMPLING), 0.0)
    ratio = 2 ** (resampled / 12)
    inputs = {
        "ids": np.asarray([model.ids(phonemes)], np.int64),
        "speed": np.asarray([voice.pace / ratio], np.float32),
    }
    *spectrum, hertz = (output[0] for output in model.sess.run(None, inputs))
    hertz = hertz * 2 ** ((voice.pitch - resampled) / 12)
    # The seed makes the noise the same each time.
    audio = resample(dsp.synth(*spectrum, hertz, np.random.default_rng(0)), ratio)
    return audio * (LOUDNESS / max(float(audio.std()), SILENCE))


def resample(audio: Floats, ratio: float) -> Floats:
    """Return audio made higher and shorter by a ratio, by means of its spectrum: float32 [n]."""
    length = round(len(audio) / ratio)
    if length == len(audio) or not length:
        return audio
    spectrum = np.fft.rfft(audio)
    kept = np.zeros(length // 2 + 1, spectrum.dtype)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    return (np.fft.irfft(kept, length) * (length / len(audio))).astype(np.float32)


def trim(audio: Floats) -> Floats:
    """Return audio without the silence at both ends."""
    loud = np.flatnonzero(np.abs(audio) > SILENCE)
    if not len(loud):
        return audio[:0]
    margin = round(MARGIN * SAMPLE_RATE)
    return audio[max(loud[0] - margin, 0) : loud[-1] + margin]


def encode_mp3(audio: Floats) -> bytes:
    """Return audio as an MP3 file, as loud as it can be."""
    import lameenc

    loudest = float(np.abs(audio).max())
    pcm = (audio * (PEAK * 32767 / max(loudest, 1e-3))).astype("<i2")
    encoder = lameenc.Encoder()
    encoder.set_channels(1)
    encoder.set_in_sample_rate(SAMPLE_RATE)
    encoder.set_bit_rate(64)  # kilobits a second, at which two minutes take up a megabyte
    encoder.set_quality(5)
    encoder.silence()
    return bytes(encoder.encode(pcm.tobytes()) + encoder.flush())
