"""Change the logits of each row of a batch before a token is drawn, one processor a module."""

from __future__ import annotations

from .base import Processor
from .constraint import Constraint, WordBan
from .length import LengthBias, NonEmpty
from .repetition import RepetitionPenalty
from .speaker_bias import SpeakerBias

PROCESSORS: tuple[type[Processor], ...] = (
    Constraint,
    NonEmpty,
    LengthBias,
    RepetitionPenalty,
    SpeakerBias,
    WordBan,  # behind the other constraints, because it sees whether they leave any token
)
"""The processors of a batch. To add one, name it here."""
