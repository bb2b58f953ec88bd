"""Adam as one kernel a variable, and the optimizer of a preset."""

import keras
import tensorflow as tf
from keras.optimizers import schedules

from zoo.guard import Guard
from zoo.registry import Training


@keras.saving.register_keras_serializable("tfflows")
class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam with one fused kernel a variable, and clipping that replicas agree on.

    The update equals `keras.optimizers.Adam`'s, decoupled weight decay included. Clipping acts on
    the gradient summed over replicas; Keras clips each replica's share. From the first gradient on
    that is not finite no weight changes any more, and `guard` knows the step.

    With `use_ema` it averages the weights after every step t = 0, 1, ...:

        average += max(1 - ema_momentum, 9 / (9 + t)) (weights - average)

    The second rate is an average over the last ninth of the steps, about: at a constant rate the
    first weights would weigh on for thousands of steps. Keras writes the averages over the weights
    at the end of `fit`; this optimizer exchanges them, and `averaged` says which the model holds.

    Args:
        learning_rate: step size, or a schedule of it.
        beta_1: decay of the mean of the gradients.
        beta_2: decay of the mean of their squares.
        epsilon: added to the root of the latter.
        amsgrad: must be False; the kernel has no such form.
        weight_decay: share of each weight that is taken away at learning rate 1, or None.
        clipnorm: largest norm of each variable's gradient, or None.
        clipvalue: largest component of the gradient, or None.
        global_clipnorm: largest norm of the whole gradient, or None.
        use_ema: whether to keep moving averages of the weights.
        ema_momentum: largest weight of the old average.
        ema_overwrite_frequency: steps after which the averages replace the weights, or None.
        loss_scale_factor: factor by which the loss was scaled, or None.
        gradient_accumulation_steps: steps whose gradients make one update, or None.
        name: the optimizer's name.

    Raises:
        ValueError: for `amsgrad=True`.

    Reference:
        Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; Loshchilov and Hutter 2019,
        arXiv:1711.05101, algorithm 2.
    """

    def __init__(
        self,
        learning_rate: float | schedules.LearningRateSchedule = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str = "fused_adam",
    ) -> None:
        if amsgrad:
            msg = f"`amsgrad` must be False for the fused update; received {amsgrad}."
            raise ValueError(msg)
        super().__init__(
            learning_rate=learning_rate,  # pyright: ignore[reportArgumentType] - Keras takes both
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
        )

    def build(self, var_list: list[keras.Variable]) -> None:
        """Makes the guard, the slots and, with averages, the record of where these are."""
        if self.built:
            return
        self.guard = Guard()
        super().build(var_list)
        if self.use_ema:
            self._averaged = self.add_variable((), dtype="bool", name="averaged")

    @property
    def averaged(self) -> bool:
        """Whether the model holds the averages, and the optimizer the trained weights.

        Setting it exchanges them; before the first step there are no averages, and it stays False.
        It is saved with the slots. An own training loop must set it to False before it trains on.
        """
        return self.use_ema and self.built and bool(self._averaged.numpy())

    @averaged.setter
    def averaged(self, wanted: bool) -> None:
        if wanted and not self.use_ema:
            msg = "`averaged` can be True only with averages, `use_ema=True`; received True."
            raise ValueError(msg)
        if wanted == self.averaged or not tf.convert_to_tensor(self.iterations):
            return
        pairs = self._weights_and_averages()
        values = [tuple(map(tf.convert_to_tensor, pair)) for pair in pairs]
        for (weight, average), (trained, averaged) in zip(pairs, values, strict=True):
            weight.assign(averaged)
            average.assign(trained)
        self._averaged.assign(wanted)

    def restart_averages(self) -> None:
        """Takes the model's weights, which were set from elsewhere, for trained and averaged."""
        for weight, average in self._weights_and_averages():
            average.assign(weight)
        self._averaged.assign(False)  # noqa: FBT003

    def _weights_and_averages(self) -> list[tuple[keras.Variable, keras.Variable]]:
        slots = self._model_variables_moving_average
        return list(zip(self._trainable_variables, slots, strict=True))

    def finalize_variable_values(self, var_list: list[keras.Variable]) -> None:
        """Puts the averages in the model at the end of `fit`, and keeps the trained weights."""
        if self.use_ema:
            self.averaged = True

    def _update_model_variables_moving_average(
        self, trainable_variables: list[keras.Variable]
    ) -> None:
        for weight, average in self._weights_and_averages():
            change = tf.convert_to_tensor(weight) - tf.convert_to_tensor(average)
            step = tf.cast(tf.convert_to_tensor(self.iterations), change.dtype)
            rate = tf.maximum(9.0 / (9.0 + step), 1.0 - self.ema_momentum)
            self.assign_add(average, rate * change)

    def _backend_update_step(
        self,
        grads: list[tf.Tensor],
        trainable_variables: list[keras.Variable],
        learning_rate: tf.Tensor,
    ) -> None:
        """Takes the step, unless it or one before it was not finite: see `Guard`.

        Keras's own, with two things done to the sum over replicas before it is applied.
        """
        variables = [v.value if isinstance(v, keras.Variable) else v for v in trainable_variables]
        summed = self._all_reduce_sum_gradients(zip(grads, variables, strict=True))
        gradients = [gradient for gradient, _ in summed]
        if _replicas() > 1:
            gradients = super()._clip_gradients(gradients)
        gradients, learning_rate = self.guard.admit(gradients, learning_rate, self.iterations)
        tf.__internal__.distribute.interim.maybe_merge_call(
            self._distributed_tf_update_step,
            self._distribution_strategy,
            list(zip(gradients, variables, strict=True)),
            learning_rate,
        )

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Moves one variable: decay first, then Adam's step."""
        dtype = variable.dtype
        index = self._get_variable_index(variable)
        rate = tf.cast(learning_rate, dtype)
        if self.weight_decay and self._use_weight_decay(variable):
            variable.assign_sub(variable * (rate * tf.cast(self.weight_decay, dtype)))
        beta_1, beta_2 = tf.constant(self.beta_1, dtype), tf.constant(self.beta_2, dtype)
        step = tf.cast(tf.convert_to_tensor(self.iterations), dtype) + 1.0
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=rate,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, dtype),
            grad=tf.cast(tf.convert_to_tensor(gradient), dtype),
        )

    def _apply_weight_decay(self, variables: list[keras.Variable]) -> None:
        """Leaves the decay to `update_step`: Keras evaluates the schedule for each variable."""

    def _clip_gradients(self, grads: list[tf.Tensor]) -> list[tf.Tensor]:
        """Clips; on replicas it leaves their shares alone: the sum is clipped."""
        return grads if _replicas() > 1 else super()._clip_gradients(grads)


def _replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync


def build_optimizer(training: Training) -> FusedAdam:
    """Returns the optimizer of a preset, its schedule counted in optimizer steps.

    Warm-up is linear, (step + 1) / (warmup_steps + 1), so that the first step moves too. The
    cosine ends at zero at `steps`; training on after that changes nothing.

    Args:
        training: how the preset is trained.

    Raises:
        ValueError: for a cosine whose warm-up leaves no step to decay over.
    """
    return FusedAdam(
        _learning_rate(training),
        weight_decay=training.weight_decay or None,
        global_clipnorm=training.clip_norm or None,
        use_ema=training.ema is not None,
        ema_momentum=training.ema or 0.99,
    )


def _learning_rate(training: Training) -> float | schedules.LearningRateSchedule:
    peak, warmup = float(training.learning_rate), training.warmup_steps
    constant = training.schedule == "constant"
    if constant and not warmup:
        return peak
    if not constant and warmup >= training.steps:
        msg = f"`warmup_steps` must be below `steps`, {training.steps}; received {warmup}."
        raise ValueError(msg)
    return schedules.CosineDecay(
        peak / (warmup + 1) if warmup else peak,
        decay_steps=1 if constant else training.steps - warmup,
        alpha=1.0 if constant else 0.0,  # a cosine from the peak to the peak
        warmup_target=peak if warmup else None,
        warmup_steps=warmup,
    )
