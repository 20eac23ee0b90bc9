"""Record table reads with hibari-tts and lameenc, which the extra ``audio`` installs.

One table read is recorded at a time in a process, off the event loop, by one processor thread.
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
from ..errors import Stopped
from ..screenplay.elements import Element, Kind
from .casting import SpeakingVoice, cast_voices, fold_name
from .utterances import list_utterances

if TYPE_CHECKING:
    import hibari

log = logging.getLogger("onbook.audio")

MAX_SECONDS = 120.0
"""The seconds of the longest table read."""

SAMPLE_RATE = 24_000
"""The samples in a second of speech."""

PAUSE, SHORT_PAUSE, HEADING_PAUSE = 0.6, 0.3, 1.0
"""Seconds of silence between elements, inside one, and around a scene heading."""

PEAK = 0.9
"""The loudest sample of a table read, of 1.0."""

LOUDNESS = 0.05
"""The root mean square of each sentence, because a change of the pitch changes it."""

LOWEST_RESAMPLING = -3.0
"""The semitones by which speech is resampled at most, downwards."""

SILENCE, MARGIN = 0.004, 0.03
"""The amplitude below which speech has not begun or has ended, and the seconds kept around it."""

MAX_SENTENCE = 240
"""Characters that are spoken at once, because the model's memory grows with them."""

NARRATOR = "heart"
"""The model of speech in the wheel of hibari-tts. The narrator speaks with it, unchanged."""

OnProgress = Callable[[float], None]
"""Is given the share that is spoken, from 0 to 1."""

_recorder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="table-read")


@dataclass(frozen=True)
class TableRead:
    """A recorded table read."""

    mp3: bytes
    seconds: float
    left_out: int
    """The number of elements at the end that have no place in a file."""
    unspeakable: int
    """The number of elements of which nothing can be spoken."""


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
    """Record a script from its element ``first`` on, as far as `MAX_SECONDS` go.

    The voices are cast from all elements. ``on_progress`` is called in another thread, after each
    sentence. Cancelling stops the recording after the sentence in progress. Return a table read
    of 0 seconds where nothing can be spoken; None without the extra.
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
        # A cancellation does not reach the thread, for which the interpreter would wait at its end.
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
                # An element that alone is too long for a file ends with a sentence.
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
    """Yield each sentence of an element after a pause, for the first one in seconds."""
    for speaker, text in list_utterances(element, cast):
        voice = SpeakingVoice(NARRATOR) if speaker is None else cast[fold_name(speaker)]
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
    """Return the models of speech that are installed; none is downloaded."""
    from hibari.voices import VOICES, voice_path

    installed = list[str]()
    for name in VOICES:
        with suppress(FileNotFoundError):
            voice_path(name, download_missing=False)
            installed.append(name)
    return installed


@functools.cache
def _load_model(name: str) -> hibari.Hibari:
    """Load a model of speech, which takes a second and some megabytes."""
    from hibari import Hibari
    from hibari.voices import VOICES

    return Hibari(voice=name, threads=1, g2p=_load_pronunciation(VOICES[name]["british"]))


@functools.cache
def _load_pronunciation(british: bool) -> hibari.g2p.G2P:
    """Load a lexicon, which takes a hundred megabytes, so that all models share it."""
    from hibari.g2p import G2P

    return G2P(british=british)


def speak(text: str, voice: SpeakingVoice) -> Iterator[Floats]:
    """Yield the speech of one sentence after the other, without silence around it: float32 [n]."""
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

    Resampling makes a voice deeper as a longer throat does, but is hard to understand upwards. All
    else is done to the curve of the pitch, which leaves the vowels as they are.
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
    """Return audio that is higher and shorter by a ratio, by way of its spectrum: float32 [n]."""
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
    encoder.set_bit_rate(64)  # kilobits a second, with which two minutes take a megabyte
    encoder.set_quality(5)
    encoder.silence()
    return bytes(encoder.encode(pcm.tobytes()) + encoder.flush())
