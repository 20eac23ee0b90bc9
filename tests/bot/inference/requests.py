"""Requests for lines of Leonato, a name that the tiny voice has learnt."""

import numpy as np

from bot.inference.model import Model
from bot.inference.request import Completion, Request
from bot.inference.sampling import Sampling

CUE = "\nLEONATO\n"


def make_request(model: Model, seed: int, limit: int = 60, prompt: str = CUE) -> Request:
    """Return a request for a line, whose temperature differs between seeds."""
    sampling = Sampling(seed, temperature=0.5 + seed % 5 / 5, top_p=0.99)
    return Request(model.start(), model.encode(prompt), sampling, limit)


def make_endless_request(model: Model) -> Request:
    """Return a request that outlasts the test."""
    return Request(model.start(), np.full(1_000_000, model.newline))


def are_same(completion: Completion, other: Completion) -> bool:
    """Return whether two completions agree to the last bit."""
    return (
        completion.written == other.written
        and completion.state.tobytes() == other.state.tobytes()
        and completion.surprisal.tobytes() == other.surprisal.tobytes()
    )
