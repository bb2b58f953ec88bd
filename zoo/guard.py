"""Weights that stay where they are from the first step on whose gradient is not finite."""

import warnings
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from zoo.training_callback import TrainingCallback


class Guard:
    """Watches the gradients of a training in its graph, without a word to the host.

    From the first step on whose gradient has a norm that is NaN or infinite it lets no step change
    a weight: the model keeps the weights of the last good step until somebody looks, and
    `bad_step` tells which step it was. On replicas all stop at once, for all see the same sum.

    Held by an optimizer it is no part of its state: no file changes by it.
    """

    def __init__(self) -> None:
        """Has seen no step."""
        self._bad = tf.Variable(
            tf.constant(-1, tf.int64),  # int32 would lie in the host's memory
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            name="bad_step",
        )

    @property
    def bad_step(self) -> int | None:
        """Steps that came before the first bad one, or None; to ask is to wait for the device."""
        step = int(self._bad.numpy())
        return None if step < 0 else step

    def reset(self) -> None:
        """Lets steps change weights again."""
        self._bad.assign(-1)

    def admit(
        self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor, step: tf.Tensor
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Returns gradients and learning rate as they are, or zeros, which change no weight.

        Args:
            gradients: of all variables, summed over replicas, clipped or not.
            learning_rate: of the step.
            step: number of the step.
        """
        squares = [tf.nn.l2_loss(gradient) for gradient in gradients]
        total = tf.add_n([tf.cast(square, squares[0].dtype) for square in squares])
        before = tf.convert_to_tensor(self._bad)
        new = (before < 0) & ~tf.math.is_finite(total)
        bad = tf.where(new, tf.cast(step, tf.int64), before)
        self._bad.assign(bad)
        good = bad < 0
        admitted = [tf.where(good, gradient, tf.zeros_like(gradient)) for gradient in gradients]
        return admitted, tf.where(good, learning_rate, tf.zeros_like(learning_rate))


def bad_step(optimizer: Any) -> int | None:
    """Returns the step that an optimizer's guard stopped at; None for one that has no guard."""
    guard = getattr(optimizer, "guard", None)
    return guard.bad_step if isinstance(guard, Guard) else None


class StopAtBadStep(TrainingCallback):
    """Ends `fit` after the epoch in which a gradient was not finite, and warns.

    It comes last: a callback that has ended the training for the same reason has said more.
    """

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Lets steps change weights."""
        guard = getattr(self.trained.optimizer, "guard", None)
        if isinstance(guard, Guard):
            guard.reset()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Looks."""
        bad = bad_step(self.trained.optimizer)
        if bad is not None and not self.trained.stop_training:
            self.trained.stop_training = True
            warnings.warn(
                f"the gradient of step {bad} was not finite: `fit` ends, with the weights before "
                "that step. Try a lower learning rate, or `zoo.diagnosis.first_not_finite`.",
                stacklevel=2,
            )
