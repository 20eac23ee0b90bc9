"""Train voices: from texts to a run folder, and by a decay from a run without an end."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .checkpoint import Folds, collect_weights, count_texts, save_counts
from .config import Config
from .data.texts import Split, collect, describe, hash_files, read_texts
from .data.tokens import Tokens
from .data.vocabulary import Vocabulary
from .errors import RunError, TrainingError, make_folder
from .model import prior
from .model.network import CharLSTM, Shape
from .run import Run, save
from .trainer import Session, Training, cut_windows
from .voice_file import Trained

BRANCH_SHARE = 0.1
"""Default length of a decay, as a share of the steps taken before it."""


def prepare_training(
    paths: Sequence[Path],
    run: Run,
    config: Config,
    *,
    source: Trained | None = None,
    resume: bool = False,
    session: Session | None = None,
) -> Training:
    """Return a training of a voice on texts, before its first step or resumed from the run folder.

    A new run begins with the weights, the sizes and the vocabulary of ``source``, if given, and
    only its prior is counted again. A resumed run keeps its configuration, except `Config.steps`,
    if given, and `Config.learning_rate`. Its texts are in the run folder; ``paths``, if given, must
    hold the same texts.

    Raises TextError for a corpus that cannot be used, RunError for a folder that cannot, and
    TrainingError when the training fails.
    """
    content = _resume(paths, run, config) if resume else create_run(paths, run, config, source)
    training = Training(run, *content, session=session)
    training.resume()
    if resume:
        # Written last, because a refused resume must leave the run as it was.
        kept, _, texts = content
        run.write_config(kept)
        if paths:
            texts.save(run.corpus)
    return training


def create_run(
    paths: Sequence[Path], run: Run, config: Config, source: Trained | None
) -> tuple[Config, Vocabulary, Tokens]:
    """Lay out a run, whose training may start later, perhaps elsewhere.

    Returns its configuration, its vocabulary and its texts. Raises as `prepare_training` does.
    """
    files, split = hash_files(paths), collect(paths)
    run.require_new()
    print(describe(split), flush=True)
    _require_folders(config.repeat, [text.folder for text in split.train])
    known = source.model() if source else None
    if source and known:
        config = _take_sizes(known.shape, config, source.fingerprint())
    vocabulary = source.vocabulary() if source else Vocabulary.of(t.content for t in split.train)
    texts = Tokens.of(split.train, vocabulary)
    # Checked before the folder is laid out, because a second attempt would find a run there.
    cut_windows(config, texts)
    config = dataclasses.replace(
        config, texts=files, prior=prior.choose_shape(texts, len(vocabulary), config.prior)
    )
    make_folder(run.folder)
    texts.save(run.corpus)
    run.initial.unlink(missing_ok=True)  # left by a beginning that was interrupted here
    if known:
        save(run.initial, collect_weights(known), {})
    # Last, because an interrupted beginning must leave no run.
    run.create(config, vocabulary, split)
    return config, vocabulary, texts


def _take_sizes(shape: Shape, config: Config, fingerprint: str) -> Config:
    """Return a configuration with the layers and sizes of a voice, but its own contexts."""
    contexts = config.prior.contexts if shape.prior.contexts else 0
    sizes = ("embedding", "lower", "upper", "recurrence", "memory")
    return dataclasses.replace(
        config,
        **{name: getattr(shape, name) for name in sizes},
        # As long as the voice's, because the parameters of trust depend on a context's length.
        prior=dataclasses.replace(shape.prior, contexts=contexts),
        begun_from=fingerprint,
    )


def _resume(paths: Sequence[Path], run: Run, asked: Config) -> tuple[Config, Vocabulary, Tokens]:
    """Return the content of a run folder; of ``asked``, only steps and learning rate apply."""
    kept, vocabulary = run.config(), run.vocabulary()
    if kept.tuned_from:
        raise RunError(
            f"{run.folder} was made by tuning a voice: continue it with `onbook-train tune`, "
            f"the same voice and --resume, or choose another --out."
        )
    steps = asked.steps or kept.steps
    config = dataclasses.replace(kept, steps=steps, learning_rate=asked.learning_rate)
    if paths and hash_files(paths) != kept.texts:
        raise RunError(
            f"{run.folder} was trained on other texts: name the same ones or none, or choose "
            f"another --out."
        )
    try:
        texts = run.texts()
    except RunError:
        if not paths:
            raise
        texts = Tokens.of(collect(paths).train, vocabulary)
    return config, vocabulary, texts


def prepare_decay(
    run: Run,
    branch: Run,
    steps: int | None,
    changes: Mapping[str, Any],
    *,
    paths: Sequence[Path] = (),
    resume: bool = False,
    session: Session | None = None,
) -> Training:
    """Return a training that finishes what another run has learned so far, in a folder of its own.

    The training begins at the last checkpoint of ``run``, which it only reads and which may still
    be training. It takes ``steps`` steps, in which the learning rate falls to zero: see
    `Config.learning_rate_at`.

    Args:
        run: A run of `train` whose learning rate has not begun to fall.
        branch: The folder of the new run or, with ``resume``, of the run to resume.
        steps: Number of steps, by default `BRANCH_SHARE` of the steps taken before.
        changes: Fields of the run's `Config` that the new run replaces.
        paths: The texts of the decay; by default all texts of the run.
        resume: Whether to resume the run in ``branch``.
        session: The session of this process.
    """
    if not resume:
        _branch(run, branch, steps, changes, paths)
    return prepare_training([], branch, branch.config(), resume=True, session=session)


def _branch(
    run: Run, branch: Run, steps: int | None, changes: Mapping[str, Any], paths: Sequence[Path]
) -> None:
    """Lay out a run at another run's last checkpoint, before its decay."""
    branch.require_new()
    config_before = run.config()
    if config_before.tuned_from:
        raise RunError(f"{run.folder} was made by tuning and is already a voice: export it.")
    (tensors, facts), vocabulary, known = run.checkpoint(), run.vocabulary(), run.texts()
    if config_before.share_decayed(facts["step"]):
        raise RunError(
            f"The learning rate of {run.folder} has already fallen: export it, or train without "
            f"--steps."
        )
    config = dataclasses.replace(
        config_before,
        decay_from=facts["step"],
        steps=facts["step"] + (steps or max(1, round(facts["step"] * BRANCH_SHARE))),
        texts=hash_files(paths) if paths else config_before.texts,
        **changes,
    )
    split, texts = _choose_texts(run, known, vocabulary, paths)
    _require_folders(changes.get("repeat", {}), texts.folders)
    cut_windows(config, texts)
    network = CharLSTM(config_before.shape(vocabulary))
    folds = count_texts(network, known, run.counted, keep=False)
    make_folder(branch.folder)
    if network.prior and folds is not None:
        save_counts(network.prior, texts, _find_folds(texts, known, folds), branch.counted)
    if texts is not known or config.repeat != config_before.repeat:
        # Windows are cut differently, so another text stands before each, and the state must be
        # reset.
        tensors["state"] = torch.zeros_like(tensors["state"])
    facts |= {"best": math.inf, "corpus": texts.fingerprint}
    save(branch.checkpoint_path, tensors, facts)
    texts.save(branch.corpus)
    branch.create(config, vocabulary, split)


def _choose_texts(
    run: Run, known: Tokens, vocabulary: Vocabulary, paths: Sequence[Path]
) -> tuple[Split, Tokens]:
    """Return the texts that a decay learns and is judged by: the texts in paths, or all of the run.

    The run's held-out texts are not learned, nor is the end that `collect` cut off a text; if
    ``paths`` contain none of these, all of them judge.
    """
    validation, test = run.read_heldout("validation"), run.read_heldout("test")
    if not paths:
        return Split((), validation, test), known
    given = read_texts(paths)
    held_out = [text.content for text in (*validation, *test)]
    starts = (reduce(str.removesuffix, held_out, text.content).rstrip("\n") for text in given)
    learned = tuple(
        dataclasses.replace(text, content=start)
        for text, start in zip(given, starts, strict=True)
        if start
    )
    validation, test = (
        tuple(t for t in part if any(text.content.endswith(t.content) for text in given)) or part
        for part in (validation, test)
    )
    return Split(learned, validation, test), Tokens.of(learned, vocabulary)


def _find_folds(texts: Tokens, known: Tokens, folds: Folds) -> Folds:
    """Return the folds of texts, some of which a prior has counted; -1 for all others."""
    if texts is known:
        return folds
    counted_at = dict(zip(known.fingerprints(), known.starts.tolist(), strict=False))
    found = [np.full(length, -1, dtype=np.int8) for length in texts.lengths]
    for fold, mark in zip(found, texts.fingerprints(), strict=True):
        if (start := counted_at.get(mark)) is not None:
            fold[:] = folds[start : start + len(fold)]
    return np.concatenate(found)


def _require_folders(repeated: Iterable[str], folders: Iterable[str]) -> None:
    """Raise TrainingError unless each repeated folder has training text."""
    for name in set(repeated) - set(folders):
        raise TrainingError(
            f"No folder called {name} has training text: give --repeat the name of a folder that "
            f"has some."
        )
