"""Tune a trained voice on a person's own scripts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .checkpoint import Folds, Start
from .data.texts import collect, describe
from .data.tokens import Tokens
from .data.vocabulary import Vocabulary
from .errors import RunError, TrainingError
from .model.contexts import Floats, Integers, choose_contexts, join_folds, join_texts
from .model.corrections import STEP, DenseLevel, DiscountedCounts, Expectations, fit_corrections
from .model.network import CharLSTM
from .model.prior import LARGEST_VOCABULARY, NgramPrior, PriorShape, divide_texts
from .model.tables import append_tables, lay_out_tables
from .run import Run
from .trainer import Session, Training, cut_windows
from .voice_file import Trained

SEEN_CHARACTERS = 20
"""The fewest occurrences in the scripts for a character to be added to the voice's vocabulary."""

RARER = 3.0
"""The difference between the initial logit of a new character and that of its folded form."""


def create(
    paths: Sequence[Path],
    voice: Trained,
    run: Run,
    changes: Mapping[str, Any],
    session: Session | None = None,
) -> Training:
    """Return a training of a voice on further texts, before its first step, in a run of its own.

    The training has the voice's weights, and its prior has counted the texts. ``changes``: fields
    of the voice's `Config` that are replaced, the schedule among them. Raises as
    `training.pretraining.prepare_training` does.
    """
    split = collect(paths)
    run.require_new()
    print(describe(split), flush=True)
    config = dataclasses.replace(
        voice.config(),
        # The voice's folders belong to other texts, and the new texts may be few.
        repeat={},
        texts="",
        decay_from=None,
        **changes,
        tuned_from=voice.fingerprint(),
    )
    known = voice.vocabulary()
    vocabulary = known.extend((text.content for text in split.train), SEEN_CHARACTERS)
    if config.prior.contexts and len(vocabulary) > LARGEST_VOCABULARY:
        raise TrainingError(
            f"The scripts have {len(vocabulary) - len(known):,} characters that the voice does "
            f"not know, too many to add: train a new voice on the scripts instead."
        )
    tokens = Tokens.of(split.train, vocabulary)
    # Checked and counted before the folder is laid out, because a second attempt would find a run
    # there.
    cut_windows(config, tokens)
    start = _prepare_start(voice, vocabulary, tokens)
    run.create(config, vocabulary, split)
    return Training(run, config, vocabulary, tokens, start, session)


def resume(
    paths: Sequence[Path],
    voice: Trained,
    run: Run,
    steps: int | None = None,
    minutes: float | None = None,
    session: Session | None = None,
) -> Training:
    """Return a training that `create` created, at its last checkpoint.

    The run keeps its configuration, except the ``steps`` or the ``minutes`` of the whole schedule,
    if given. Voice and texts must be the same as before. Raises as
    `training.pretraining.prepare_training` does.
    """
    kept = run.config()
    if not kept.tuned_from:
        raise RunError(
            f"{run.folder} was not made by tuning: continue it with `onbook-train train` and "
            f"--resume, or choose another --out (for `voice`, another --name)."
        )
    if kept.tuned_from != voice.fingerprint():
        raise RunError(
            f"{run.folder} was not tuned from the present weights of {voice}: name the voice that "
            f"it was tuned from, or choose another --out (for `voice`, another --name)."
        )
    config = dataclasses.replace(kept, steps=steps or kept.steps)
    if minutes and minutes != kept.minutes:
        # Leave the steps out, because `Training` then computes those that fit into the minutes.
        config = dataclasses.replace(config, minutes=minutes, steps=None)
    vocabulary = run.vocabulary()
    tokens = Tokens.of(collect(paths).train, vocabulary)
    start = _prepare_start(voice, vocabulary, tokens)
    training = Training(run, config, vocabulary, tokens, start, session)
    training.resume()
    run.write_config(config)
    return training


def _prepare_start(voice: Trained, vocabulary: Vocabulary, tokens: Tokens) -> Start:
    """Count the texts; return a start that gives a network the voice's weights and the counts."""
    known = voice.model()
    prior = folds = None
    if known.prior:
        larger = add_characters(known.prior, tokens, len(vocabulary))
        prior, folds = add_contexts(larger, tokens)
    weights = _extend_weights(known, prior, voice.vocabulary(), vocabulary)

    def start(model: CharLSTM) -> Folds | None:
        model.load_state_dict(weights)
        if model.prior and prior:
            device = model.prior.rows.device
            model.prior.held_out = prior.held_out.to(device)
            model.prior.held_out_rows = prior.held_out_rows.to(device)
        return None if folds is None else folds.numpy()

    return start


def _extend_weights(
    known: CharLSTM, prior: NgramPrior | None, vocabulary: Vocabulary, larger: Vocabulary
) -> dict[str, Tensor]:
    """Return weights for a larger vocabulary that preserve the known network's predictions.

    A new character is embedded like its folded form, and expected like it but with a lower
    probability; a character without a folded form gets the average of all characters.
    """
    weights = {name: weight.clone() for name, weight in known.state_dict().items()}
    added = larger.characters[len(vocabulary) :]
    # The first token of each new character's folded form, or the index of the average.
    first = [next(iter(vocabulary.encode(character)), len(vocabulary)) for character in added]
    like = torch.tensor(first, dtype=torch.int64)
    for name in ("embedding.weight", "output.weight", "output.bias"):
        weights[name] = torch.cat([weights[name], _select_or_average(weights[name], like, 0)])
    weights["output.bias"][len(vocabulary) :] -= RARER
    for name in ("memory.keys", "memory.queries", "memory.values.weight"):
        if name in weights:
            # Symbols: none, the characters, and nowhere.
            none, characters, nowhere = weights[name].split((1, len(vocabulary), 1), dim=-2)
            new = _select_or_average(characters, like, -2)
            weights[name] = torch.cat([none, characters, new, nowhere], dim=-2)
    if not prior:
        return weights
    weights["expect.weight"] = functional.pad(weights["expect.weight"], (0, len(like)))
    return weights | {f"prior.{name}": tensor for name, tensor in prior.state_dict().items()}


def _select_or_average(characters: Tensor, like: Tensor, dim: int) -> Tensor:
    """Return some entries of a dimension; the index after the last selects their average."""
    average = characters.mean(dim, keepdim=True)
    return torch.cat([characters, average], dim).index_select(dim, like)


ADDED = 100_000
"""The most contexts of the new texts that are added to the prior's own."""

SEEN_CONTEXTS = 2
"""The fewest occurrences of a context in the new texts for it to be kept."""


def add_characters(prior: NgramPrior, texts: Iterable[Tensor], characters: int) -> NgramPrior:
    """Return the same prior for a vocabulary extended by further characters at its end.

    The probability of a new character is its frequency in the texts (token ids), in every context.
    """
    old = prior.to_tables()
    if characters == prior.characters:
        return prior
    times = np.bincount(torch.cat(list(texts)).numpy(), minlength=characters)
    shares = times[prior.characters :].clip(1) / times.sum()
    rows = old.rows[:, :-1] - np.log(1 - shares.sum()) / STEP
    new = np.broadcast_to(np.log(shares) / -STEP, (len(rows), len(shares)))
    no_character = old.rows[:, -1:]
    larger = NgramPrior(prior.shape, characters)
    larger.set_tables(
        dataclasses.replace(
            old,
            rows=np.rint(np.hstack([rows, new, no_character])).clip(0, 255).astype(np.uint8),
            symbols=np.where(old.symbols == prior.characters, characters, old.symbols),
        )
    )
    return larger


def add_contexts(prior: NgramPrior, texts: Iterable[Tensor]) -> tuple[NgramPrior, Tensor]:
    """Return a prior that knows new texts (token ids) as well, and the fold of each character.

    Each held-out variant of the prior knows all but one fold of the new texts, as after
    `NgramPrior.learn`.
    """
    longest, listed = prior.shape.longest, prior.books.shape[1]
    divided = divide_texts(texts)
    text = join_texts([ids.numpy() for ids in texts], longest)
    folds = join_folds(divided, longest)
    shape = PriorShape(ADDED, longest, rows=0, dense=0, listed=listed)
    levels = choose_contexts(text, folds, prior.characters, shape, SEEN_CONTEXTS)
    variants = 2 + int(folds.max())
    # The expectations of the empty context are a placeholder: only their shape is read.
    even = np.full((1, prior.characters, variants), 1 / prior.characters, dtype=np.float32)
    empty = DenseLevel(even, np.ones((1, variants), dtype=bool))
    expectations = Expectations(listed, [empty])
    contexts = np.zeros((1, longest), dtype=np.int64)
    added = np.zeros((1, prior.characters + 1, variants), dtype=np.float32)
    counts = islice(DiscountedCounts.count_levels(text, folds, prior.characters, levels), 1, None)
    for length, (level, counted) in enumerate(zip(levels, counts, strict=True), 1):
        contexts = contexts[level.parents]
        contexts[:, -length] = level.digits
        logits = _find_log_probabilities(prior, contexts)[..., None] + added[level.parents, :-1]
        followers, totals = counted.followers, np.exp(logits).sum(axis=1)
        of_pairs = logits[followers.contexts, followers.tokens]
        new = fit_corrections(counted, level, of_pairs, totals, prior.characters, listed)
        expectations.sparse.append(new)
        added = added[level.parents]
        rows = np.arange(len(added))[:, None]
        added[rows, new.tokens] += new.book[new.codes].transpose(0, 2, 1)
    old = prior.to_tables()
    larger = NgramPrior(prior.shape, prior.characters)
    larger.set_tables(*append_tables(old, *lay_out_tables(levels, expectations, old)))
    return larger, torch.cat(divided)


def _find_log_probabilities(prior: NgramPrior, contexts: Integers) -> Floats:
    """Return the prior's log probabilities after contexts: float32 [C, V].

    ``contexts``: digits, int64 [C, longest], the latest one last, and 0 for none.
    """
    found = []
    for some in np.array_split(contexts, len(contexts) // 4096 + 1):
        digits = torch.from_numpy(some)
        found.append(prior(digits[None, :, -1] - 1, digits[:, :-1].float())[0][0].numpy())
    return np.concatenate(found)
