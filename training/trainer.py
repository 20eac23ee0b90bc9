"""Train a run step by step, from any state. Read `Training.run` from top to bottom first."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NoReturn

import torch
from torch import nn
from tqdm import tqdm
from tyro.conf import Suppress

from . import checkpoint
from .checkpoint import Start, count_texts, share_buffers
from .config import Config
from .data.batches import Batches
from .data.tokens import Tokens
from .data.vocabulary import Vocabulary
from .data.windows import Windows
from .device import choose_device, keep_freed_memory, set_precision
from .errors import RunError, TrainingError
from .evaluation import Cost, calibrate, cut_excerpt, write_sample
from .interruption import catch_interruption
from .model.network import CharLSTM, divide_logits
from .ranges import OptionalPositiveFloat, PositiveFloat
from .run import Run, load, save

if TYPE_CHECKING:
    # Generic only in the type stubs.
    Progress = tqdm[NoReturn]

REPORT_EVERY = 50
"""Steps between two lines of metrics."""

SPEED_IS_KNOWN_AFTER = 60.0
"""Seconds of training after which the number of steps in `Config.minutes` is computed."""

VALIDATION_STREAMS = 16
"""Pieces of the validation text read side by side while training."""

VALIDATED = 200_000
"""The most characters of the validation text read at an evaluation."""

SAMPLED = 400
"""Characters of the sample that is written at an evaluation."""

Clock = Callable[[], float]
"""Returns seconds since some moment, such as `time.perf_counter`."""


@dataclass(frozen=True)
class Session:
    """The options of one process, which are not stored with the run."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """The device that computes; `auto` uses a GPU if there is one."""
    minutes: OptionalPositiveFloat = None
    """Minutes after which to save and stop, from the start of the session; no limit by default."""
    checkpoint_minutes: PositiveFloat = 5.0
    """Minutes between two checkpoints; each evaluation saves a checkpoint as well."""
    tensorboard: bool = False
    """Also write metrics and samples to `board` in the run folder, for TensorBoard."""
    clock: Suppress[Clock] = time.perf_counter
    """Measures the minutes of the schedule."""
    began: Suppress[float] = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        """Return whether the minutes are used up."""
        return self.minutes is not None and time.monotonic() - self.began >= 60 * self.minutes


class Training:
    """One run, from any state to the end of its schedule, if it has one."""

    def __init__(
        self,
        run: Run,
        config: Config,
        vocabulary: Vocabulary,
        texts: Tokens,
        start: Start | None = None,
        session: Session | None = None,
    ) -> None:
        self.run_folder = run
        self.session = session or Session()
        self.clock = self.session.clock
        if self.session.tensorboard:
            run.open_board()
        self.config = config
        self.vocabulary = vocabulary
        contents = [text.content for text in run.read_heldout("validation")]
        self.validation = cut_excerpt(contents, VALIDATED)
        self.streams = max(1, min(VALIDATION_STREAMS, len(self.validation) // 1000))
        self.device = choose_device(self.session.device)
        self.autocast = set_precision(config.precision, self.device)
        torch.manual_seed(config.seed)
        shape = config.shape(vocabulary)
        self.model = CharLSTM(shape, config.drop).to(self.device).train()
        # Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        if start:
            folds = start(self.model)
        else:
            folds = count_texts(self.model, texts, run.counted)
            if run.initial.exists():
                self.model.load_state_dict(load(run.initial)[0], strict=False)
        self.average = CharLSTM(shape).to(self.device).eval()
        self.average.load_state_dict(dict(self.model.named_parameters()), strict=False)
        share_buffers(self.model, self.average)
        self.windows = cut_windows(config, texts)
        self.batches = Batches(self.windows, texts.ids, folds, self.device)
        self.corpus_hash = texts.fingerprint
        self.state = self.model.start(config.batch)
        self.step = 0
        self.seconds = 0.0
        self.evaluated = 0.0
        """The seconds of all evaluations, which `seconds` includes."""
        self.best = math.inf
        self.time_is_up = False
        """True if the run has stopped because its session's minutes are over."""
        self._saved_at = time.monotonic()

    def run(self) -> bool:
        """Train to the end of the schedule; return False if the run was saved and stopped earlier.

        Raises TrainingError when the loss is not finite.
        """
        keep_freed_memory()  # only now, because the prior's counting takes far more memory
        began = self.clock() - self.seconds
        bits, taken, reported = 0.0, 0, self.clock()
        bar: Progress = tqdm(
            total=self.config.steps, initial=self.step, unit="step", smoothing=0.05, mininterval=1
        )
        with catch_interruption() as interrupted, bar as progress:
            while self.config.steps is None or self.step < self.config.steps:
                bits += self.train_step()
                taken += 1
                progress.update()
                self.seconds = self.clock() - began
                if self.step % REPORT_EVERY == 0:
                    self._report(progress, bits / taken, taken, self.clock() - reported)
                    bits, taken, reported = 0.0, 0, self.clock()
                due = self.step % self.config.evaluate_every == 0 or self.step == self.config.steps
                if due or self._can_plan:
                    self._evaluate(progress)
                    self.save()
                    evaluation = self.clock() - began - self.seconds
                    # The speed is reported without evaluations.
                    reported += evaluation
                    self.evaluated += evaluation
                    self.seconds += evaluation
                    if self._can_plan:
                        self._set_steps(progress, evaluation)
                if not self._save_if_due(bool(interrupted)):
                    return False
        return True

    def _save_if_due(self, interrupted: bool) -> bool:
        """Save a checkpoint if one is due; return False when it is time to stop."""
        quiet = time.monotonic() - self._saved_at
        self.time_is_up = self.session.is_over
        stop = self.time_is_up or interrupted
        if stop or quiet >= 60 * self.session.checkpoint_minutes:
            self.save()
        return not stop

    def train_step(self) -> float:
        """Take a step: forward, backward, clip, update, average. Return bits per character."""
        batch = self.batches.at(self.step)
        if batch.begins_epoch:
            self.state = self.model.start(self.config.batch)
        if self.config.resets:
            kept = torch.rand(len(self.state), 1) >= self.config.resets
            self.state = self.state * kept.to(self.device)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate_at(self.step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            logits, state = self.model(batch.inputs, self.state, batch.folds)
        loss = batch.cost(logits.float())
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimiser.step()
        self.state = state.detach()
        self.step += 1
        self._average()
        # Read last, because reading waits for the GPU to finish the step.
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(
                f"The loss was not finite at step {self.step}: the last checkpoint is kept; train "
                f"again with a lower --learning-rate."
            )
        return value / math.log(2)

    @torch.no_grad()
    def _average(self) -> None:
        """Update the averaged weights, with a smaller decay during the first steps."""
        # Otherwise the initial weights would stay in the average for thousands of steps. The
        # warm-up is that of TensorFlow's `ExponentialMovingAverage`.
        decay = min(self.config.averaging, (1 + self.step) / (10 + self.step))
        # One call for all weights, because each weight would be a kernel of its own on a GPU.
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.model.parameters()), 1 - decay
        )

    @property
    def _can_plan(self) -> bool:
        """Return whether to compute, now that the speed is known, how many steps to take."""
        is_planned = self.config.minutes is None or self.config.steps is not None
        return not is_planned and self.seconds >= SPEED_IS_KNOWN_AFTER

    def _set_steps(self, progress: Progress, evaluation: float) -> None:
        """Set the number of steps that fit into `Config.minutes`; an evaluation is in seconds."""
        assert self.config.minutes is not None  # see `_can_plan`
        training = (self.seconds - self.evaluated) / self.step
        per_step = training + evaluation / self.config.evaluate_every
        # The last step has an evaluation of its own.
        left = 60 * self.config.minutes - self.seconds - evaluation
        steps = self.step + max(1, int(left / per_step))
        self.config = dataclasses.replace(self.config, steps=steps)
        self.run_folder.write_config(self.config)
        progress.total = steps
        progress.write(f"{steps:,} steps fit into --minutes {self.config.minutes:g}.")

    def _evaluate(self, progress: Progress) -> None:
        """Measure the validation bits and write a sample; save the weights if they are best."""
        temperatures, cost = self.calibrate(self.average, self.vocabulary)
        bits = cost.per_character
        row = {"step": self.step, "seconds": round(self.seconds, 1), "validation_bits": bits}
        self.run_folder.add_metrics(row)
        # Begin with a line of a script: from nothing, a network of few steps can write one letter.
        begun = self.validation.partition("\n")[0][:100] + "\n\n"
        read = self.average, self.vocabulary, f"\n{begun}"
        written = begun + write_sample(*read, SAMPLED, 0.8, self.config.seed)
        self.run_folder.add_sample(self.step, written)
        progress.write(f"\n{written.strip()}\n")
        progress.write(
            f"step {self.step:,}: {bits:.4f} bits per character on the validation text "
            f"(carried state in {self.streams} pieces)"
        )
        if bits < self.best:
            self.best = bits
            facts = {
                "step": self.step,
                "validation_bits": bits,
                "temperatures": temperatures,
                "trained": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                "seconds": round(self.seconds, 1),
            }
            weights = divide_logits(self.average.state_dict(), temperatures)
            save(self.run_folder.weights, weights, facts)
        self.run_folder.draw_curves()

    def calibrate(self, model: CharLSTM, vocabulary: Vocabulary) -> tuple[tuple[float, ...], Cost]:
        """Return a network's best temperatures for the validation text, and its cost at them."""
        return calibrate(model, vocabulary, self.validation, self.streams)

    def save(self) -> None:
        """Save all that the next step depends on, so that another process can take it."""
        self._saved_at = time.monotonic()
        tensors = checkpoint.pack(self.model, self.average, self.optimiser)
        found = checkpoint.find_generators(self.device)
        tensors |= {name: generator.get_state() for name, generator in found.items()}
        tensors["state"] = self.state
        facts = {
            "step": self.step,
            "seconds": self.seconds,
            "evaluated": self.evaluated,
            "best": self.best,
            "corpus": self.corpus_hash,
        }
        save(self.run_folder.checkpoint_path, tensors, facts)

    def resume(self) -> None:
        """Restore the state that `save` wrote; raises RunError for other texts or too few steps.

        On the same CPU and in the same precision, the run continues bit for bit. On another CPU,
        sums are rounded differently, and on a GPU they differ each time. A GPU that was missing at
        the checkpoint draws dropout masks as at the start of the run.
        """
        if self.run_folder.checkpoint_path.exists():
            tensors, facts = load(self.run_folder.checkpoint_path)
            if facts["corpus"] != self.corpus_hash:
                raise RunError(
                    f"{self.run_folder.folder} was trained on other texts: give it the same ones, "
                    f"remove it, or choose another --out (for `voice`, another --name)."
                )
            steps, known = self.config.steps, self.run_folder.config().steps
            if steps and steps != known and steps <= facts["step"]:
                raise RunError(
                    f"{self.run_folder.folder} has already taken {facts['step']:,} steps: give "
                    f"--steps a larger number, or leave it out."
                )
            checkpoint.unpack(tensors, self.model, self.average, self.optimiser)
            self.state = tensors["state"].to(self.device)
            checkpoint.restore_generators(tensors, checkpoint.find_generators(self.device))
            self.step, self.seconds, self.best = facts["step"], facts["seconds"], facts["best"]
            self.evaluated = facts["evaluated"]
        self.run_folder.drop_metrics_after(self.step)

    def _report(self, progress: Progress, bits: float, steps: int, seconds: float) -> None:
        characters = steps * self.config.batch * self.config.window
        row = {
            "step": self.step,
            "seconds": round(self.seconds, 1),
            "epoch": round(self.step / self.windows.per_epoch, 3),
            "learning_rate": self.config.learning_rate_at(self.step),
            "train_bits": round(bits, 5),
            "characters_per_second": round(characters / seconds),
        }
        self.run_folder.add_metrics(row)
        progress.set_postfix_str(f"{bits:.3f} bits, {characters / seconds:,.0f} characters/s")


def cut_windows(config: Config, texts: Tokens) -> Windows:
    """Return the windows of the texts; raise TrainingError if the texts do not fill a window."""
    times = [config.repeat.get(folder, 1) for folder in texts.folders]
    windows = Windows(texts.lengths, config.batch, config.window, config.seed, times)
    if windows.per_epoch < 1:
        raise TrainingError(
            f"The training text is too short for {config.batch} streams of {config.window} "
            f"characters: lower --batch or --window, or add text."
        )
    return windows
