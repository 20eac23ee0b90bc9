"""Cast a speaking voice for each character: the one that its name prefers, if it is free."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..cleaning import fold_case

PITCHES = (-8.0, -6.0, -4.0, -2.0, 2.0, 4.0)
"""The pitches of characters in semitones above the model's own, which is the narrator's."""

PACES = (0.78, 0.81, 0.85)
"""The paces of characters, in hibari's units: at 1.0, hibari speaks 260 words a minute."""


@dataclass(frozen=True)
class SpeakingVoice:
    """A speech model, with the pitch and the pace at which it speaks."""

    model: str
    pitch: float = 0.0
    """Semitones above the model's own pitch."""
    pace: float = PACES[1]


def cast_voices(names: Iterable[str], models: Sequence[str]) -> dict[str, SpeakingVoice]:
    """Cast voices for characters, and return the voices by folded name.

    A name prefers the same voice in every script. If an earlier name has that pitch, the name gets
    the next free pitch. If there are more characters than pitches, the paces differ too. The cast
    shares the speech models.
    """
    # Several models already sound different, and the deeper ones tolerate less change.
    scale = 1.0 if len(models) == 1 else 0.5
    cast: dict[str, SpeakingVoice] = {}
    for name in dict.fromkeys(map(fold_case, names)):
        # Not `hash`, because that differs from process to process.
        drawn = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())
        drawn, number = divmod(drawn, len(models))
        voices = [
            SpeakingVoice(models[number], scale * pitch, pace)
            for pace, pitch in itertools.product(PACES, PITCHES)
        ]
        start = drawn % len(voices)
        preferred = voices[start:] + voices[:start]
        pitches = {voice.pitch for voice in cast.values()}
        different = (voice for voice in preferred if voice.pitch not in pitches)
        free = (voice for voice in preferred if voice not in cast.values())
        cast[name] = next(itertools.chain(different, free, preferred))
    return cast
