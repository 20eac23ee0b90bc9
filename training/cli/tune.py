"""Run ``tune``: train a voice further on your own scripts."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

from tyro.conf import Positional, arg, create_mutex_group

from .. import finetune
from ..config import Description, Learning
from ..errors import VoiceError
from ..ranges import KEPT, Name, OptionalLanguageCode, OptionalPositiveFloat, OptionalPositiveInt
from ..run import Run
from ..trainer import Session, Training
from ..voice_file import Trained, open_voice
from .command import BOT, EXPORT, INTERRUPTED, UNSET, Command, Out, Texts, format_command
from .train import KEPT_DROP, RESUMABLE, explain_loss, say_interrupted, suggest_export

FOUND = find_spec(BOT)
VOICES = Path(FOUND.origin).parent / "models" if FOUND and FOUND.origin else Path("models")
"""The folder of the shipped voices; if the bot is not installed, ``models``."""

LIKE_VOICE = dict.fromkeys(("window", "resets", "weight_decay", "clip", "averaging"), KEPT)
TUNING = Learning(
    KEPT_DROP, batch=16, warmup=100, evaluate_every=100, learning_rate=0.001, **LIKE_VOICE
)
TUNED = Description("VOICE-tuned", "own scripts, after: CORPUS of VOICE", language="as before")
"""The defaults of a tuning."""

ANOTHER = "start another run with more text or more --minutes"

LENGTH = create_mutex_group(required=False)


@dataclass(frozen=True, kw_only=True)
class _Tuning(Command):
    """What both commands ask about a tuning."""

    steps: Annotated[OptionalPositiveInt, LENGTH] = None
    """Number of steps."""
    minutes: Annotated[OptionalPositiveFloat, LENGTH] = None
    """Time to train, 15 minutes unless given; the learning rate falls in the last fifth."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """The device that computes; `auto` uses a GPU if there is one."""


@dataclass(frozen=True, kw_only=True)
class Tune(_Tuning):
    """Train a voice further on your own scripts.

    A default "as before" is that of VOICE. The licence is unstated, because the scripts are yours.
    """

    voice: Positional[Path]
    """A voice file or a run folder."""
    texts: Texts = ()
    """Your scripts, as for `train`."""
    out: Out
    """The run folder."""
    resume: bool = False
    """Continue the run in --out with its own configuration, except for --steps and --minutes."""
    description: Annotated[Description, arg(name="")] = TUNED
    learning: Annotated[Learning, arg(name="")] = TUNING

    def defaults(self) -> Tune:
        """Return the command with the defaults for its voice."""
        before = open_voice(self.voice).config()
        return Tune(
            voice=self.voice,
            out=self.out,
            description=Description(
                f"{before.name}-tuned",
                f"own scripts, after: {before.corpus}",
                language=before.language,
            ),
            learning=replace(
                TUNING, **{name: getattr(before, name) for name in ("drop", *LIKE_VOICE)}
            ),
        )

    def __call__(self) -> int:
        """Tune the voice."""
        with Run(self.out).lock():
            is_better = self.learn()
        if is_better:
            print(suggest_export(self.out))
        return INTERRUPTED if is_better is None else 0

    def learn(self, resumable: str = RESUMABLE, mend: str = ANOTHER) -> bool | None:
        """Return whether the text costs less after the tuning, or None if the tuning was stopped.

        ``resumable``: the sentence that says how to continue after a stop; ``mend``: what to do if
        the text costs no less.
        """
        voice = open_voice(self.voice)
        # Build this network first, because building it draws random numbers: a resumed run draws
        # the next ones.
        known = voice.model()
        try:
            tuning = self._prepare(voice)
        except KeyboardInterrupt:
            say_interrupted(self.out, resumable)
            return None
        # Calibrate it like the tuned voice, because temperatures alone lower the cost.
        _, cost = tuning.calibrate(known.to(tuning.device), voice.vocabulary())
        untuned = cost.per_character
        print(f"Untuned, a held-out character costs {untuned:.4f} bits.")
        if not tuning.run():
            print(f"Stopped and saved. {resumable}")
            return None
        is_better, verdict = tuning.best < untuned, f".{explain_loss(tuning)}"
        if not is_better:
            verdict = f", which is not less: keep {self.voice}, or {mend}."
        print(f"Tuned, it costs {tuning.best:.4f}{verdict}")
        return is_better

    def _prepare(self, voice: Trained) -> Training:
        """Return the training, new or resumed."""
        run, session = Run(self.out), Session(device=self.device)
        if self.resume:
            return finetune.resume(self.texts, voice, run, self.steps, self.minutes, session)
        changes = {
            **vars(self.description),
            **vars(self.learning),
            "steps": self.steps,
            "minutes": self.minutes or (None if self.steps else 15.0),
        }
        return finetune.create(self.texts, voice, run, changes, session)


@dataclass(frozen=True, kw_only=True)
class Voice(_Tuning):
    """Make a voice of your scripts: tune one, export it and install it.

    Repeat the command to continue after Ctrl-C or, with more --minutes, after its end.
    """

    texts: Texts = ()
    """Your scripts, as for `train`."""
    name: Name = "mine"
    """The name of the voice."""
    voice: Annotated[Path, arg(name="from", help_behavior_hint="")] = VOICES / "screen.onnx"
    """The voice file that learns them, instead of the shipped *screen*."""
    language: OptionalLanguageCode = None
    """The code of the language of your scripts, such as `de`, if it is not that of the voice."""
    voices: Annotated[Path, UNSET] = field(
        default_factory=lambda: Path(os.environ.get("ONBOOK_MODELS") or VOICES)
    )
    """The folder to install it in, instead of the variable ONBOOK_MODELS or the shipped voices'."""

    def __call__(self) -> int:
        """Tune, export and install the voice."""
        if not (self.voices.is_dir() and os.access(self.voices, os.W_OK)):
            raise VoiceError(
                f"No voice can be written to {self.voices}: make this folder, or name another one "
                f"with --voices."
            )
        target, run = self.voices / f"{self.name}.onnx", Run(Path("runs", self.name))
        if target.exists() and not (run.is_begun and _is_of_run(target, run)):
            raise VoiceError(
                f"{target} is another voice, which {run} did not make: choose another --name, "
                f"or remove that file."
            )
        tune = Tune(voice=self.voice, out=run.folder).defaults()
        base = tune.description
        with run.lock():
            is_better = replace(
                tune,
                texts=self.texts,
                **{name: getattr(self, name) for name in _Tuning.__dataclass_fields__},
                resume=run.is_begun,
                description=replace(base, name=self.name, language=self.language or base.language),
            ).learn(
                "Repeat the command to continue.",
                f"repeat with more --minutes; for more text remove {run}, or choose another --name",
            )
            if self.language and run.is_begun:
                # The run may have been begun with another language.
                run.write_config(replace(run.config(), language=self.language))
        if not is_better:
            return INTERRUPTED if is_better is None else 1
        # Export in a process of its own, because `training` does not know what exports it.
        export = [sys.executable, "-m", EXPORT, str(run), "--output", str(target)]
        try:
            code = subprocess.run(export, check=False).returncode  # noqa: S603 - our own program
        except KeyboardInterrupt:
            print("Stopped before the voice was installed. Repeat the command to continue.")
            return INTERRUPTED
        if code:
            return code
        print(
            f"Try it: `ONBOOK_MODELS={quote(str(self.voices.resolve()))} "
            f"ONBOOK_MODEL={quote(self.name)} {format_command(BOT, 'write')}`. A bot that uses "
            f"this folder finds the voice without a restart: enter `/voice voice: {self.name}`, "
            f"and choose `use`."
        )
        return 0


def _is_of_run(voice: Path, run: Run) -> bool:
    """Return whether a voice file was made from a run, as far as the configurations tell."""
    told, known = open_voice(voice).config(), run.config()
    return (told.name, told.tuned_from) == (known.name, known.tuned_from)
