"""What a served model answers: the signatures of a SavedModel as functions of tensors."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from export.answers import Answer, Answers
from export.image_answers import ImageAnswers, has_files
from zoo import FlowModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signature:
    """A function of named tensors that a SavedModel answers.

    Args:
        name: of the signature.
        function: takes the inputs in their order, and returns the output by its name.
        inputs: shape and dtype of each input by its name.
        output: name of the output.
    """

    name: str
    function: Callable[..., Answer]
    inputs: Mapping[str, tf.TensorSpec]
    output: str

    def traced(self) -> "Signature":
        """Returns the signature with its function as a graph."""
        specs = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in self.inputs.items()]
        function = tf.function(self._checked, specs, autograph=False)
        return dataclasses.replace(self, function=function.get_concrete_function())

    def _checked(self, *inputs: tf.Tensor) -> Answer:
        """Answers, or raises for inputs of another shape or that differ in their rows.

        A server checks the dtypes and nothing else: one row would be broadcast to many in silence.
        """
        named = zip(inputs, self.inputs.items(), strict=True)
        shaped = {name: tf.ensure_shape(x, spec.shape) for x, (name, spec) in named}
        rows = {name: x for name, x in shaped.items() if x.shape.rank}
        with tf.control_dependencies(_assert_same_rows(rows)):
            return self.function(*map(tf.identity, shaped.values()))


def signatures(model: FlowModel) -> list[Signature]:
    """Returns the signatures of a model, `log_prob` first: it is the default one.

    Args:
        model: any model of the zoo.

    Returns:
        `log_prob`, `sample`, `sample_rows`, `encode`, `decode`, for images `bits_per_dim`, and for
        images that files can hold `bits_per_dim_bytes`, `encode_bytes` and `sample_rows_bytes`. All
        but `sample` answer row by row: inputs and output share their first dimension, and an
        output row depends on its own input row alone.
    """
    answers, form = Answers(model), model.form
    specs = {
        name: tf.TensorSpec([None, *shape], form.dtypes[name])
        for name, shape in form.shapes.items()
    }
    pixels, condition = specs.pop("x"), specs
    rows = tf.TensorSpec([None, *form.event_shape], form.dtype)
    number, seeds = tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.int32)
    row_seeds = {
        "seed": tf.TensorSpec([None, 2], tf.int32),
        "temperature": tf.TensorSpec([None], form.dtype),
    }

    def signature(
        function: Callable[..., Answer], output: str, **inputs: tf.TensorSpec
    ) -> Signature:
        return Signature(
            name=function.__name__,
            function=function,
            inputs={**inputs, **condition},
            output=output,
        )

    found = [
        signature(answers.log_prob, "log_prob", x=rows),
        signature(answers.sample, "x", num=number, seed=number),
        signature(answers.sample_rows, "x", **row_seeds),
        signature(answers.encode, "z", x=rows),
        signature(answers.decode, "x", z=rows),
    ]
    if form.levels is not None:
        found.append(signature(answers.bits_per_dim, "bits_per_dim", x=pixels, seed=seeds))
    if has_files(form):
        images, files = ImageAnswers(answers, form), tf.TensorSpec([None], tf.string)
        found += [
            signature(images.bits_per_dim_bytes, "bits_per_dim", image_bytes=files, seed=seeds),
            signature(images.encode_bytes, "z", image_bytes=files),
            signature(images.sample_rows_bytes, "image_bytes", **row_seeds),
        ]
    return found


def _assert_same_rows(inputs: dict[str, tf.Tensor]) -> list[Any]:
    counts = [(name, tf.shape(value)[0]) for name, value in inputs.items()]
    asserted = [
        tf.debugging.assert_equal(count, rows, f"`{name}` must have as many rows as `{first}`.")
        for (first, rows), (name, count) in itertools.pairwise(counts)
    ]
    return [done for done in asserted if done is not None]  # None where it is known already
