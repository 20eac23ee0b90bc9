"""Read the structure of an ONNX file from its bytes, without computing anything.

An ONNX file is a protocol buffer. The package `onnx` has its schema, but is large and made for
building networks. So the fields that an examination needs are declared here, by their numbers in
onnx.proto, whose meanings never change. Protobuf keeps all other fields as bytes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClassesForFiles

_BYTES = FieldDescriptorProto.TYPE_BYTES
# Unsigned, because a negative size must count as a huge one, not reduce the product.
_INTEGER = FieldDescriptorProto.TYPE_UINT64

_SCHEMA: Mapping[str, Mapping[str, tuple[int, int | str]]] = {
    "Network": {"graphs": (7, "Graph"), "training": (20, _BYTES), "functions": (25, _BYTES)},
    "Graph": {"nodes": (1, "Node"), "constants": (5, "Tensor"), "sparse_constants": (15, _BYTES)},
    "Node": {"operator": (4, _BYTES), "attributes": (5, "Attribute"), "domain": (7, _BYTES)},
    "Attribute": {
        "tensor": (5, "Tensor"),
        "graph": (6, _BYTES),
        "tensors": (10, "Tensor"),
        "graphs": (11, _BYTES),
        "sparse_tensor": (22, _BYTES),
        "sparse_tensors": (23, _BYTES),
    },
    "Tensor": {
        "sizes": (1, _INTEGER),
        "type": (2, _INTEGER),
        "external_data": (13, _BYTES),
        "location": (14, _INTEGER),
    },
    "Labels": {
        "producer_version": (3, _BYTES),
        "model_version": (5, _INTEGER),
        "doc_string": (6, _BYTES),
        "entries": (14, "Entry"),
    },
    "Entry": {"key": (1, _BYTES), "value": (2, _BYTES)},
}
"""The fields of each message by name: number and type. `Network` and `Labels` are the whole file.

All fields are declared as repeated, even where onnx.proto has one value: a hostile file may repeat
them, and the runtime merges messages that are repeated, so nothing may hide behind the last one."""

_BYTES_OF = {2: 1, 3: 1, 4: 2, 5: 2, 7: 8, 9: 1, 10: 2, 11: 8, 13: 8, 14: 8, 15: 16, 16: 2}
"""Bytes of a number in a tensor, by data type; all other types take 4 or less."""


@dataclass(frozen=True)
class Anatomy:
    """Hold the structure of a file; use `Anatomy.of`."""

    operators: frozenset[tuple[str, str]]
    """The domain and the name of each operator; the domain of ONNX itself is empty."""
    constants: int
    """The bytes that the constants take up, by their declared shapes and types."""
    is_external: bool
    """True if a constant is in another file."""
    is_nested: bool
    """True if the file is not one plain graph: nested graphs, functions, sparse constants."""
    metadata: Mapping[str, str]
    network: bytes
    """The file without the metadata and the other fields of `Labels`."""

    @classmethod
    def of(cls, content: bytes) -> Anatomy:
        """Read a file; raise ValueError if its content is not a complete protocol buffer."""
        messages = _message_classes()
        try:
            labels = messages["Labels"].FromString(content)
            whole = messages["Network"].FromString(content)
        except DecodeError as error:
            raise ValueError("not a protocol buffer") from error
        metadata = {_text(entry.key): _text(entry.value) for entry in labels.entries}
        # Only unknown fields remain, which protobuf writes as it has read them.
        for name in _SCHEMA["Labels"]:
            labels.ClearField(name)
        operators: set[tuple[str, str]] = set()
        constants = 0
        is_external = False
        is_nested = bool(whole.training or whole.functions)
        for graph in whole.graphs:
            for tensor in _tensors(graph):
                constants += _size(tensor)
                is_external |= bool(tensor.external_data) or any(tensor.location)
            is_nested |= bool(graph.sparse_constants)
            for node in graph.nodes:
                operators.add((_text(node.domain), _text(node.operator)))
                is_nested |= any(
                    attribute.graph
                    or attribute.graphs
                    or attribute.sparse_tensor
                    or attribute.sparse_tensors
                    for attribute in node.attributes
                )
        network = labels.SerializeToString()
        return cls(frozenset(operators), constants, is_external, is_nested, metadata, network)

    def fingerprint(self) -> str:
        """Return a hash of all that the lines of a voice depend on.

        The hash is the SHA-256, in hexadecimal, of

            the file without its labels NUL vocabulary NUL fold

        The labels are the fields of `Labels` in `_SCHEMA`, among them the metadata. Vocabulary and
        fold are the metadata of these names; raises KeyError without them.
        """
        digest = hashlib.sha256(self.network)
        for name in ("onbook.vocabulary", "onbook.fold"):
            digest.update(b"\0" + self.metadata[name].encode())
        return digest.hexdigest()


@cache
def _message_classes() -> Mapping[str, Any]:
    file = FileDescriptorProto(name="onnx", package="onnx", syntax="proto2")
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            added = message.field.add(name=field, number=number)
            added.label = FieldDescriptorProto.LABEL_REPEATED
            if isinstance(kind, str):
                added.type = FieldDescriptorProto.TYPE_MESSAGE
                added.type_name = f".onnx.{kind}"
            else:
                added.type = FieldDescriptorProto.Type.ValueType(kind)
    # A separate pool, because the default pool may have the messages of the package `onnx`.
    pool = DescriptorPool()
    pool.Add(file)
    classes = GetMessageClassesForFiles(["onnx"], pool)
    return {name.removeprefix("onnx."): made for name, made in classes.items()}


def _tensors(graph: Any) -> Iterator[Any]:  # noqa: ANN401 - its class is made at run time
    """Yield the constants of a graph, and those in the attributes of its nodes."""
    yield from graph.constants
    for node in graph.nodes:
        for attribute in node.attributes:
            yield from attribute.tensor
            yield from attribute.tensors


def _text(values: Any) -> str:  # noqa: ANN401 - a repeated field, as protobuf holds it
    """Return the last value of a field, which is the one that counts; "" if there is none."""
    return str(values[-1], "utf-8") if values else ""


def _size(tensor: Any) -> int:  # noqa: ANN401 - its class is made at run time
    each = _BYTES_OF.get(tensor.type[-1], 4) if tensor.type else 4
    return int(math.prod(tensor.sizes) * each)
