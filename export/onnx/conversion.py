"""From a signature of a SavedModel to ONNX, by tf2onnx."""

import pathlib
import traceback
from collections.abc import Iterator

import onnx
import tensorflow as tf
from tf2onnx import optimizer, tf_loader, tfonnx

from export.onnx import arithmetic, structure
from export.quiet import quiet

OPSET = 18
"""The newest that tf2onnx writes."""

HANDLERS = {
    op: (handler, []) for op, handler in {**arithmetic.HANDLERS, **structure.HANDLERS}.items()
}


def converted(path: pathlib.Path, signature: str) -> bytes:
    """Returns a signature as an ONNX model whose inputs and outputs keep their names.

    Args:
        path: of the SavedModel.
        signature: its name.

    Raises:
        ValueError: if the signature does not convert; it names the op.
    """
    try:
        with quiet("absl", "tensorflow", "tf2onnx"):
            model = _model(path, signature)
    except Exception as error:
        reason = f"tf2onnx says of TensorFlow's {_op_of(error)}: {error}"
        raise ValueError(refusal(signature, reason)) from error
    unknown = {node.op_type for node in _nodes(model.graph) if not onnx.defs.has(node.op_type)}
    if unknown:
        reason = f"it has nothing for TensorFlow's {', '.join(sorted(unknown))}"
        raise ValueError(refusal(signature, reason))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    return model.SerializeToString()


def refusal(signature: str, reason: str) -> str:
    """Returns the message for a signature that cannot be had in ONNX."""
    text = " ".join(reason.split())
    return f"`onnx` must be False: the model's {signature!r} cannot be had in ONNX; {text}."


def _model(path: pathlib.Path, signature: str) -> onnx.ModelProto:
    frozen, inputs, outputs, names = tf_loader.from_saved_model(
        str(path), None, None, ["serve"], [signature], return_tensors_to_rename=True
    )
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(frozen, name="")
        made = tfonnx.process_tf_graph(
            graph,
            opset=OPSET,
            custom_op_handlers=HANDLERS,
            input_names=inputs,
            output_names=outputs,
            tensors_to_rename=names,
        )
    return optimizer.optimize_graph(made).make_model(signature)


def _op_of(error: Exception) -> str:
    """Returns the op at whose node tf2onnx gave up; its errors do not say."""
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__)]
    ops = [local["node"].type for local in frames if hasattr(local.get("node"), "type")]
    return ops[-1] if ops else "graph"


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Gives the nodes of a graph, those in its loops and branches too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)
