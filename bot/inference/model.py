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

from ..arrays import Logits, States, Tokens
from ..cleaning import clean
from ..i18n.catalogue import phrase, say
from ..screenplay.fountain import blocks, from_voice
from .anatomy import Anatomy

FORMAT = "1"
"""The version of the voice file that this bot knows."""

LARGEST_FILE = 256 * 2**20
"""Bytes of a file, and of its constants: some times what any voice needs."""

OPERATORS = frozenset(
    {
        *("Abs", "Add", "Cast", "Ceil", "Clip", "Concat", "Constant", "Div", "Elu", "Equal", "Erf"),
        *("Exp", "Flatten", "Floor", "GRU", "Gather", "Gelu", "Gemm", "Greater", "HardSigmoid"),
        *("Identity", "LSTM", "LayerNormalization", "LeakyRelu", "Less", "Log", "LogSoftmax"),
        *("MatMul", "Max"),
        *("Min", "Mod", "Mul", "Neg", "NonZero", "Not", "Pow", "RMSNormalization", "RNN"),
        *("Reciprocal", "ScatterElements", "ScatterND", "Sign"),
        *("ReduceMax", "ReduceMean", "ReduceSum", "Relu", "Reshape", "Round", "Shape", "Sigmoid"),
        *("Slice", "Softmax", "Softplus", "Softsign", "Split", "Sqrt", "Squeeze", "Sub", "Sum"),
        *("Tanh", "Transpose", "Unsqueeze", "Where"),
        *("DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QuantizeLinear"),
        *(f"com.microsoft.{one}" for one in ("DynamicQuantizeLSTM", "DynamicQuantizeMatMul")),
        *(f"com.microsoft.{one}" for one in ("MatMulIntegerToFloat", "MatMulNBits")),
    }
)
"""What networks that read one character are made of. None of these runs a graph of its own, draws
at random, or makes out of a few numbers as many as it likes."""

SPIN = 1_000
"""Microseconds for which a thread waits for the next product before it sleeps: longer than what
lies between two steps of an engine."""

MOST_CHARACTERS = 32_000
"""Characters that a voice can know: their ids fit into 16 bits."""

LARGEST_STATE = 2**17
"""Numbers in which a voice remembers a script, at the most: one state is kept for every line."""

MOST_STYLES, LONGEST_STYLE = 25, 40
"""Styles that a voice can have, which is also the most choices that Discord shows, and the
characters of a style's name."""

LONGEST_OPENING = 2_000
"""Characters that a voice reads before a script, at the most: a good part of a second."""

CLOSING = ".!?\u2026)\n"
"""Behind these an element may well end."""


CANNOT_BE_READ = phrase(
    "The voice {path} cannot be opened ({reason}): train one with `make voice`, or set "
    "ONBOOK_MODELS and ONBOOK_MODEL to one that exists."
)
TOO_LARGE = phrase("{file} has more than {most:,} MB, which no voice needs: export a smaller one.")
DAMAGED = phrase(
    "{file} is damaged or no ONNX file: export the voice again with `python -m export`."
)
NO_VOICE = phrase(
    "{file} is no On Book voice, and this bot reads format {known}: export the voice again with "
    "`python -m export`."
)
OTHER_FORMAT = phrase(
    "{file} is format {found}, and this bot reads format {known}: export the voice again with "
    "`python -m export`."
)
UNSAFE = phrase(
    "{file} is not used, since {why}{what}: export the voice again with `python -m export`."
)
NOT_TO_CONTRACT = phrase(
    "{file} does not keep to the voice file's contract ({why}{what}): export the voice again with "
    "`python -m export`."
)


class ModelError(Exception):
    """One sentence about a voice file that cannot be used, and what to do about it.

    It is said in the language of whoever is told. Its field ``why`` is for the catalogues, too.
    """

    def __init__(self, sentence: str, /, **fields: str | int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.fields = fields

    def __str__(self) -> str:
        why = self.fields.get("why")
        said = {"why": say(why)} if isinstance(why, str) else {}
        return say(self.sentence, **self.fields | said)


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
    openings: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Passages of Fountain by the styles of scripts before which the voice reads them."""

    @classmethod
    def load(cls, path: Path, threads: int = 2) -> Model:
        """Opens a voice file, to be computed with so many threads; raises ModelError.

        Takes a good part of a second, in which it may hold the interpreter: not for the event loop.
        """
        return cls.of(content_of(path), path.stem, threads)

    @classmethod
    def of(cls, content: bytes, name: str, threads: int = 2) -> Model:
        """Opens the content of a voice file, as `load` does; raises ModelError."""
        file = f"{name}.onnx"
        anatomy = checked(content, file)
        about = anatomy.metadata
        try:
            vocabulary = _vocabulary(about["onbook.vocabulary"])
            fold = _fold(about["onbook.fold"])
            openings = openings_of(about)
            fingerprint = _fingerprint(anatomy)
            session = _session(content, file, threads)
            size = _state_size(session, len(vocabulary))
        except _Breach as breach:
            raise ModelError(
                NOT_TO_CONTRACT, file=file, why=breach.why, what=breach.what
            ) from breach
        except (KeyError, ValueError, TypeError) as error:
            why = phrase("what it says of itself is not readable: ")
            raise ModelError(NOT_TO_CONTRACT, file=file, why=why, what=str(error)) from error
        return cls(session, name, vocabulary, fold, fingerprint, size, about, openings)

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


class _Breach(Exception):
    """A voice file does not keep to its contract: why, as a sentence for the catalogues."""

    def __init__(self, why: str, what: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.what = what


def content_of(path: Path) -> bytes:
    """What a voice file holds; raises ModelError, also for one that could fill the memory."""
    if path.is_fifo():  # it would be waited for until somebody writes to it
        raise ModelError(CANNOT_BE_READ, path=str(path), reason="a pipe")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise ModelError(CANNOT_BE_READ, path=str(path), reason=reason) from error
    if len(content) > LARGEST_FILE:
        raise ModelError(TOO_LARGE, file=path.name, most=LARGEST_FILE // 2**20)
    return content


def checked(content: bytes, file: str) -> Anatomy:
    """A file that may be handed to the runtime; raises ModelError for any other."""
    try:
        anatomy = Anatomy.of(content)
    except ValueError as error:
        raise ModelError(DAMAGED, file=file) from error
    if not anatomy.operators:
        raise ModelError(DAMAGED, file=file)
    known = anatomy.metadata.get("onbook.format")
    if known is None:
        raise ModelError(NO_VOICE, file=file, known=FORMAT)
    if known != FORMAT:
        raise ModelError(OTHER_FORMAT, file=file, found=known[:20], known=FORMAT)
    try:
        _check_safe(anatomy)
    except _Breach as breach:
        raise ModelError(UNSAFE, file=file, why=breach.why, what=breach.what) from breach
    return anatomy


def _check_safe(anatomy: Anatomy) -> None:
    """Raises _Breach for what a voice never needs, and what could do harm."""
    if anatomy.elsewhere:
        raise _Breach(phrase("a part of it lies in another file"))
    if anatomy.constants > LARGEST_FILE:
        raise _Breach(phrase("its constants are larger than any voice's"))
    names = {f"{domain}.{name}" if domain else name for domain, name in anatomy.operators}
    if unknown := sorted(names - OPERATORS):
        raise _Breach(phrase("a voice does not need the operator "), unknown[0][:60])
    if anatomy.nested:
        raise _Breach(phrase("it is more than one plain network"))


def _session(content: bytes, file: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that sleep between two products take longer to wake than a product takes; threads that
    # spin for long would keep a core busy when nobody writes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN))
    options.log_severity_level = 4
    try:
        # From bytes, so that the file cannot name others to be read.
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(DAMAGED, file=file) from error
    # It keeps the file in memory, to open it anew with other providers, and there are none.
    session._model_bytes = None  # noqa: SLF001 - the one name under which it does
    return session


def _vocabulary(text: str) -> tuple[str, ...]:
    """The characters, after checking that one of them can end a line."""
    characters = tuple(json.loads(text))
    if "\n" not in characters:
        raise _Breach(phrase("a vocabulary without a newline"))
    if not all(map(_is_character, characters)) or len(set(characters)) < len(characters):
        raise _Breach(phrase("a vocabulary that is not of single characters, each of them once"))
    if len(characters) > MOST_CHARACTERS:
        raise _Breach(phrase("a vocabulary that is too large"))
    return characters


def _fold(text: str) -> dict[str, str]:
    """What stands for characters that are not in the vocabulary."""
    fold = json.loads(text)
    if not isinstance(fold, dict) or not all(map(_is_character, fold)):
        raise _Breach(phrase("a fold that is not of single characters"))
    return {character: str(plain) for character, plain in fold.items()}


def openings_of(about: Mapping[str, str]) -> dict[str, str]:
    """Return the openings that a file has, by style, after checking that a voice can read them.

    Raises ValueError where they are no JSON, and else a sentence for the catalogues.
    """
    openings = json.loads(about.get("onbook.openings", "{}"))
    if not isinstance(openings, dict) or len(openings) > MOST_STYLES:
        raise _Breach(phrase("its openings are not a map of few styles"))
    for style, text in openings.items():
        name = " ".join(clean(style).split())
        if name != style or not 0 < len(name) <= LONGEST_STYLE:
            raise _Breach(phrase("a style has no name that could be shown: "), name[:60])
        if not isinstance(text, str) or len(text) > LONGEST_OPENING:
            raise _Breach(phrase("an opening is no text, or too long: "), style)
        if not all(map(_is_element, blocks(text))):
            raise _Breach(phrase("an opening is not plain Fountain: "), style)
    return openings


def _is_element(block: str) -> bool:
    """Return whether a block is an element as it stands; ``FADE OUT.`` need not be forced."""
    element = from_voice(block)
    return element is not None and element.text in (block, f"> {block}")


def _fingerprint(anatomy: Anatomy) -> str:
    """The fingerprint, after checking that it is that of this network and these characters."""
    fingerprint = anatomy.metadata["onbook.fingerprint"]
    if fingerprint != anatomy.fingerprint():
        raise _Breach(phrase("its fingerprint is that of another voice"))
    return fingerprint


def _is_character(one: object) -> bool:
    """Whether it is a single character, and one that can be written down."""
    return isinstance(one, str) and len(one) == 1 and not "\ud800" <= one <= "\udfff"


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
        shown = ", ".join(f"{name} {kind} {shape}" for name, (kind, shape) in given.items())
        raise _Breach(phrase("inputs and outputs are "), shown[:300])
    if size > LARGEST_STATE:
        raise _Breach(phrase("it remembers a script in too many numbers"))
    return size
