"""Collect the nodes and the constants of a graph, whose products are in 8 or 32 bits.

A product in 8 bits multiplies the codes of a vector and of a matrix and adds them up as integers.
The sum is exact in any order, so it is the same on every processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from .trained import Floats

Bits = Literal[8, 32]

MICROSOFT = "com.microsoft"
"""The domain of `MatMulIntegerToFloat`."""

LARGEST_CODE = 127
"""The largest code of a matrix, and of a vector. Processors without instructions for sums of 8-bit
products add two products in 16 bits, and saturate: 2 x 127 x 127 fits, 2 x 255 x 127 does not. A
vector can spare the bit, because rounding it costs little: its errors average out over the sum."""

ZERO = np.uint8(64)
"""The code that stands for 0 in a vector."""

VECTOR_STEP = np.float32(1 / 63)
"""The step between two codes of a vector, whose numbers lie between -1 and 1: codes 1 to 127."""


@dataclass
class GraphBuilder:
    """Collect nodes and constants, in the order in which they are added."""

    bits: Bits = 32
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.bits == 8:
            self.add_constant("step", VECTOR_STEP)
            self.add_constant("zero", ZERO)

    def add_constant(self, name: str, array: Any) -> str:  # noqa: ANN401 - an array of any kind
        """Add a constant; return its name."""
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add_node(
        self,
        operator: str,
        inputs: Sequence[str],
        *outputs: str,
        domain: str = "",
        **attributes: Any,  # noqa: ANN401 - whatever the operator takes
    ) -> str:
        """Add a node; return the name of its first output."""
        self.nodes.append(
            helper.make_node(operator, inputs, outputs, outputs[0], domain=domain, **attributes)
        )
        return outputs[0]

    def add_operand(self, vector: str) -> str:
        """Return the name of a vector as a product reads it: in 8 bits, quantised from [-1, 1]."""
        if self.bits == 32:
            return vector
        return self.add_node("QuantizeLinear", [vector, "step", "zero"], f"{vector}.codes")

    def add_product(
        self,
        layer: str,
        operands: Sequence[str],
        matrix: Floats,
        bias: Floats | None = None,
        name: str = "",
    ) -> str:
        """Add the product of concatenated operands: [batch, K] @ matrix [K, N] + bias [N]."""
        name = name or f"{layer}.product"
        [inputs, *others] = operands
        if others:
            inputs = self.add_node("Concat", operands, f"{layer}.inputs", axis=1)
        added = [] if bias is None else [self.add_constant(f"{layer}.bias", bias)]
        if self.bits == 32:
            stored = self.add_constant(f"{layer}.matrix", matrix)
            if bias is None:
                return self.add_node("MatMul", [inputs, stored], name)
            product = self.add_node("MatMul", [inputs, stored], f"{layer}.unbiased")
            return self.add_node("Add", [product, *added], name)
        codes, scales = quantise(matrix)
        codes_name = self.add_constant(f"{layer}.codes", codes)
        scales_name = self.add_constant(f"{layer}.scales", scales)
        operands = [inputs, codes_name, "step", scales_name, "zero", "", *added]
        return self.add_node("MatMulIntegerToFloat", operands, name, domain=MICROSOFT)


def quantise(matrix: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Return the nearest codes of a matrix [K, N], and their scales.

    The codes are int8 [K, N], from -127 to 127. The scale of each column, float32 [N], is above 0
    and chosen by the column's maximum: weight = code x scale.
    """
    largest = abs(matrix).max(axis=0)
    scales = (np.where(largest == 0, 1, largest) / LARGEST_CODE).astype(np.float32)
    return np.rint(matrix / scales).astype(np.int8), scales
