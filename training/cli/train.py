"""Run ``train`` and ``decay``: train a voice, and finish what a training has learned so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg, create_mutex_group

from ..config import Config, Description
from ..model import find_layer
from ..model.network import Regularisation
from ..pretraining import create_run, prepare_decay, prepare_training
from ..ranges import KEPT, OptionalPositiveInt, PositiveInt
from ..run import Run
from ..trainer import Session, Training
from ..voice_file import open_voice
from .command import EXPORT, INTERRUPTED, PACKAGE, Command, Out, Texts, format_command

LOSSES = (
    (2.8, "The voice knows how a script looks, but invents most of its words: keep training."),
    (2.4, "About every other word is invented: keep training."),
    (2.15, "Most words are real, but few sentences make sense: keep training, or add text."),
    (1.9, "Words are real, but sentences break off in the middle: train for hours, on more text."),
    (1.0, "Most sentences are grammatical, but few answer one another: only far more text helps."),
    (0.0, "Only text that repeats learned text costs so little: leave out copies and drafts."),
)
"""The meaning of a loss, by the bits per character from which it applies, for English plays and
films. The sources are samples of a network that learned from 3.2 to 1.98 bits, and the cards of the
shipped voices."""

RESUMABLE = "Repeat the command with --resume to continue."

KEPT_DESCRIPTION = Description(*["as before"] * 4)
KEPT_DROP = Regularisation(KEPT, KEPT, KEPT)
"""The defaults of what is kept from the run or voice that a command names."""

START = create_mutex_group(required=False)


@dataclass(frozen=True, kw_only=True)
class Train(Command):
    """Train a voice on texts."""

    texts: Texts = ()
    """.fountain, .txt, .fdx, .md, or folders of them; not needed with --resume."""
    out: Out
    """The run folder."""
    resume: Annotated[bool, START] = False
    """Continue the run in --out as it was configured, but for --steps and --learning-rate."""
    prepare: Annotated[bool, START] = False
    """Only lay out the run; --resume starts the training, also on another machine."""
    voice: Annotated[Path | None, arg(name="from", help_behavior_hint="")] = None
    """Start with the weights, sizes and characters of a voice file or of another run."""
    session: Annotated[Session, arg(name="")] = field(default_factory=Session)
    config: Annotated[Config, arg(name="")] = field(default_factory=Config)

    def defaults(self) -> Train | None:
        """Return the command with the configuration of the run to resume, if any."""
        if not self.resume:
            return None
        # Leave out `repeat`, because tyro would replace --repeat with an option for each of its
        # folders; a resumed run keeps its own.
        return Train(out=self.out, config=dataclasses.replace(Run(self.out).config(), repeat={}))

    def __call__(self) -> int:
        """Train, or only lay out the run."""
        find_layer(self.config.recurrence)
        run = Run(self.out)
        source = open_voice(self.voice) if self.voice and not self.resume else None
        if self.prepare:
            create_run(self.texts, run, self.config, source)
            start = format_command(PACKAGE, "train", "--out", self.out, "--resume")
            print(f"Ready. Start with: {start}")
            return 0
        return run_training(
            self.out,
            lambda: prepare_training(
                self.texts,
                run,
                self.config,
                source=source,
                resume=self.resume,
                session=self.session,
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Decay(Command):
    """Make a voice from a training's last checkpoint.

    The voice takes further steps, in which the learning rate falls to zero. The training itself is
    not changed and can continue. A default "as before" is that of RUN.
    """

    run: Positional[Path]
    """A run of `train` without --steps, still training or stopped."""
    texts: Texts = ()
    """The texts of these steps, instead of all texts of RUN."""
    out: Out
    """A new run folder."""
    steps: OptionalPositiveInt = None
    """Number of steps, instead of a tenth of those that RUN has taken."""
    resume: bool = False
    """Continue the decay in --out."""
    session: Annotated[Session, arg(name="")] = field(default_factory=Session)
    description: Annotated[Description, arg(name="")] = KEPT_DESCRIPTION
    repeat: UseAppendAction[Mapping[str, PositiveInt]] = field(default_factory=dict)
    """Read the texts in folders of this name this many times per epoch; others are read once."""
    evaluate_every: PositiveInt = KEPT
    """Steps between two evaluations."""
    drop: Regularisation = KEPT_DROP

    def defaults(self) -> Decay:
        """Return the command with the configuration of the run."""
        begun = Run(self.run).config()
        return Decay(
            run=self.run,
            out=self.out,
            description=Description(begun.name, begun.corpus, begun.licence, begun.language),
            evaluate_every=begun.evaluate_every,
            drop=begun.drop,
        )

    def __call__(self) -> int:
        """Take the further steps."""
        changes: dict[str, Any] = {**vars(self.description), "drop": self.drop}
        changes["evaluate_every"] = self.evaluate_every
        if self.repeat or self.texts:
            changes["repeat"] = self.repeat
        return run_training(
            self.out,
            lambda: prepare_decay(
                Run(self.run),
                Run(self.out),
                self.steps,
                changes,
                paths=self.texts,
                resume=self.resume,
                session=self.session,
            ),
        )


def run_training(out: Path, prepare: Callable[[], Training]) -> int:
    """Train to the end, or until the time is up; return the exit code."""
    with Run(out).lock():
        try:
            training = prepare()
        except KeyboardInterrupt:
            say_interrupted(out)
            return INTERRUPTED
        if training.run():
            cost = f"Held-out text costs {training.best:.2f} bits a character."
            print(f"{cost}{explain_loss(training)}\nTrained. {suggest_export(out)}", flush=True)
            return 0
    print(f"Stopped and saved. {RESUMABLE}", flush=True)
    return 0 if training.time_is_up else INTERRUPTED


def explain_loss(training: Training) -> str:
    """Return what a training's loss means, and what to do next; "" for texts not in English."""
    if training.config.language.partition("-")[0] != "en":
        return ""
    return next(f" {text}" for least, text in LOSSES if training.best >= least)


def suggest_export(out: Path) -> str:
    """Return how to make a voice file from a run."""
    return f"Make a voice file from it: {format_command(EXPORT, out, '-o', 'voice.onnx')}"


def say_interrupted(out: Path, resumable: str = RESUMABLE) -> None:
    """Print how to continue after Ctrl-C before the first step."""
    again = resumable if Run(out).is_begun else "Repeat the command."
    print(f"Stopped before the first step. {again}", flush=True)
