"""Test that the anatomy of a file is right, and that no bytes escape it."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from bot.inference.anatomy import Anatomy


@pytest.fixture(scope="module")
def content(voices: Path) -> bytes:
    """Return the file of the tiny voice."""
    return (voices / "tiny.onnx").read_bytes()


def test_anatomy_agrees_with_onnx(content: bytes):
    stored, found = onnx.ModelProto.FromString(content), Anatomy.of(content)
    assert found.operators == {(node.domain, node.op_type) for node in stored.graph.node}
    constants = [numpy_helper.to_array(tensor).nbytes for tensor in stored.graph.initializer]
    assert found.constants == sum(constants)
    assert found.metadata == {entry.key: entry.value for entry in stored.metadata_props}
    assert found.fingerprint() == found.metadata["onbook.fingerprint"]
    assert (found.is_external, found.is_nested) == (False, False)


def test_any_bytes_are_read_or_raise_value_error(content: bytes):
    rng = np.random.default_rng(1)
    for _ in range(300):
        changed = bytearray(content[-8_000 + int(rng.integers(7_000)) :])
        for at in rng.integers(len(changed), size=20):
            changed[at] = int(rng.integers(256))
        with suppress(ValueError):
            Anatomy.of(bytes(changed))


def field(number: int, content: bytes) -> bytes:
    """Return a field of a protocol buffer with up to 127 bytes."""
    tag = number << 3 | 2
    head = [tag] if tag < 128 else [tag & 127 | 128, tag >> 7]
    return bytes([*head, len(content)]) + content


def test_nothing_hides_behind_a_repeated_field():
    network = field(1, field(4, b"If") + field(5, field(6, b"\x0a\x00")))
    tensor = field(5, bytes([8, 1, 0x70, 1, 0x70, 0]))
    found = Anatomy.of(field(7, network) + field(7, tensor) + field(7, b""))
    assert found.operators == {("", "If")}
    assert found.is_nested
    assert found.is_external


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(field(20, b""), id="training"),
        pytest.param(field(25, b""), id="a function"),
        pytest.param(field(7, field(15, b"")), id="a sparse constant"),
        *(
            pytest.param(field(7, field(1, field(5, field(number, b"")))), id=f"attribute {number}")
            for number in (6, 11, 22, 23)
        ),
    ],
)
def test_whatever_is_not_one_plain_graph_is_nested(network: bytes):
    assert Anatomy.of(network).is_nested


def test_tensors_in_a_list_of_an_attribute_are_constants():
    assert Anatomy.of(field(7, field(1, field(5, field(10, b"\x08\x64"))))).constants == 400


def test_a_negative_size_counts_as_a_huge_one():
    minus_one = b"\xff" * 9 + b"\x01"
    assert Anatomy.of(field(7, field(5, b"\x08" + minus_one))).constants > 2**63


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(field(14, field(1, b"\xff")), id="no UTF-8"),
        pytest.param(b"\x3a\x7f\x00", id="cut short"),
        pytest.param(b"\x3b" * 200, id="nested without an end"),
        pytest.param(b"\x3f\x00", id="an unknown wire type"),
    ],
)
def test_an_invalid_protocol_buffer_raises_value_error(content: bytes):
    with pytest.raises(ValueError, match=r"protocol buffer|utf-8"):
        Anatomy.of(content)
