"""Tuning: a voice that was trained already learns a person's own scripts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import prior
from .blend import blended, grown
from .model import CharLSTM
from .ngrams import BASE
from .prior import NgramPrior, PriorShape
from .run import Config, Run
from .texts import collect
from .train import Training, TrainingError, encoded, windows_of
from .vocabulary import Vocabulary

SEEN = 20
"""A character that the voice does not know must be seen so often in the scripts to be learned."""

RARER = 3.0
"""How much lower the logit of a new character begins than that of what it was folded into."""


def prepare(paths: Sequence[Path], voice: Run, run: Run, changes: Mapping[str, Any]) -> Training:
    """A training of a voice on further texts, before its first step, into a run of its own.

    Its weights are the voice's, and it knows what can be counted in the texts. ``changes``: fields
    of the voice's `Config` that are set anew, the schedule among them. Raises TextError, RunError
    and TrainingError as `train` does.
    """
    known, vocabulary = voice.model(), voice.vocabulary()
    split = collect(paths)
    larger = vocabulary.grown((text.content for text in split.train), SEEN)
    if len(larger) >= BASE:
        raise TrainingError(
            f"The scripts have {len(larger) - len(vocabulary):,} characters that the voice does "
            f"not know, too many to add: train a voice on them instead."
        )
    tokens = encoded(split.train, larger)
    beside, parts = _prior(known, tokens, larger)
    # The folders are those of other texts, and these may be few.
    config = dataclasses.replace(
        dataclasses.replace(voice.config(), repeat={}, finish="", lengthen=1),
        **changes,
        prior=beside.shape if beside else prior.NO_PRIOR,
    )
    windows_of(config, split.train, tokens)
    weights = _weights(known, vocabulary, larger, config, beside)
    run.begin(config, larger, split)

    def start(model: CharLSTM, _texts: Sequence[Tensor]) -> Tensor | None:
        model.load_state_dict(weights)
        if model.prior and beside:
            model.prior.held_out = beside.held_out.to(model.prior.codes.device)
        return parts

    return Training(run, config, larger, split.train, start)


def _prior(
    known: CharLSTM, texts: Sequence[Tensor], vocabulary: Vocabulary
) -> tuple[NgramPrior | None, Tensor | None]:
    """The prior of a voice and of new texts together, and the parts of these."""
    if known.prior:
        return blended(grown(known.prior, texts, len(vocabulary)), texts)
    shape = prior.fitted(texts, len(vocabulary), PriorShape())
    if not shape.contexts:
        return None, None
    new = NgramPrior(shape, len(vocabulary))
    return new, new.learn(texts)


def _weights(
    known: CharLSTM,
    vocabulary: Vocabulary,
    larger: Vocabulary,
    config: Config,
    beside: NgramPrior | None,
) -> dict[str, Tensor]:
    """The weights of a network for a larger vocabulary that says what the known one says.

    A new character is embedded, and expected, as what it was folded into, but less often; one that
    was folded into nothing as the average of all.
    """
    weights = {name: weight.clone() for name, weight in known.state_dict().items()}
    like = [_like(vocabulary, character) for character in larger.characters[len(vocabulary) :]]
    for name in ("embedding.weight", "output.weight", "output.bias"):
        old = weights[name]
        rows = [old[i] if i is not None else old.mean(dim=0) for i in like]
        weights[name] = torch.cat([old, *(row[None] for row in rows)])
    weights["output.bias"][len(vocabulary) :] -= RARER
    more = len(like)
    if known.memory:
        rows = weights["recall_output.weight"]
        weights["recall_output.weight"] = torch.cat([rows, rows.new_zeros(more, rows.shape[1])])
    if not beside:
        return weights
    if known.prior:
        columns = weights["expect.weight"]
        new_columns = columns.new_zeros(len(columns), more)
        weights["expect.weight"] = torch.cat([columns, new_columns], dim=1)
        lengths = weights["trust_length.weight"][: beside.shape.longest + 1]
        weights["trust_length.weight"] = lengths
    else:
        fresh = CharLSTM(config.shape(larger)).state_dict()
        names = ("expect.weight", "trust.weight", "trust_length.weight")
        weights |= {name: torch.zeros_like(fresh[name]) for name in (*names, "trust.bias")}
    return weights | {f"prior.{name}": tensor for name, tensor in beside.state_dict().items()}


def _like(vocabulary: Vocabulary, character: str) -> int | None:
    """The token that a voice has read so far for a character, the first of several."""
    return next(iter(vocabulary.encode(character)), None)
