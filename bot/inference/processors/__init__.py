"""Change the logits of each row of a batch before a token is drawn, one processor a module."""

from __future__ import annotations

from .base import Processor
from .constraint import Constraint, WordBan
from .length import LengthBias, NonEmpty
from .repetition import RepetitionPenalty
from .speaker_bias import SpeakerBias

PROCESSORS: tuple[type[Processor], ...] = (
    SpeakerBias,  # mixes its expectation into the network's, which must be unchanged so far
    LengthBias,
    RepetitionPenalty,
    Constraint,
    NonEmpty,
    WordBan,  # after the other constraints, because it sees whether they leave any token
    # Processors that truncate go here, because they keep the likeliest of what is not barred.
)
"""The processors of a batch, in the order in which they apply. To add one, name it here."""
