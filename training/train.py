"""Training: texts in, a run folder out. Read `Training.run` from top to bottom first."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional
from tqdm import tqdm

from . import curves, ngrams, prior
from .evaluate import as_read, calibrated, carried, sample
from .model import CharLSTM, at_temperatures, completed
from .names import Names
from .parallel import ALONE, Team
from .run import Config, Run, RunError, load, save
from .teachers import Imagined
from .texts import Split, Text, collect
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    # Generic in its stubs alone.
    Progress = tqdm[NoReturn]

REPORT_EVERY = 50
"""Steps between two lines of metrics."""

SPEED_IS_KNOWN_AFTER = 60.0
"""Seconds of training from which the steps that fit into ``--minutes`` are worked out."""

LENGTHENED_FROM = 0.45
"""Share of the steps after which windows are longer, if they are to be."""

FINISHED_FROM = 0.75
"""Share of the steps after which the texts of one folder alone are read, if they are to be."""

VALIDATION_STREAMS = 16
"""Pieces of the validation text that are read side by side while training."""


class TrainingError(Exception):
    """One sentence about a training that cannot go on, and what to do about it."""


Reading = Callable[[int, int], Tensor]
"""What a text is when it is read for the n-th time, both from 0: int64, always as long."""

Clock = Callable[[], float]
"""Seconds since some moment, such as `time.perf_counter`."""

Start = Callable[[CharLSTM, Sequence[Tensor]], Tensor | None]
"""Puts what is known before the first step into a network, given the texts that it will learn;
returns the parts of these that its prior has not seen, as `NgramPrior.learn` does."""


class Windows:
    """The training text as windows for truncated back-propagation through time.

    Each epoch shuffles the texts, each as many ``times`` over as it is to be read, joins them, and
    cuts the whole into ``batch`` streams, which are read side by side, ``window`` characters at a
    time:

        stream 0   | Enter GHOST\\n\\nHAM | LET\\nAlas, poor g | ...
        stream 1   | ome, the croaki | ng raven doth be | ...
                     window 0           window 1

    The state at the end of one window is the start of the next; an epoch begins with none.

    However often an epoch reads a text, there is one of it: its `places` are the same each time.
    So a prior counts it once, and leaves all of it out of the counts whenever it is read. What
    stands there is the text as it was given, or what a ``reading`` makes of it.
    """

    def __init__(
        self,
        texts: Sequence[Tensor],
        batch: int,
        window: int,
        seed: int,
        times: Sequence[int] | None = None,
        reading: Reading | None = None,
    ) -> None:
        self.texts = texts
        self.times = times or [1] * len(texts)
        self.reading = reading or (lambda text, _time: texts[text])
        self.batch = batch
        self.window = window
        self.seed = seed
        read = sum(len(text) * n for text, n in zip(texts, self.times, strict=True))
        self.length = (read - 1) // batch
        self.per_epoch = self.length // window
        self._epoch = -1
        self._places = self._tokens = torch.empty(0, dtype=torch.int64)

    def at(self, step: int) -> tuple[Tensor, Tensor, bool]:
        """Inputs and targets, int64 [window, batch], of a step, and whether an epoch begins."""
        start = self._enter(step)
        read = self._tokens[start : start + self.window + 1]
        return read[:-1], read[1:], step % self.per_epoch == 0

    def places(self, step: int) -> Tensor:
        """Where the inputs of a step lie in the joined texts, as they were given."""
        start = self._enter(step)
        return self._places[start : start + self.window]

    def _enter(self, step: int) -> int:
        """Where in the streams of its epoch, which are then there, a step begins."""
        epoch, number = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._shuffle(epoch)
            self._epoch = epoch
        return number * self.window

    def _shuffle(self, epoch: int) -> None:
        """Lays out the streams of an epoch, [length + 1, batch]; the same whenever it is asked."""
        generator = torch.Generator().manual_seed(self.seed * 100_003 + epoch)
        lengths = [len(text) for text in self.texts]
        places = torch.arange(sum(lengths)).split(lengths)
        read = [(text, n) for text, times in enumerate(self.times) for n in range(times)]
        order = [read[i] for i in torch.randperm(len(read), generator=generator)]
        tokens = [self.reading(text, epoch * self.times[text] + n) for text, n in order]
        starts = torch.arange(self.batch) * self.length
        at = starts + torch.arange(self.length + 1)[:, None]
        self._places = torch.cat([places[text] for text, _ in order])[at]
        self._tokens = torch.cat(tokens)[at]


@dataclass(frozen=True)
class Batch:
    """What one step reads: streams of the texts and, after these, streams that teachers wrote."""

    inputs: Tensor
    """int64 [window, streams]."""
    targets: Tensor
    """int64 [window, streams of the texts]."""
    anew: Tensor
    """Which streams begin with the state of a script's start, bool [streams]."""
    parts: Tensor | None
    """int64 [window, streams], as `CharLSTM.forward` takes them."""
    expected: Tensor | None
    """What the teachers expect, float32 [window, their streams, vocabulary]."""

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        there = {name: one.to(device) for name, one in vars(self).items() if one is not None}
        return dataclasses.replace(self, **there)

    def cost(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """What a character costs, and one of the texts alone, in nats, by logits for all."""
        texts = self.targets.shape[1]
        text = functional.cross_entropy(logits[:, :texts].flatten(0, 1), self.targets.flatten())
        if self.expected is None:
            return text, text
        written = logits[:, texts:].flatten(0, 1)
        taught = functional.cross_entropy(written, self.expected.flatten(0, 1))
        return torch.lerp(text, taught, 1 - texts / logits.shape[1]), text


def windows_of(
    config: Config,
    texts: Sequence[Text],
    tokens: Sequence[Tensor],
    reading: Reading | None = None,
) -> tuple[Windows, Windows, Windows]:
    """What is read at first, from `LENGTHENED_FROM` on, and from `FINISHED_FROM` on.

    ``tokens`` are those of the texts. Raises TrainingError where one of the three has no window.
    """
    if config.lengthen > config.batch:
        raise TrainingError(
            f"{config.batch} streams cannot become {config.lengthen} times fewer: lower "
            f"--lengthen, or give a larger --batch."
        )
    times = [config.repeat.get(text.folder, 1) for text in texts]
    batch, window = config.streams_of_texts, config.window
    short = Windows(tokens, batch, window, config.seed, times, reading)
    batch, window = batch // config.lengthen, window * config.lengthen
    long = last = Windows(tokens, batch, window, config.seed, times, reading)
    if config.finish:
        alone = [int(text.folder == config.finish) for text in texts]
        last = Windows(tokens, batch, window, config.seed, alone, reading)
    if min(short.per_epoch, long.per_epoch, last.per_epoch) < 1:
        raise TrainingError(
            f"The training text fills no window of {config.batch} streams of {config.window} "
            f"characters: lower --batch, --window or --lengthen, or add text."
        )
    return short, long, last


def learning_rate(config: Config, step: int) -> float:
    """Linear warm-up, then a cosine to zero (Loshchilov & Hutter 2017) if the end is known."""
    rising = min(1.0, (step + 1) / config.warmup)
    if config.steps is None:
        return config.learning_rate * rising
    falling = 0.5 * (1 + math.cos(math.pi * min(1.0, step / config.steps)))
    return config.learning_rate * rising * falling


class Training:
    """One run, from wherever it stands to the end of its schedule."""

    def __init__(
        self,
        run: Run,
        config: Config,
        vocabulary: Vocabulary,
        texts: Sequence[Text],
        start: Start | None = None,
        team: Team = ALONE,
        clock: Clock = time.perf_counter,
        imagined: Imagined | None = None,
    ) -> None:
        self.run_folder = run
        self.team = team
        self.clock = clock
        self.config = config
        self.vocabulary = vocabulary
        self.validation = "\n\n".join(t.content for t in run.heldout_texts("validation"))
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.autocast = uses_bfloat16(config.precision, self.device)
        torch.manual_seed(config.seed)
        shape = config.shape(vocabulary)
        self.model = CharLSTM(shape, config.drop).to(self.device).train()
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        tokens = encoded(texts, vocabulary)
        self.parts = start(self.model, tokens) if start else counted(self.model, tokens)
        self.average = CharLSTM(shape).to(self.device).eval()
        self.average.load_state_dict(self.model.state_dict())
        names = Names(
            [text.content for text in texts], vocabulary.characters, config.renamed, config.seed
        )

        def reading(text: int, time: int) -> Tensor:
            return encoded_text(names.reading(text, time), vocabulary)

        self.short, self.long, self.last = windows_of(config, texts, tokens, reading)
        self.imagined = imagined
        if imagined:
            streams = config.batch - config.streams_of_texts
            self.written = Windows(imagined.texts, streams, config.window, config.seed)
        self.corpus_hash = hashlib.sha256(torch.cat(tokens).numpy().tobytes()).hexdigest()
        self.network = team.together(self.model)
        self.state = self.model.start(config.batch // team.size)
        self.step = 0
        self.seconds = 0.0
        self.best = math.inf
        if not team.leads:
            # All have begun with the same weights, and drop different ones.
            torch.manual_seed(config.seed * 100_003 + team.rank)

    def run(self) -> bool:
        """Trains to the end of the schedule; False when it was interrupted before.

        Raises TrainingError when the loss is not finite.
        """
        began = self.clock() - self.seconds
        bits, taken, reported = 0.0, 0, self.clock()
        with interruption() as interrupted, self._progress() as progress:
            while self.config.steps is None or self.step < self.config.steps:
                bits += self.train_step()
                taken += 1
                progress.update()
                self.seconds = self.clock() - began
                if self.step % REPORT_EVERY == 0:
                    if self.team.leads:
                        self._report(progress, bits / taken, taken, self.clock() - reported)
                    bits, taken, reported = 0.0, 0, self.clock()
                schedule_found = self.config.steps is None and self._find_schedule(progress)
                if schedule_found or self._evaluation_is_due():
                    self.team.by_first(lambda: self._evaluate(progress))
                    self.save()
                    reported += self.clock() - began - self.seconds
                    self.seconds = self.clock() - began
                if any(self.team.hear(bool(interrupted))):
                    self.save()
                    return False
        self.save()
        return True

    def train_step(self) -> float:
        """One window: forward, backward, clip, update, average. Returns bits per character.

        Both the window and the bits are those of all processes.
        """
        batch = self._next()
        if len(self.state) != len(batch.anew):
            self.state = self.model.start(len(batch.anew))
        if batch.anew.any():
            self.state = self.state.masked_fill(batch.anew[:, None], 0.0)
        elif self.config.resets:
            kept = torch.rand(len(self.state), 1) >= self.config.resets
            self.state = self.state * kept.to(self.device)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, self.step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            logits, state = self.network(batch.inputs, self.state, batch.parts)
        loss, text = batch.cost(logits.float())
        value = fmean(self.team.hear(text.item()))
        self.step += 1
        if not math.isfinite(value + loss.item()):
            raise TrainingError(
                f"The loss was not finite at step {self.step}: the last evaluation is kept; train "
                f"again with a lower --learning-rate."
            )
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimiser.step()
        self.state = state.detach()
        self._average()
        return value / math.log(2)

    def _next(self) -> Batch:
        own = self.team.own(self.windows.batch)
        inputs, targets, begins = self.windows.at(self.step)
        inputs, targets = inputs[:, own], targets[:, own]
        anew = torch.full((inputs.shape[1],), begins)
        parts = expected = None
        if self.parts is not None:
            parts = self.parts[self.windows.places(self.step)[:, own]]
        if self.imagined:
            written, _, begins = self.written.at(self.step)
            expected = self.imagined.after(self.written.places(self.step))
            inputs = torch.cat([inputs, written], dim=1)
            anew = torch.cat([anew, torch.full((written.shape[1],), begins)])
            if parts is not None:
                parts = functional.pad(parts, (0, written.shape[1]), value=-1)
        return Batch(inputs, targets, anew, parts, expected).to(self.device)

    @property
    def windows(self) -> Windows:
        """Those that the next step belongs to.

        What stands far back can only be learned from long windows, and costs more than it brings
        while letters and words are learned. What is read last, while the learning rate falls to
        nothing, is what the voice will sound like.
        """
        done = self.step / self.config.steps if self.config.steps else 0.0
        if done >= FINISHED_FROM:
            return self.last
        return self.long if done >= LENGTHENED_FROM else self.short

    @torch.no_grad()
    def _average(self) -> None:
        """Moves the averaged weights; faster at first, so that the start is soon forgotten."""
        decay = min(self.config.averaging, (1 + self.step) / (10 + self.step))
        pairs = zip(self.average.parameters(), self.model.parameters(), strict=True)
        for average, current in pairs:
            average.lerp_(current, 1 - decay)

    def _find_schedule(self, progress: Progress) -> bool:
        """Whether it is known now how many steps there will be."""
        steps = self.team.by_first(lambda: self._steps_that_fit(progress))
        self.config = dataclasses.replace(self.config, steps=steps)
        return steps is not None

    def _steps_that_fit(self, progress: Progress) -> int | None:
        """After the first minute: how many steps fit into the minutes that were asked for."""
        if self.seconds < SPEED_IS_KNOWN_AFTER or self.config.minutes is None:
            return None
        began = self.clock()
        self.validation_bits()
        evaluation = self.clock() - began
        per_step = self.seconds / self.step + evaluation / self.config.evaluate_every
        steps = max(self.step + 1, round(self.config.minutes * 60 / per_step))
        self.run_folder.write_config(dataclasses.replace(self.config, steps=steps))
        progress.total = steps
        progress.write(f"{steps:,} steps fit into {self.config.minutes:g} minutes.")
        return steps

    def _evaluation_is_due(self) -> bool:
        return self.step % self.config.evaluate_every == 0 or self.step == self.config.steps

    def _evaluate(self, progress: Progress) -> None:
        """Validation and a sample; keeps the weights if they are the best."""
        temperatures, cost = calibrated(*self._validation(self.average, self.vocabulary))
        bits = cost.per_character
        self._note({"step": self.step, "seconds": round(self.seconds, 1), "validation_bits": bits})
        written = sample(self.average, self.vocabulary, "\n", 400, 0.8, self.config.seed)
        self.run_folder.samples.mkdir(exist_ok=True)
        path = self.run_folder.samples / f"{self.step:07d}.txt"
        path.write_text(written + "\n", encoding="utf-8")
        progress.write(f"\n{written.strip()}\n")
        progress.write(
            f"step {self.step:,}: {bits:.4f} bits per character on the validation text "
            f"(carried state in {VALIDATION_STREAMS} pieces, logits divided by "
            f"{' '.join(f'{one:g}' for one in temperatures)})"
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
            save(
                self.run_folder.weights,
                at_temperatures(self.average.state_dict(), temperatures),
                facts,
            )
        curves.draw(self.run_folder.metrics, self.run_folder.folder / "curves.png")

    def validation_bits(self) -> float:
        """What a character of the validation text costs now, by the averaged weights."""
        return self.bits_by(self.average, self.vocabulary)

    def bits_by(self, model: CharLSTM, vocabulary: Vocabulary) -> float:
        """What a character of the validation text costs another network."""
        return carried(*self._validation(model, vocabulary)).per_character

    def _validation(
        self, model: CharLSTM, vocabulary: Vocabulary
    ) -> tuple[CharLSTM, Vocabulary, str, int]:
        """What is read of the validation text, and in how many pieces, side by side."""
        streams = max(1, min(VALIDATION_STREAMS, len(self.validation) // 1000))
        return model, vocabulary, self.validation, streams

    def save(self) -> None:
        """Keeps all that the next step depends on, so that it can be taken in another process.

        Of several processes, it keeps the state of all streams, and the generators of all.
        """
        own = {"state": self.state.cpu()}
        own |= {name: one.get_state() for name, one in self._generators().items()}
        everybody = self.team.hear(own)
        if not self.team.leads:
            return
        tensors = {f"model.{name}": t for name, t in self.model.state_dict().items()}
        tensors |= {f"average.{name}": t for name, t in self.average.state_dict().items()}
        for i, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{i}.{name}": t for name, t in moments.items()}
        tensors |= {name: torch.cat([one[name] for one in everybody]) for name in own}
        facts = {
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "corpus": self.corpus_hash,
        }
        save(self.run_folder.resume, tensors, facts)

    def resume(self) -> None:
        """Stands where `save` left it; raises RunError when the texts are not the same.

        With as many processes as before it goes on bit for bit. With another number each stream
        goes on where it was, but sums are rounded differently, and other things are dropped: a
        process that there was not before draws as at the start of the run.
        """
        kept = self.team.by_first(self._kept)
        if kept:
            self._restore(*kept)
        if self.team.leads:
            self._forget_metrics_after(self.step)

    def _kept(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        if not self.run_folder.resume.exists():
            return None
        tensors, facts = load(self.run_folder.resume)
        if facts["corpus"] != self.corpus_hash:
            raise RunError(
                f"{self.run_folder.folder} was trained on other texts: give --resume the same "
                f"ones, or choose another --out."
            )
        return tensors, facts

    def _restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self.model.load_state_dict(completed(_under("model.", tensors)))
        self.average.load_state_dict(completed(_under("average.", tensors)))
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _under("optimiser.", tensors).items():
            number, name = key.split(".")
            moments.setdefault(int(number), {})[name] = tensor
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        streams = len(tensors["state"])
        self.state = tensors["state"][self.team.own(streams)].to(self.device)
        for name, one in self._generators().items():
            states = tensors[name].split(len(one.get_state())) if name in tensors else ()
            if self.team.rank < len(states):
                # It reads from the start of what a tensor is a part of.
                one.set_state(states[self.team.rank].clone())
        self.step, self.seconds, self.best = facts["step"], facts["seconds"], facts["best"]

    def _generators(self) -> dict[str, torch.Generator]:
        """Those that say what is dropped, by their names in what is kept."""
        found = {"random": torch.default_generator}
        if self.device.type == "cuda":
            found["random.cuda"] = torch.cuda.default_generators[torch.cuda.current_device()]
        return found

    def _forget_metrics_after(self, step: int) -> None:
        """Steps that were taken but not kept will be taken, and noted, again."""
        if not self.run_folder.metrics.exists():
            return
        rows = self.run_folder.metrics.read_text(encoding="utf-8").splitlines()
        kept = [row for row in rows if json.loads(row)["step"] <= step]
        self.run_folder.metrics.write_text("".join(f"{r}\n" for r in kept), encoding="utf-8")

    def _report(self, progress: Progress, bits: float, steps: int, seconds: float) -> None:
        characters = steps * self.config.batch * self.config.window
        self._note(
            {
                "step": self.step,
                "seconds": round(self.seconds, 1),
                "epoch": round(self.step / self.windows.per_epoch, 3),
                "learning_rate": learning_rate(self.config, self.step),
                "train_bits": round(bits, 5),
                "characters_per_second": round(characters / seconds),
            }
        )
        progress.set_postfix_str(f"{bits:.3f} bits, {characters / seconds:,.0f} characters/s")

    def _note(self, row: dict[str, Any]) -> None:
        with self.run_folder.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def _progress(self) -> Progress:
        return tqdm(
            total=self.config.steps,
            initial=self.step,
            unit="step",
            smoothing=0.05,
            mininterval=1,
            disable=not self.team.leads,
        )


def train(
    paths: Sequence[Path], run: Run, config: Config, *, resume: bool = False, team: Team = ALONE
) -> bool:
    """Trains a voice on texts; False when it was interrupted and can be resumed.

    A run that goes on keeps its own configuration; only `Config.steps`, where given, moves the end
    of its schedule. Of a ``team``, only the first process needs the texts and the folder.

    Raises TextError for a corpus that cannot be used, RunError for a folder that cannot, and
    TrainingError when the training fails.
    """
    split = team.by_first(lambda: collect(paths))
    return prepare(split, run, config, resume=resume, team=team).run()


def prepare(
    split: Split,
    run: Run,
    config: Config,
    vocabulary: Vocabulary | None = None,
    *,
    resume: bool = False,
    team: Team = ALONE,
    clock: Clock = time.perf_counter,
) -> Training:
    """A training that stands where the run in the folder stands, or before its first step.

    ``vocabulary`` is worked out from what is learned unless it is given, and the minutes of the
    schedule are told by ``clock``. Raises RunError and TrainingError as `train` does.
    """

    def asked_for() -> tuple[Config, Vocabulary]:
        if resume:
            return _go_on(run, config, team)
        return _begin(split, run, config, vocabulary, team)

    config, known = team.by_first(asked_for)
    training = Training(run, config, known, split.train, team=team, clock=clock)
    training.resume()
    return training


def _begin(
    split: Split, run: Run, config: Config, vocabulary: Vocabulary | None, team: Team
) -> tuple[Config, Vocabulary]:
    """Lays out a new run, with what can be worked out from its texts."""
    _require_folders("--repeat", config.repeat, split.train)
    _require_folders("--finish", {config.finish} - {""}, split.train)
    _require_shares(config, team)
    vocabulary = vocabulary or Vocabulary.of(t.content for t in split.train)
    tokens = encoded(split.train, vocabulary)
    config = fitted(config, tokens, vocabulary)
    # Only what can be trained is laid out: another try would find a run there.
    windows_of(config, split.train, tokens)
    run.begin(config, vocabulary, split)
    return config, vocabulary


def fitted(config: Config, tokens: Sequence[Tensor], vocabulary: Vocabulary) -> Config:
    """A configuration whose memory and prior are no larger than what the texts can fill."""
    return dataclasses.replace(
        config,
        memory=ngrams.fitted(tokens, config.memory),
        prior=prior.fitted(tokens, len(vocabulary), config.prior),
    )


def _go_on(run: Run, config: Config, team: Team) -> tuple[Config, Vocabulary]:
    """A run's own configuration and vocabulary; of what is asked for, only the steps count."""
    kept = run.config()
    if kept.tuned_from:
        raise RunError(
            f"{run.folder} was made by tuning a voice: go on with `python -m training tune` of the "
            f"same voice and --resume, or choose another --out."
        )
    config = dataclasses.replace(kept, steps=config.steps or kept.steps)
    _require_shares(config, team)
    run.write_config(config)
    return config, run.vocabulary()


def counted(model: CharLSTM, texts: Sequence[Tensor]) -> Tensor | None:
    """The `Start` of a network that has learned nothing yet: what can be counted is counted."""
    if model.memory:
        model.memory.assign(texts)
    return model.prior.learn(texts) if model.prior else None


def _require_folders(option: str, names: Iterable[str], texts: Iterable[Text]) -> None:
    for name in set(names) - {text.folder for text in texts}:
        raise TrainingError(
            f"No text to learn lies in a folder called {name}: give {option} the name of one that "
            f"has some."
        )


def _require_shares(config: Config, team: Team) -> None:
    for streams in (config.batch, config.batch // config.lengthen):
        if streams % team.size:
            raise TrainingError(
                f"{team.size} processes cannot share {streams} streams: give a --batch that they "
                f"divide, and that they still divide once --lengthen has divided it."
            )


def encoded(texts: Sequence[Text], vocabulary: Vocabulary) -> list[Tensor]:
    """The token ids of each text as a voice reads it: int64 [characters]."""
    return [encoded_text(text.content, vocabulary) for text in texts]


def encoded_text(text: str, vocabulary: Vocabulary) -> Tensor:
    """The token ids of one text as a voice reads it: int64 [characters]."""
    return torch.tensor(vocabulary.encode(as_read(text)))


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether to multiply in bfloat16: where it was asked for, or where that is faster.

    AVX-512's bfloat16 alone is not: on such a processor `python -m training benchmark` is a third
    slower with ``--precision bfloat16`` than with ``float32``, on one thread and on two.
    """
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    able = torch.cpu.get_capabilities()
    return bool(able.get("amx_bf16") or able.get("bf16"))


@contextmanager
def interruption() -> Iterator[list[int]]:
    """Collects Ctrl-C and SIGTERM instead of dying of them; a second Ctrl-C ends at once.

    Not so below torchrun, which passes on each Ctrl-C that the terminal has told everybody of, and
    ends by itself those that take too long.
    """
    caught: list[int] = []

    def note(number: int, _frame: object) -> None:
        if caught and not distributed.is_torchelastic_launched():
            os._exit(130)
        caught.append(number)

    before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
