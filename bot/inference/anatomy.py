"""Anatomy: the structure of an ONNX file, read from its bytes without computing anything.

An ONNX file is a protocol buffer. Only the fields that an examination needs are parsed: the
operators, the sizes of the constants, references to other files, and the metadata. The numbers of
the fields are those of onnx.proto, whose meanings never change.
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
"""The wire type of a variable-length integer (varint)."""

LONGEST_NUMBER = 10
"""The most bytes of a 64-bit varint, which holds 7 bits in each byte."""

BYTES_OF = {2: 1, 3: 1, 4: 2, 5: 2, 7: 8, 9: 1, 10: 2, 11: 8, 13: 8, 14: 8, 15: 16, 16: 2}
"""Bytes of a number in a tensor, by data type; all other types take 4 or less."""

Value = int | memoryview


@dataclass
class Anatomy:
    """The structure of a file; use `Anatomy.of`."""

    operators: set[tuple[str, str]] = field(default_factory=set)
    """The domain and the name of each operator; the domain of ONNX itself is empty."""
    constants: int = 0
    """Bytes that the constants take, by their declared shapes and types."""
    elsewhere: bool = False
    """True if a constant is in another file."""
    nested: bool = False
    """True if the file is not one plain graph: nested graphs, functions, sparse constants."""
    metadata: dict[str, str] = field(default_factory=dict)
    network: list[memoryview] = field(default_factory=list)
    """The bytes of the file without the metadata."""

    @classmethod
    def of(cls, content: bytes) -> Anatomy:
        """Read a file; raise ValueError if its content is no complete protocol buffer."""
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
        """Return a hash of all that the lines of a voice depend on: SHA-256 in hexadecimal, of

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
    """Yield the fields of a message: number, value, and the position behind the field."""
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
    """Return the size of a value in bytes, by its wire type, and the position of its first byte."""
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
    """Return a varint, and the position behind it."""
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
    """Return a value that is a text or a message; raise ValueError for a number."""
    if isinstance(value, int):
        raise ValueError("a number where a text or a message must be")  # noqa: TRY004 - of a file
    return value


def _text(value: Value) -> str:
    """Return a value as a text; raise ValueError if the value is not UTF-8."""
    return str(_part(value), "utf-8")


def _entry(entry: memoryview) -> tuple[str, str]:
    """Return the key and the value of an entry of the metadata."""
    texts = {number: _text(value) for number, value, _ in _fields(entry)}
    return texts.get(1, ""), texts.get(2, "")
