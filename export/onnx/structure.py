"""Ops on shapes, indices and matrices where tf2onnx has nothing, or not enough."""

from typing import Any

import numpy as np
from onnx import TensorProto, helper

from export.onnx.place import Place, in_place


def _broadcast_args(op: Place, one: str, other: str) -> str:
    """The shape that two shapes broadcast to, empty axes among them."""
    one, other = _of_one_length(op, one, other)
    return op("Where", op("Equal", one, 1), other, one)


def _broadcast_gradient_args(op: Place, one: str, other: str) -> tuple[str, ...]:
    """The axes to sum over: all of size 1, for those that were not broadcast are summed in vain."""
    ones = [op("Equal", shape, 1) for shape in _of_one_length(op, one, other)]
    axes = [op("Reshape", op("NonZero", found), np.array([-1])) for found in ones]
    return tuple(_cast(op, found) for found in axes)


def _of_one_length(op: Place, *shapes: str) -> list[str]:
    """Returns the shapes with as many ones before them as make all equally long."""
    lengths = [op.shape(shape)[0] for shape in shapes]
    if min(lengths) < 0:
        msg = "it has shapes of unknown lengths"
        raise ValueError(msg)
    return [
        op("Concat", np.ones(max(lengths) - length, op.dtype), shape, axis=0)
        for shape, length in zip(shapes, lengths, strict=True)
    ]


def _cast(op: Place, name: str) -> str:
    return op("Cast", name, to=helper.np_dtype_to_tensor_dtype(op.dtype))


def _one_hot(graph: Any, node: Any, name: str, args: list[Any]) -> None:
    """tf2onnx has indices of one axis alone unless the result is float32."""
    op = Place(graph, node)
    indices, depth, on, off = node.input
    constants = op.constants(range(1, 2))
    if constants is None:
        msg = "its depth is no constant"
        raise ValueError(msg)
    rank = len(op.shape(node.output[0]))
    axis = node.get_attr_value("axis") % rank
    places = np.arange(int(constants[0])).reshape([-1 if i == axis else 1 for i in range(rank)])
    rows = op("Unsqueeze", indices, np.array([axis]))
    hot = op("Equal", rows, places.astype(op.dtype))
    if graph.get_dtype(on) == TensorProto.BOOL:  # of which onnxruntime has no Where
        op.put(op("Or", op("And", hot, on), op("And", op("Not", hot), off)))
    else:
        op.put(op("Where", hot, on, off))


def _dynamic_stitch(graph: Any, node: Any, name: str, args: list[Any]) -> None:
    """Numbers at constant places, as in the gradient of a sum: the last of a place wins."""
    op = Place(graph, node)
    half = len(node.input) // 2
    constants = op.constants(range(half))
    if constants is None:
        msg = "its places are no constants"
        raise ValueError(msg)
    places = np.concatenate([np.ravel(indices) for indices in constants])
    last = {int(place): k for k, place in enumerate(places)}
    if sorted(last) != list(range(len(last))) or len(op.shape(node.output[0])) != 1:
        msg = "it leaves places empty, or puts more than numbers there"
        raise ValueError(msg)
    flat = [op("Reshape", data, np.array([-1])) for data in node.input[half:]]
    taken = np.array([last[place] for place in range(len(last))])
    op.put(op("Gather", op("Concat", *flat, axis=0), taken, axis=0))


def _triangular_solve(graph: Any, node: Any, name: str, args: list[Any]) -> None:
    """The product with the inverse, a constant as the weights are."""
    op = Place(graph, node)
    constants = op.constants(range(1))
    if constants is None:
        msg = "its matrix depends on the inputs"
        raise ValueError(msg)
    matrix = constants[0].astype(np.float64)
    inverse = np.linalg.inv(np.tril(matrix) if node.get_attr_value("lower") else np.triu(matrix))
    if node.get_attr_value("adjoint"):
        inverse = np.swapaxes(inverse, -1, -2)
    op.put(op("MatMul", inverse.astype(op.dtype), node.input[1]))


def _invert_permutation(op: Place, order: str) -> str:
    """tf2onnx gives int64 for any permutation, where what follows expects its dtype."""
    places = op("Range", np.array(0), op("Size", order), np.array(1))
    return op("ScatterElements", order, order, _cast(op, places))


HANDLERS = {
    "BroadcastArgs": in_place(_broadcast_args),
    "BroadcastGradientArgs": in_place(_broadcast_gradient_args),
    "DynamicStitch": _dynamic_stitch,
    "InvertPermutation": in_place(_invert_permutation),
    "MatrixTriangularSolve": _triangular_solve,
    "OneHot": _one_hot,
}
