"""Open a model: an ONNX file that maps a character and a state to logits and the next state."""

from __future__ import annotations

import json
import operator
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..arrays import Logits, States, Tokens
from ..cleaning import clean
from ..errors import ContractError, ModelError
from ..i18n.catalogue import phrase
from ..screenplay.fountain import parse_model_text, split_fountain
from .anatomy import Anatomy

FORMAT = "1"
"""The version of the model file that this bot reads."""

LARGEST_MODEL_FILE = 256 * 2**20
"""The most bytes of a file, and of its constants: several times what any model needs."""

OPERATORS = frozenset(
    """
    Abs Add Cast Ceil Clip Concat Constant DequantizeLinear Div DynamicQuantizeLinear Elu Equal
    Erf Exp Flatten Floor GRU Gather GatherElements Gelu Gemm Greater HardSigmoid Identity LSTM
    LayerNormalization LeakyRelu Less Log LogSoftmax MatMul MatMulInteger Max Min Mod Mul Neg
    NonZero Not Pow QuantizeLinear RMSNormalization RNN Reciprocal ReduceMax ReduceMean
    ReduceSum Relu Reshape Round ScatterElements ScatterND Shape Sigmoid Sign Slice Softmax
    Softplus Softsign Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze Where
    """.split()  # noqa: SIM905 - a list would take a line for each name
) | {
    *("com.microsoft.DynamicQuantizeLSTM", "com.microsoft.DynamicQuantizeMatMul"),
    *("com.microsoft.MatMulIntegerToFloat", "com.microsoft.MatMulNBits"),
}
"""The operators of networks that read one character. None of these runs a graph of its own, draws
at random, or makes arbitrarily many numbers out of a few."""

SPIN_MICROSECONDS = 1_000
"""Microseconds for which an idle thread spins before sleeping: longer than the time between two
steps of an engine."""

LARGEST_VOCABULARY = 32_000
"""The most characters of a vocabulary, whose tokens must fit into 16 bits."""

LARGEST_STATE = 2**17
"""The most numbers in a state, S, because a state is kept for every line."""

MOST_STYLES, LONGEST_STYLE = 25, 40
"""The most styles of a model, which is also the most choices that Discord shows, and the most
characters of a style's name."""

LONGEST_OPENING = 2_000
"""The most characters of an opening; that many take a good part of a second to read."""

UNREADABLE_MODEL = phrase(
    "The voice file {file} cannot be opened ({reason}). Choose another voice, or have the file "
    "checked."
)
MODEL_TOO_LARGE = phrase(
    "{file} is larger than {most:,} MB, the limit for a voice. Export a smaller one."
)
DAMAGED_MODEL = phrase(
    "{file} is damaged, or not an ONNX file. Export it again with `onbook-export`."
)
NOT_A_MODEL = phrase(
    "{file} is not an On Book voice in format {known}. Export it again with `onbook-export`."
)
OTHER_FORMAT = phrase(
    "{file} is in format {found}, but this bot reads format {known}. Export it again with "
    "`onbook-export`."
)
UNSAFE = phrase("{file} was rejected: {why}{what}. Export it again with `onbook-export`.")
NOT_TO_CONTRACT = phrase(
    "{file} is not a valid voice ({why}{what}). Export it again with `onbook-export`."
)

_CAPITALS = re.compile(r"\b[^\Wa-z]+\b")
"""Words without a lower-case ASCII letter, which are few, so most text is not looked at."""


@dataclass(frozen=True)
class Model:
    """Run a network with its vocabulary and metadata; use `Model.load`.

    A model is immutable, and `step` is thread-safe.
    """

    session: onnxruntime.InferenceSession
    name: str
    """The file's name without ``.onnx``, by which people choose the model."""
    vocabulary: tuple[str, ...]
    """The characters; the index of each is its token."""
    fold: Mapping[str, str]
    """A map from characters outside the vocabulary to strings of characters in it."""
    fingerprint: str
    """The hash of network, vocabulary and fold, on which lines depend."""
    state_size: int
    """The size of a state, S."""
    about: Mapping[str, str] = field(repr=False)
    """The metadata of the file (``onbook.*``)."""
    openings: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Passages of Fountain by style, each read before a script in that style."""
    memory: tuple[int, int] = (0, 0)
    """The slice of a state, as start and stop, that holds the characters read last."""

    @classmethod
    def load(cls, path: Path, threads: int = 2) -> Model:
        """Open a model file, whose steps use this many threads; raise ModelError.

        This takes a good part of a second and may hold the interpreter lock, so it is not for the
        event loop.
        """
        return cls.of(read_model_file(path), path.stem, threads)

    @classmethod
    def of(cls, content: bytes, name: str, threads: int = 2) -> Model:
        """Open the content of a model file, as `load` does."""
        file = f"{name}.onnx"
        anatomy = _check_model_file(content, file)
        about = anatomy.metadata
        try:
            vocabulary = _parse_vocabulary(about["onbook.vocabulary"])
            fold = _parse_fold(about["onbook.fold"])
            openings = parse_openings(about)
            begin, end = map(operator.index, json.loads(about.get("onbook.memory", "[0,0]")))
            memory = begin, end
            fingerprint = _check_fingerprint(anatomy)
            session = _open_session(content, file, threads)
            size = _read_state_size(session, len(vocabulary))
        except ContractError as breach:
            raise ModelError(
                NOT_TO_CONTRACT, file=file, why=breach.sentence, what=breach.what
            ) from breach
        except (KeyError, ValueError, TypeError) as error:
            why = phrase("its metadata cannot be read: ")
            raise ModelError(NOT_TO_CONTRACT, file=file, why=why, what=str(error)) from error
        return cls(session, name, vocabulary, fold, fingerprint, size, about, openings, memory)

    @property
    def newline(self) -> int:
        """Return the token of the newline; two newlines end an element."""
        return self._ids["\n"]

    @property
    def parenthesis(self) -> int:
        """Return the token of "(", which begins the extension of a cue, or -1 if there is none."""
        return self._ids.get("(", -1)

    @cached_property
    def lower_case(self) -> NDArray[np.bool_]:
        """Return the lower-case letters, which rule out a cue or a heading: bool [V]."""
        return np.array([character.islower() for character in self.vocabulary])

    @cached_property
    def cue_ends(self) -> NDArray[np.bool_]:
        """Return the characters that end a cue or rule one out: bool [V]."""
        ends = self.lower_case.copy()
        ends[self.newline] = True
        return ends

    @cached_property
    def sentence_ends(self) -> NDArray[np.bool_]:
        """Return the characters after which a sentence or a line of verse may end: bool [V]."""
        return np.array([character in ".!?\u2026)\n" for character in self.vocabulary])

    @cached_property
    def word_characters(self) -> NDArray[np.bool_]:
        """Return the characters of words: bool [V]."""
        return np.array([c.isalnum() or c in "'\u2019-" for c in self.vocabulary])

    def encode(self, text: str) -> Tokens:
        """Return the tokens of a text in NFC and folded, without unknown characters: int64 [n]."""
        ids = self._ids
        return np.array([ids[c] for c in self.spell(text) if c in ids], np.int64)

    def spell(self, text: str) -> str:
        """Return a text in NFC and folded, as the model writes it; unknown characters stay.

        Words in capitals stay in capitals, because a cue has no lower-case letter: "ÞÓR" is "THOR".
        """
        normal = unicodedata.normalize("NFC", text)
        return _CAPITALS.sub(self._spell_capitals, normal).translate(self._translation)

    def decode(self, tokens: Iterable[int]) -> str:
        return "".join(map(self.vocabulary.__getitem__, tokens))

    def skipped(self, text: str) -> int:
        """Count the characters of a text that `encode` leaves out."""
        normal = unicodedata.normalize("NFC", text)
        return sum(c not in self._ids and ord(c) not in self._translation for c in normal)

    def start(self) -> States:
        """Return the state in which nothing has been read: zeros, float32 [S]."""
        return np.zeros(self.state_size, np.float32)

    def forget_characters(self, state: States) -> States:
        """Return a state, float32 [S], without the characters from which the model copies words.

        Whatever else the state remembers of them, such as the tone, is kept.
        """
        kept = state.copy()
        kept[slice(*self.memory)] = 0
        return kept

    def step(self, tokens: Tokens, states: States) -> tuple[Logits, States]:
        """Read one character in each row; return the logits of the next one, and the next states.

        Tokens are int64 [rows], states float32 [rows, S], logits float32 [rows, V]. The result of a
        row is the same, bit for bit, whatever the other rows are.
        """
        logits, states = self.session.run(
            ("logits", "next_state"), {"tokens": tokens, "state": states}
        )
        return logits, states

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: i for i, character in enumerate(self.vocabulary)}

    @cached_property
    def _translation(self) -> dict[int, str]:
        spells_capital = "ẞ" not in self._ids and "S" in self._ids
        fold = ({"ẞ": "SS"} if spells_capital else {}) | dict(self.fold)
        return {ord(character): plain for character, plain in fold.items()}

    def _spell_capitals(self, word: re.Match[str]) -> str:
        """Return a word of capitals as folded capitals, if the vocabulary has all of these."""
        spelt = word[0].translate(self._translation).upper()
        return spelt if word[0].isupper() and self._ids.keys() >= set(spelt) else word[0]


class StepBuffers:
    """Hold the inputs and outputs of a model for up to ``capacity`` rows, for one thread.

    No step copies an array: states are read from one of two arrays and written to the other.
    """

    def __init__(self, model: Model, capacity: int) -> None:
        self.tokens = np.zeros(capacity, np.int64)
        """The character that each row reads next: int64 [capacity]."""
        self.logits = np.zeros((capacity, len(model.vocabulary)), np.float32)
        """The logits of the character after that, as of the last step: float32 [capacity, V]."""
        self._session = model.session
        self._both = np.zeros((2, capacity, model.state_size), np.float32)
        self._now = 0
        self._bindings: dict[tuple[int, int], onnxruntime.IOBinding] = {}

    @property
    def states(self) -> States:
        """Return the state of each row: float32 [capacity, S]."""
        now: States = self._both[self._now]
        return now

    def step(self, count: int) -> None:
        """Read one character in each of the first ``count`` rows, as `Model.step` does.

        If the runtime raises an error, no state has changed.
        """
        binding = self._bindings.get((count, self._now)) or self._bind(count)
        self._session.run_with_iobinding(binding)
        self._now = 1 - self._now

    def _bind(self, count: int) -> onnxruntime.IOBinding:
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


def read_model_file(path: Path) -> bytes:
    """Return the content of a model file; raise ModelError if it is unreadable or too large."""
    if path.is_fifo():  # because reading would wait for a writer
        raise ModelError(UNREADABLE_MODEL, file=path.name, reason="a pipe")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_MODEL_FILE + 1)
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise ModelError(UNREADABLE_MODEL, file=path.name, reason=reason) from error
    if len(content) > LARGEST_MODEL_FILE:
        raise ModelError(MODEL_TOO_LARGE, file=path.name, most=LARGEST_MODEL_FILE // 2**20)
    return content


def _check_model_file(content: bytes, file: str) -> Anatomy:
    """Return the anatomy of a file that the runtime may open; raise ModelError for any other."""
    try:
        anatomy = Anatomy.of(content)
    except ValueError as error:
        raise ModelError(DAMAGED_MODEL, file=file) from error
    if not anatomy.operators:
        raise ModelError(DAMAGED_MODEL, file=file)
    known = anatomy.metadata.get("onbook.format")
    if known is None:
        raise ModelError(NOT_A_MODEL, file=file, known=FORMAT)
    if known != FORMAT:
        raise ModelError(OTHER_FORMAT, file=file, found=known[:20], known=FORMAT)
    try:
        _check_safe(anatomy)
    except ContractError as breach:
        raise ModelError(UNSAFE, file=file, why=breach.sentence, what=breach.what) from breach
    return anatomy


def _check_safe(anatomy: Anatomy) -> None:
    """Raise ContractError for anything that no model needs and that could do harm."""
    if anatomy.is_external:
        raise ContractError("part of it is in another file")
    if anatomy.constants > LARGEST_MODEL_FILE:
        raise ContractError("its constants are too large")
    names = {f"{domain}.{name}" if domain else name for domain, name in anatomy.operators}
    if unknown := sorted(names - OPERATORS):
        raise ContractError("it uses an unsupported operator: ", unknown[0][:60])
    if anatomy.is_nested:
        raise ContractError("it is not a single plain graph")


def _open_session(content: bytes, file: str, threads: int) -> onnxruntime.InferenceSession:
    """Open a session of the runtime; raise ModelError if the runtime rejects the file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A thread takes longer to wake than a product takes, so threads spin between two products. They
    # must not spin for long, because that would keep a core busy while nobody writes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN_MICROSECONDS))
    # An arena would be no faster, and would keep what its largest batch needed: 5 MB for 64 lines.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    try:
        # Opened from bytes, so that the file cannot refer to other files.
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(DAMAGED_MODEL, file=file) from error
    # The session keeps the file in memory for a fallback to other providers, which is never used.
    session._model_bytes = None  # noqa: SLF001 - no public name drops the file
    return session


def _parse_vocabulary(text: str) -> tuple[str, ...]:
    characters = tuple(json.loads(text))
    if "\n" not in characters:
        raise ContractError("its vocabulary has no newline")
    if not all(map(_is_character, characters)) or len(set(characters)) < len(characters):
        raise ContractError("its vocabulary is not a list of distinct characters")
    if len(characters) > LARGEST_VOCABULARY:
        raise ContractError("its vocabulary is too large")
    return characters


def _parse_fold(text: str) -> dict[str, str]:
    fold = json.loads(text)
    if not isinstance(fold, dict) or not all(map(_is_character, fold)):
        raise ContractError("its fold does not map single characters")
    return {character: str(plain) for character, plain in fold.items()}


def parse_openings(about: Mapping[str, str]) -> dict[str, str]:
    """Return the openings of a file by style.

    Raises ValueError if they are not JSON, and ContractError if they do not map styles to plain
    Fountain, or are too many or too long.
    """
    openings = json.loads(about.get("onbook.openings", "{}"))
    if not isinstance(openings, dict) or len(openings) > MOST_STYLES:
        raise ContractError("its openings are invalid or too many")
    for style, text in openings.items():
        name = " ".join(clean(style).split())
        if name != style or not 0 < len(name) <= LONGEST_STYLE:
            raise ContractError("a style has an invalid name: ", name[:60])
        if not isinstance(text, str) or len(text) > LONGEST_OPENING:
            raise ContractError("an opening is not text, or is too long: ", style)
        if not all(map(_is_element, split_fountain(text))):
            raise ContractError("an opening is not plain Fountain: ", style)
    return openings


def _is_element(block: str) -> bool:
    """Return whether a block is an element as it stands, or a transition without its ``>``."""
    element = parse_model_text(block)
    return element is not None and element.text in (block, f"> {block}")


def _check_fingerprint(anatomy: Anatomy) -> str:
    fingerprint = anatomy.metadata["onbook.fingerprint"]
    if fingerprint != anatomy.fingerprint():
        raise ContractError("its fingerprint does not match")
    return fingerprint


def _is_character(value: object) -> bool:
    return isinstance(value, str) and len(value) == 1 and not "\ud800" <= value <= "\udfff"


def _read_state_size(session: onnxruntime.InferenceSession, characters: int) -> int:
    """Return S; raise ContractError if inputs or outputs do not match the contract."""
    given = {i.name: (i.type, i.shape[1:]) for i in (*session.get_inputs(), *session.get_outputs())}
    size = next(iter(given["state"][1]), None)
    expected = {
        "tokens": ("tensor(int64)", []),
        "state": ("tensor(float)", [size]),
        "logits": ("tensor(float)", [characters]),
        "next_state": ("tensor(float)", [size]),
    }
    if given != expected or not isinstance(size, int):
        shown = ", ".join(f"{name} {kind} {shape}" for name, (kind, shape) in given.items())
        raise ContractError("its inputs and outputs are ", shown[:300])
    if size > LARGEST_STATE:
        raise ContractError("its state is too large")
    return size
