"""Model: one voice file, which is a pure function of one character and all that came before."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from .language import phrase, say

FORMAT = "1"
"""The version of the voice file that this bot knows."""

LARGEST_FILE = 512 * 2**20
"""Bytes; what a larger file has beyond them is not read, so that it cannot fill the memory."""

SPIN = 1_000
"""Microseconds for which a thread waits for the next product before it sleeps: longer than what
lies between two steps of an engine."""

MOST_CHARACTERS = 32_000
"""Characters that a voice can know: their ids fit into 16 bits."""

CLOSING = ".!?\u2026)\n"
"""Behind these an element may well end."""

Tokens = NDArray[np.int64]
States = NDArray[np.float32]
Logits = NDArray[np.float32]


class ModelError(Exception):
    """One sentence about a voice file that cannot be used, and what to do about it."""


_OTHER_FORMAT = phrase(
    "{file} is format {found}, and this bot reads format {known}: export the voice again with "
    "`python -m export`."
)
_NO_FORMAT = phrase(
    "{file} is no On Book voice, and this bot reads format {known}: export the voice again with "
    "`python -m export`."
)


@dataclass(frozen=True)
class Model:
    """A voice: its network, its characters, and what it says about itself.

    Use `Model.load`. Stepping is thread-safe; a voice never changes.
    """

    session: onnxruntime.InferenceSession
    name: str
    """The file's name without ``.onnx``: what people choose it by."""
    vocabulary: tuple[str, ...]
    """The characters; the index of one is its token id."""
    fold: Mapping[str, str]
    """From characters that the voice does not know to strings that it does."""
    fingerprint: str
    """Hash of the network, the vocabulary and the fold: the same one gives the same lines."""
    state_size: int
    """How many numbers remember a script, S."""
    about: Mapping[str, str] = field(repr=False)
    """All that the file says of itself (``onbook.*``)."""

    @classmethod
    def load(cls, path: Path, threads: int = 2) -> Model:
        """Opens a voice file, to be computed with so many threads; raises ModelError.

        Takes a good part of a second, in which it may hold the interpreter: not for the event loop.
        """
        session = _session(path, threads)
        about = dict(session.get_modelmeta().custom_metadata_map)
        known = about.get("onbook.format")
        if known != FORMAT:
            raise ModelError(
                say(
                    _OTHER_FORMAT if known else _NO_FORMAT,
                    file=path.name,
                    found=known,
                    known=FORMAT,
                )
            )
        try:
            vocabulary = _vocabulary(about["onbook.vocabulary"])
            fold: dict[str, str] = json.loads(about["onbook.fold"])
            fingerprint = about["onbook.fingerprint"]
            size = _state_size(session, len(vocabulary))
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(
                say(
                    "{file} does not keep to the voice file's contract ({error}): export the voice "
                    "again with `python -m export`.",
                    file=path.name,
                    error=error,
                )
            ) from error
        return cls(session, path.stem, vocabulary, fold, fingerprint, size, about)

    @property
    def newline(self) -> int:
        """The token that ends a line of text; two of them end an element."""
        return self._ids["\n"]

    @cached_property
    def opening(self) -> NDArray[np.bool_]:
        """Whether a character [V] shows that its line is no cue and no heading: lower case."""
        return np.array([character.islower() for character in self.vocabulary])

    @cached_property
    def closing(self) -> NDArray[np.bool_]:
        """Whether a sentence, or a line of verse, may end behind a character [V]."""
        return np.array([character in CLOSING for character in self.vocabulary])

    @cached_property
    def wordlike(self) -> NDArray[np.bool_]:
        """Whether a character [V] stands inside of words."""
        return np.array([c.isalnum() or c in "'\u2019-" for c in self.vocabulary])

    def encode(self, text: str) -> Tokens:
        """Token ids, int64 [n], of a text: NFC, then folded; what has no fold is skipped."""
        folded = unicodedata.normalize("NFC", text).translate(self._translation)
        ids = self._ids
        return np.array([ids[c] for c in folded if c in ids], np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of token ids."""
        return "".join(map(self.vocabulary.__getitem__, tokens))

    def skipped(self, text: str) -> int:
        """How many characters of a text the voice can neither read nor fold."""
        normal = unicodedata.normalize("NFC", text)
        return sum(c not in self._ids and c not in self.fold for c in normal)

    def start(self) -> States:
        """The state in which nothing has been read: zeros, float32 [S]."""
        return np.zeros(self.state_size, np.float32)

    def step(self, tokens: Tokens, states: States) -> tuple[Logits, States]:
        """Reads one character in each row.

        tokens: int64 [rows]; states: float32 [rows, S] -> logits float32 [rows, V] for the
        character after it, unnormalised, and the next states. A row's result is the same, bit for
        bit, whatever the other rows are.
        """
        logits, states = self.session.run(
            ("logits", "next_state"), {"tokens": tokens, "state": states}
        )
        return logits, states

    def slots(self, capacity: int) -> Slots:
        """A place for the rows of an engine; only one thread may step them."""
        return Slots(self, capacity)

    def fact(self, name: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """What the file says of itself under ``onbook.NAME``, parsed where it is JSON."""
        value = self.about.get(f"onbook.{name}", "")
        try:
            return json.loads(value)
        except ValueError:
            return value

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: i for i, character in enumerate(self.vocabulary)}

    @cached_property
    def _translation(self) -> dict[int, str]:
        return {ord(character): plain for character, plain in self.fold.items()}


class Slots:
    """A place for up to ``capacity`` rows, whose arrays the network itself reads and writes.

    Nothing is copied at a step: there are two arrays of states, and each step reads from one what
    the last one has written there.
    """

    def __init__(self, model: Model, capacity: int) -> None:
        characters = len(model.vocabulary)
        self.tokens = np.zeros(capacity, np.int64)
        """The character that each row reads next."""
        self.logits = np.zeros((capacity, characters), np.float32)
        """What the last step said of the character after it: [capacity, V]."""
        self._session = model.session
        self._both = np.zeros((2, capacity, model.state_size), np.float32)
        self._now = 0
        self._bindings: dict[tuple[int, int], onnxruntime.IOBinding] = {}

    @property
    def states(self) -> States:
        """What each row remembers: [capacity, S]."""
        now: States = self._both[self._now]
        return now

    def step(self, count: int) -> None:
        """Reads one character in each of the first ``count`` rows, as `Model.step` does.

        Raises what the runtime raises, and has changed no state then.
        """
        binding = self._bindings.get((count, self._now)) or self._bind(count)
        self._session.run_with_iobinding(binding)
        self._now = 1 - self._now

    def _bind(self, count: int) -> onnxruntime.IOBinding:
        """The arrays of so many rows, bound to the network's inputs and outputs."""
        before, after = self._both[self._now], self._both[1 - self._now]
        binding = self._session.io_binding()
        for bind, name, array in (
            (binding.bind_input, "tokens", self.tokens),
            (binding.bind_input, "state", before),
            (binding.bind_output, "logits", self.logits),
            (binding.bind_output, "next_state", after),
        ):
            shape = (count, *array.shape[1:])
            bind(name, "cpu", 0, array.dtype.type, shape, array.ctypes.data)
        self._bindings[count, self._now] = binding
        return binding


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that sleep between two products take longer to wake than a product takes; threads that
    # spin for long would keep a core busy when nobody writes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN))
    options.log_severity_level = 4
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE)
        # From bytes, so that the file cannot name others to be read.
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise ModelError(
            say(
                "The voice {path} cannot be opened ({reason}): train one with `make voice`, or set "
                "ONBOOK_MODELS and ONBOOK_MODEL to one that exists.",
                path=path,
                reason=reason,
            )
        ) from error
    except Exception as error:
        raise ModelError(
            say(
                "{file} is damaged or no ONNX file: export the voice again with `python -m "
                "export`.",
                file=path.name,
            )
        ) from error


def _vocabulary(text: str) -> tuple[str, ...]:
    """The characters, after checking that one of them can end a line."""
    characters = tuple(json.loads(text))
    if "\n" not in characters:
        raise ValueError("a vocabulary without a newline")
    if any(len(character) != 1 for character in characters) or len(characters) > MOST_CHARACTERS:
        raise ValueError(f"a vocabulary that is not up to {MOST_CHARACTERS:,} single characters")
    return characters


def _state_size(session: onnxruntime.InferenceSession, characters: int) -> int:
    """S, after checking that the graph's inputs and outputs are those of the contract."""
    given = {i.name: (i.type, i.shape[1:]) for i in (*session.get_inputs(), *session.get_outputs())}
    size = next(iter(given["state"][1]), None)
    expected = {
        "tokens": ("tensor(int64)", []),
        "state": ("tensor(float)", [size]),
        "logits": ("tensor(float)", [characters]),
        "next_state": ("tensor(float)", [size]),
    }
    if given != expected or not isinstance(size, int):
        raise ValueError(f"inputs and outputs are {given}")
    return size
