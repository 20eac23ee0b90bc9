"""Processors: change the logits of each row of a batch before a token is drawn."""

from __future__ import annotations

from .base import Processor
from .constraint import Constraint
from .length import LengthNudge, NonEmpty
from .recall import Recall
from .repetition import Repetition
from .speaker_bias import SpeakerBias

PROCESSORS: tuple[type[Processor], ...] = (
    SpeakerBias,
    Recall,
    NonEmpty,
    LengthNudge,
    Repetition,
    Constraint,
)
"""All processors, in the order in which they apply."""
