"""Collect the nodes and the constants of a graph under construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx
from onnx import helper, numpy_helper


@dataclass
class Parts:
    """Nodes and constants, in the order in which they were added."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, array: Any) -> str:  # noqa: ANN401 - an array of any kind
        """Add a constant; return its name."""
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(
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
