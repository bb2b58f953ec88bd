"""Nodes of ONNX in the place of a node that tf2onnx leaves as it was."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper
from tf2onnx import utils

Handler = Callable[[Any, Any, str, list[Any]], None]
"""(tf2onnx's graph, node, its name, nothing): as tf2onnx calls what handles an op."""


class Place:
    """The place of a node in tf2onnx's graph, where other nodes do its work.

    Args:
        graph: tf2onnx's graph.
        node: of an op of TensorFlow's.
    """

    def __init__(self, graph: Any, node: Any) -> None:
        """Looks up the dtype of the node's first input."""
        self._graph, self._node = graph, node
        self.dtype = helper.tensor_dtype_to_np_dtype(graph.get_dtype(node.input[0]))

    def __call__(self, op: str, *inputs: Any, **attributes: Any) -> str:
        """Adds a node of ONNX and returns the name of its output.

        Args:
            op: its op.
            *inputs: names, arrays, or numbers, which are constants of the first input's dtype.
            **attributes: of the op.
        """
        names = [x if isinstance(x, str) else self._constant(x) for x in inputs]
        scope = self._node.name
        return self._graph.make_node(op, names, attributes, op_name_scope=scope).output[0]

    def put(self, *results: str) -> None:
        """Lets results take the places of the node's outputs, whose names may be the graph's."""
        node = self._node
        outputs = list(zip(node.output, node.output_shapes, node.output_dtypes, strict=True))
        self._graph.remove_node(node.name)
        for result, (output, shape, dtype) in zip(results, outputs, strict=True):
            kept = {"outputs": [output], "shapes": [shape], "dtypes": [dtype]}
            self._graph.make_node("Identity", [result], op_name_scope=node.name, **kept)

    def shape(self, name: str) -> list[int]:
        """Returns the shape of a tensor, with -1 for what is not known."""
        return self._graph.get_shape(name)

    def constants(self, inputs: range) -> list[np.ndarray] | None:
        """Returns the values of these inputs of the node, or None unless all are constants."""
        nodes = [self._node.inputs[i] for i in inputs]
        if not all(node.is_const() for node in nodes):
            return None
        return [node.get_tensor_value(as_list=False) for node in nodes]

    def _constant(self, value: Any) -> str:
        array = value if isinstance(value, np.ndarray) else np.asarray(value, self.dtype)
        return self._graph.make_const(utils.make_name(self._node.name), array).output[0]


def in_place(build: Callable[..., str | tuple[str, ...]]) -> Handler:
    """Returns the handler of an op whose outputs a function builds from a place and the inputs."""

    def handle(graph: Any, node: Any, name: str, args: list[Any]) -> None:
        place = Place(graph, node)
        built = build(place, *node.input)
        place.put(*([built] if isinstance(built, str) else built))

    return handle
