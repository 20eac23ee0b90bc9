"""Anatomy: what an ONNX file is made of, read from its bytes without computing anything.

An ONNX file is a protocol buffer. Only what an examination asks for is read: the operators, how
much the constants hold, whether anything lies outside of the file, and the metadata. The numbers of
the fields are those of onnx.proto, which keep their meaning for ever.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

GRAPH, METADATA, TRAINING, FUNCTIONS = 7, 14, 20, 25
"""Fields of the whole file."""
NODES, CONSTANTS, SPARSE_CONSTANTS = 1, 5, 15
"""Fields of a graph."""
OPERATOR, ATTRIBUTES, DOMAIN = 4, 5, 7
"""Fields of a node."""
TENSORS, GRAPHS, SPARSE_TENSORS = (5, 10), (6, 11), (22, 23)
"""Fields of an attribute."""
SIZES, KIND, ELSEWHERE, LOCATION = 1, 2, 13, 14
"""Fields of a tensor."""

NUMBER = 0
"""A field's value is written as a number, and not as so many bytes."""

LONGEST_NUMBER = 10
"""Bytes of a number of 64 bits, which has 7 of them in each."""

BYTES_OF = {2: 1, 3: 1, 4: 2, 5: 2, 7: 8, 9: 1, 10: 2, 11: 8, 13: 8, 14: 8, 15: 16, 16: 2}
"""What one number of a tensor takes, by its kind; those that are not here take 4, or less."""

Value = int | memoryview


@dataclass
class Anatomy:
    """What was found in a file. Use `Anatomy.of`."""

    operators: set[tuple[str, str]] = field(default_factory=set)
    """The domain and the name of each; that of ONNX itself is empty."""
    constants: int = 0
    """Bytes that the constants take, by their own account."""
    elsewhere: bool = False
    """Whether a constant lies in another file."""
    nested: bool = False
    """Whether it is more than one plain graph: graphs in graphs, functions, sparse constants."""
    metadata: dict[str, str] = field(default_factory=dict)
    network: list[memoryview] = field(default_factory=list)
    """The bytes of the file without the metadata."""

    @classmethod
    def of(cls, content: bytes) -> Anatomy:
        """Reads a file; raises ValueError where it is no protocol buffer, or not a whole one."""
        found = cls()
        begin = 0
        view = memoryview(content)
        for number, value, end in _fields(view):
            if number == METADATA:
                key, text = _entry(_part(value))
                found.metadata[key] = text
            else:
                found.network.append(view[begin:end])
            if number == GRAPH:
                found._read_graph(_part(value))
            found.nested |= number in (TRAINING, FUNCTIONS)
            begin = end
        return found

    def fingerprint(self) -> str:
        r"""What the lines of a voice depend on: hexadecimal SHA-256 of

            the file without its metadata NUL vocabulary NUL fold

        Vocabulary and fold are the metadata of these names; raises KeyError without them.
        """
        digest = hashlib.sha256()
        for part in self.network:
            digest.update(part)
        for name in ("onbook.vocabulary", "onbook.fold"):
            digest.update(b"\0" + self.metadata[name].encode())
        return digest.hexdigest()

    def _read_graph(self, graph: memoryview) -> None:
        for number, value, _ in _fields(graph):
            if number == NODES:
                self._read_node(_part(value))
            elif number == CONSTANTS:
                self._read_tensor(_part(value))
            self.nested |= number == SPARSE_CONSTANTS

    def _read_node(self, node: memoryview) -> None:
        operator = domain = ""
        for number, value, _ in _fields(node):
            if number == OPERATOR:
                operator = _text(value)
            elif number == DOMAIN:
                domain = _text(value)
            elif number == ATTRIBUTES:
                self._read_attribute(_part(value))
        self.operators.add((domain, operator))

    def _read_attribute(self, attribute: memoryview) -> None:
        for number, value, _ in _fields(attribute):
            if number in TENSORS:
                self._read_tensor(_part(value))
            self.nested |= number in GRAPHS or number in SPARSE_TENSORS

    def _read_tensor(self, tensor: memoryview) -> None:
        sizes: list[int] = []
        each = 4
        for number, value, _ in _fields(tensor):
            if number == SIZES:
                sizes += [value] if isinstance(value, int) else _numbers(value)
            elif number == KIND and isinstance(value, int):
                each = BYTES_OF.get(value, 4)
            self.elsewhere |= number == ELSEWHERE or (number == LOCATION and value != 0)
        self.constants += math.prod(sizes) * each


def _fields(message: memoryview) -> Iterator[tuple[int, Value, int]]:
    """The fields of a message: number, value, and where each ends."""
    at = 0
    while at < len(message):
        tag, at = _number(message, at)
        number, written = tag >> 3, tag & 7
        value: Value
        if written == NUMBER:
            value, at = _number(message, at)
        else:
            size, at = _size(message, at, written)
            value, at = message[at : at + size], at + size
        if at > len(message):
            raise ValueError("cut short")
        yield number, value, at


def _size(message: memoryview, at: int, written: int) -> tuple[int, int]:
    """How many bytes a value takes, and where they begin."""
    match written:
        case 1:
            return 8, at
        case 2:
            return _number(message, at)
        case 5:
            return 4, at
        case _:
            raise ValueError(f"a value that is written in the way {written}")


def _number(message: memoryview, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = 0
    for place, byte in enumerate(message[at : at + LONGEST_NUMBER]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number without an end")


def _numbers(packed: memoryview) -> list[int]:
    numbers: list[int] = []
    at = 0
    while at < len(packed):
        number, at = _number(packed, at)
        numbers.append(number)
    return numbers


def _part(value: Value) -> memoryview:
    """A value that is a text or a message."""
    if isinstance(value, int):
        raise ValueError("a number where a text or a message must be")  # noqa: TRY004 - of a file
    return value


def _text(value: Value) -> str:
    """A text; UnicodeDecodeError is a ValueError, too."""
    return str(_part(value), "utf-8")


def _entry(entry: memoryview) -> tuple[str, str]:
    """A key and its value."""
    texts = {number: _text(value) for number, value, _ in _fields(entry)}
    return texts.get(1, ""), texts.get(2, "")
