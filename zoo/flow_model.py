"""A flow as a Keras model: likelihood, samples, latents, and Keras's own fit and evaluate."""

import functools
import importlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfflows import Bijector, UniformDequantization, threefry
from zoo import prepare, weights_file, workers
from zoo.averages import keeps_averages
from zoo.checked_input import CheckedInput
from zoo.likelihood_model import LikelihoodModel
from zoo.model_spec import ModelSpec
from zoo.networks import Networks, keras_layers
from zoo.registry import FAMILIES
from zoo.units import bits_per_dim

EVALUATION = -1
"""Second word of the noise's seed outside of training, where it is the step; draws count down."""


@keras.saving.register_keras_serializable("tfflows")
class FlowModel(LikelihoodModel):
    """A density model of a flow over a standard normal base, built and ready.

        data = flow.forward(latents),  latents ~ Normal(0, 1)
        log p(data) = log Normal(flow.inverse(data)) + log|det d latents / d data|

    Densities are in the data's own units (pixels in [0, levels)) and in nats. Called on data, it
    returns the log-likelihood of each row: for images, whole numbers, that is the bound
    log P(x) >= E log p(x + noise) with one draw of noise, which depends on the row, the seed and
    the step alone.

    Args:
        spec: what the model is; `zoo.get` makes one from a preset's name.
        name: name of the Keras model, by default the preset's.
    """

    def __init__(self, spec: ModelSpec, name: str | None = None) -> None:
        """Builds the flow with all its weights."""
        super().__init__(spec, name or spec.preset)
        build = importlib.import_module(FAMILIES[spec.config.family]).build
        self.flow: Bijector = build(spec.config, seed=spec.seed, dtype=spec.dtype)
        shape = spec.config.event_shape
        zeros = tf.zeros(shape, spec.variable_dtype)
        self.base = tfd.Independent(tfd.Normal(zeros, tf.ones_like(zeros)), len(shape))
        self.networks = Networks(keras_layers(self.flow))
        self._noise = UniformDequantization(dtype=spec.variable_dtype)
        self._checked = CheckedInput(self.form)
        self._compile_methods()
        self.built = True

    def _compile_methods(self) -> None:
        """Traces each method once, for batches of any size."""
        rows = tf.TensorSpec([None, *self.event_shape], self.spec.variable_dtype)
        fields = {
            key: tf.TensorSpec([None, *shape], self.form.dtypes[key])
            for key, shape in self.form.shapes.items()
        }
        given = ()
        if self.form.conditional:
            width = self.spec.config.num_classes or self.spec.config.condition_dim
            given = (tf.TensorSpec([None, width], self.spec.variable_dtype),)
        seed = tf.TensorSpec([2], tf.int32)
        number = tf.TensorSpec([], tf.int32)
        temperature = tf.TensorSpec([], self.spec.variable_dtype)
        inputs = fields if self.form.conditional else fields["x"]
        self._compiled_bound = _compiled(self._bound, [inputs, seed])
        self._compiled_density = _compiled(self._density, [rows, *given])
        self._compiled_encode = _compiled(self._encode, [rows, *given])
        self._compiled_decode = _compiled(self._decode, [rows, *given])
        self._compiled_sample = _compiled(self._sample, [number, seed, temperature, *given])

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one row of data, and of its latents."""
        return self.spec.config.event_shape

    @property
    def levels(self) -> int | None:
        """Grey levels of an image model; None for real vectors."""
        return self.spec.config.levels

    @property
    def distribution(self) -> tfd.TransformedDistribution:
        """The density as a TFP distribution; one that needs a condition raises when used."""
        return tfd.TransformedDistribution(self.base, self.flow)

    def distribution_at(self, condition: Any) -> tfd.TransformedDistribution:
        """Returns the density given a condition, of batch shape B.

        Args:
            condition: class numbers [*B], or vectors [*B, condition_dim].

        Raises:
            ValueError: if the model takes no condition, or another one.
        """
        condition = self._checked.condition(condition)
        return tfd.TransformedDistribution(self.base, self._flow_at(condition))

    def log_prob(self, x: Any, condition: Any = None) -> tf.Tensor:
        """Returns the log density of real data, without noise.

        Args:
            x: rows [N, *event] in the data's units; pixels as real numbers in [0, levels].
            condition: class numbers [N] or vectors [N, K] of a conditional model.

        Returns:
            Nats [N].

        Raises:
            TypeError: for whole numbers: their probability is `bits_per_dim`'s or `predict`'s.
            ValueError: for another shape, NaN, pixels outside of the range, or a condition that is
                missing, unwanted or wrong.
        """
        return self._compiled_density(*self._checked.real_rows(x, condition))

    def encode(self, x: Any, condition: Any = None) -> tf.Tensor:
        """Returns the latents [N, *event] of data; arguments and errors as of `log_prob`."""
        return self._compiled_encode(*self._checked.real_rows(x, condition))

    def decode(self, z: Any, condition: Any = None) -> tf.Tensor:
        """Returns the data [N, *event] of latents.

        Args:
            z: latents [N, *event].
            condition: class numbers [N] or vectors [N, K] of a conditional model.

        Raises:
            ValueError: for another shape, NaN, or a wrong condition.
        """
        return self._compiled_decode(*self._checked.latents(z, condition))

    def sample(
        self,
        n: int | tf.Tensor,
        seed: int | tf.Tensor | None = None,
        temperature: float | tf.Tensor = 1.0,
        condition: Any = None,
    ) -> tf.Tensor:
        """Draws samples; row i depends on the seed and i alone.

        Args:
            n: number of samples, for each condition if there are any.
            seed: integer; None draws other samples at every call.
            temperature: factor of the latents' standard deviation.
            condition: class numbers [B] or vectors [B, K] of a conditional model.

        Returns:
            [n, *event], or [n, B, *event] given conditions, real numbers in the data's units; those
            of images lie in [0, levels), and their floor is the grey level.

        Raises:
            ValueError: for a negative `n` or temperature, or a wrong condition.
        """
        seed = secrets.randbelow(2**31) if seed is None else seed
        number, pair, factor = self._checked.sampling(n, seed, temperature)
        if not self.form.conditional:
            self._checked.refuse(condition)
            return self._compiled_sample(number, pair, factor)
        given = self._checked.condition(condition)
        batch = tf.shape(given)[:-1]
        flat = tf.reshape(given, [-1, given.shape[-1]])
        tiled = tf.tile(flat, tf.stack([number, 1]))
        samples = self._compiled_sample(number * tf.shape(flat)[0], pair, factor, tiled)
        return tf.reshape(samples, tf.concat([[number], batch, self.event_shape], 0))

    def bits_per_dim(
        self,
        data: Any,
        condition: Any = None,
        *,
        seed: int = 0,
        draws: int = 1,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Returns the bits per dimension of each image: a bound, by the dequantization noise.

            -1 / (D log 2) mean over draws of log p(x + u),  u uniform in (0, 1)^D

        A row's figure depends on the row, the seed and `draws` alone, on no batch or order.

        Args:
            data: images of whole numbers in [0, levels), in any form that `fit` takes.
            condition: labels or vectors where `data` is an array without them.
            seed: of the noise.
            draws: draws of noise for each row.
            batch_size: rows at a time, where the data is not batched.

        Returns:
            Array [N].

        Raises:
            ValueError: for a model of real vectors, or data that does not fit.
        """
        if self.levels is None:
            msg = f"`bits_per_dim` is for images; {self.name!r} has real vectors: use `log_prob`."
            raise ValueError(msg)
        if draws < 1:
            msg = f"`draws` must be at least 1; received {draws}."
            raise ValueError(msg)
        seeds = [self._checked.seed_pair(seed, EVALUATION - k) for k in range(draws)]
        prepared = self.prepared(data, condition, batch_size=batch_size, argument="data")
        rows = []
        with prepare.reading(prepared):
            for (inputs,) in prepared.batches:
                bounds = [self._compiled_bound(inputs, pair) for pair in seeds]
                rows.append(np.mean(bounds, axis=0, dtype=np.float64))
        return bits_per_dim(np.concatenate(rows), int(np.prod(self.event_shape)))

    @property
    def initialized(self) -> bool:
        """Whether all that is set from data (ActNorm, Standardize, ...) has been."""
        parts = [m for m in self.flow.submodules if hasattr(m, "initialized")]
        return all(part.initialized for part in parts)

    @property
    def learnable_variables(self) -> list[keras.Variable]:
        """The variables that are trained where nothing is frozen."""
        return self.networks.learnable_variables

    def initialize(self, x: Any, condition: Any = None) -> None:
        """Sets what is set from data, once; `fit` calls it before its first step.

        Args:
            x: representative rows, in any form that `fit` takes.
            condition: labels or vectors where `x` is an array without them.
        """
        rows = self.form.initial_rows
        data = self.prepared(x, condition, batch_size=rows, shuffle=True)
        self.initialize_from(data.first_batch(rows))

    @tf.autograph.experimental.do_not_convert
    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:  # noqa: FBT001, FBT002
        """Returns the log-likelihood [B] of rows in nats; for images the bound with one draw.

        Args:
            inputs: rows [B, *event], or {'x': rows, 'condition': labels [B] or vectors [B, K]}.
            training: whether networks and noise are those of a training step.
        """
        step = self._step() if training else EVALUATION
        return self._bound(inputs, tf.stack([self.spec.seed, step]))

    def _step(self) -> tf.Tensor:
        optimizer = getattr(self, "optimizer", None)
        return (
            tf.zeros([], tf.int32) if optimizer is None else tf.cast(optimizer.iterations, "int32")
        )

    def _bound(self, inputs: Any, seed: tf.Tensor) -> tf.Tensor:
        x, condition = self._fields(inputs)
        if self.levels is None:
            return self._density(tf.cast(x, self.spec.variable_dtype), condition)
        y, log_q = self._noise(x, seed)
        return self._density(y, condition) - log_q

    def _fields(self, inputs: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
        if not isinstance(inputs, Mapping):
            return inputs, None
        return inputs["x"], self._checked.coded(inputs["condition"])

    def _flow_at(self, condition: tf.Tensor | None) -> Bijector:
        return self.flow if condition is None else self.flow.condition_on(condition)

    def _density(self, y: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        z, log_det = self._flow_at(condition).inverse_and_log_det(y, len(self.event_shape))
        return self.base.log_prob(z) + log_det

    def _encode(self, y: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        return self._flow_at(condition).inverse_and_log_det(y)[0]

    def _decode(self, z: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        return self._flow_at(condition).forward_and_log_det(z)[0]

    def _sample(
        self,
        n: tf.Tensor,
        seed: tf.Tensor,
        temperature: tf.Tensor,
        condition: tf.Tensor | None = None,
    ) -> tf.Tensor:
        keys = threefry.index_keys(n, seed)
        z = temperature * threefry.normal(keys, self.event_shape, self.spec.variable_dtype)
        y = self._decode(z, condition)
        if self.levels is None:
            return y
        # The logit's margin lets a little mass out of the range; grey levels have none there.
        below = np.nextafter(np.asarray(self.levels, self.spec.variable_dtype), 0)
        return tf.clip_by_value(y, 0.0, below)

    def initialize_from(self, inputs: Any) -> None:
        """Sets what is set from data by one prepared batch, as `call` receives it.

        On several workers all take what the first one's batch gives.
        """
        x, condition = self._fields(inputs)
        y = tf.cast(x, self.spec.variable_dtype)
        if self.levels is not None:
            y, _ = self._noise(x, tf.stack([self.spec.seed, 0]))
        self._flow_at(condition).initialize(y)
        workers.agree(self.networks.variables, self.distribute_strategy)

    def save_weights(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,  # noqa: FBT001, FBT002 - Keras's signature
    ) -> None:
        """Writes the weights, without the optimizer's state, keyed by the networks' names.

        They are those that the model holds, trained or averaged: see `averaged`.

        Args:
            filepath: a path that ends in '.weights.h5'.
            overwrite: whether to replace a file.
        """
        weights_file.save(self.networks, self.spec, filepath, overwrite=overwrite)

    def load_weights(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, filepath: str | os.PathLike[str]
    ) -> None:
        """Reads weights that a model of the same config, of whatever seed, has saved.

        Averages begin anew at them.

        Raises:
            ValueError: for a file that is missing, damaged or of another architecture; the model
                then keeps its weights.
        """
        weights_file.load(self.networks, self.spec, filepath)
        optimizer: Any = getattr(self, "optimizer", None)
        if keeps_averages(optimizer):
            optimizer.restart_averages()

    def get_config(self) -> dict[str, Any]:
        """Returns the spec as plain data, and the names of frozen networks."""
        return {"name": self.name, "spec": self.spec.to_json(), "frozen": self.networks.frozen}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Builds the model of a config; there are no custom objects in it."""
        model = cls(ModelSpec.from_json(config["spec"]), name=config["name"])
        if set(config["frozen"]) == set(model.networks.names):
            model.trainable = False  # as a whole, or setting it to True would change nothing
        for name in config["frozen"]:
            getattr(model.networks, name).trainable = False
        return model

    def _trackable_children(self, save_type: str = "checkpoint", **options: Any) -> dict[str, Any]:
        """Leaves the flow out of checkpoints: its weights are the networks', by stable names.

        They would be written twice, the second time under the private attributes of bijectors.
        """
        children = super()._trackable_children(save_type, **options)
        if save_type == "checkpoint":
            children.pop("flow", None)
        return children


def _compiled(method: Callable, signature: Sequence[Any]) -> Callable:
    # AutoGraph would rewrite the source of every bijector, four times the time to a trace.
    # TensorFlow counts traces by code, and warns of many models as of one that is retraced: a
    # partial has no code.
    return tf.function(functools.partial(method), signature, autograph=False)
