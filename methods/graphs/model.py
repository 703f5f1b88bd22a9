"""ONNX models built node by node: the same bytes for the same numbers, and nothing in them but the graph."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, TREE_OPSET, IR = 18, 3, 8  # of 2022 and 2021, which every runtime in use knows
TREES = "ai.onnx.ml"
TYPES = {"half": TensorProto.FLOAT16, "float": TensorProto.FLOAT, "double": TensorProto.DOUBLE}
Rows = Mapping[str, tuple[str, Sequence[int | str]]]  # name -> (type, shape after the rows)


class GraphBuilder:
    """Nodes in the order in which they are added; values are named by what makes them and a number."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Any, dtype: Any = None) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, dtype, order="C"), name))
        return name

    def add(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """The node's one output."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        return self.several(kind, *inputs, outputs=(name,), domain=domain, **attributes)[0]

    def several(
        self, kind: str, *inputs: str, outputs: tuple[str, ...], domain: str = "", **attributes: Any
    ) -> tuple[str, ...]:
        """A node's outputs, under these names."""
        self.nodes.append(helper.make_node(kind, inputs, outputs, outputs[0], domain=domain, **attributes))
        return outputs

    def cast(self, value: str, to: str) -> str:
        return self.add("Cast", value, to=TYPES[to])

    def named(self, value: str, name: str) -> str:
        return self.several("Identity", value, outputs=(name,))[0]

    def content(self, name: str, inputs: Rows, outputs: Rows) -> bytes:
        """The checked model; every input and output has rows first, as many as it is asked for."""
        graph = helper.make_graph(self.nodes, name, _values(inputs), _values(outputs), self.constants)
        sets = [helper.make_opsetid("", OPSET), helper.make_opsetid(TREES, TREE_OPSET)]
        used = {node.domain for node in self.nodes}
        model = helper.make_model(
            graph, opset_imports=[each for each in sets if each.domain in used], ir_version=IR
        )
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))


def _values(rows: Rows) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(name, TYPES[kind], ["rows", *shape])
        for name, (kind, shape) in rows.items()
    ]
