"""Keras's compile, fit, evaluate and predict for a likelihood, on data as people have it."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import prepare
from zoo.averages import averaging, keeps_averages
from zoo.distributed import DistributedModel, check_compilation, check_scope, mean_loss
from zoo.guard import StopAtBadStep
from zoo.model_spec import ModelSpec
from zoo.optimizer import build_optimizer
from zoo.units import bits_per_dim


class LikelihoodModel(DistributedModel):
    """A Keras model that maximises the likelihood which its `call` returns.

    Its data, of whatever form, goes through `prepare` first.

    Keras alone trains in silence at batch 1 on unbatched data, on images of another size, and on
    nothing at all.

    Args:
        spec: what the model is.
        name: name of the Keras model.
    """

    def __init__(self, spec: ModelSpec, name: str) -> None:
        """Keeps the spec."""
        super().__init__(name=name, dtype=spec.variable_dtype)
        self.spec = spec
        images = spec.config.levels is not None
        self._metric = keras.metrics.Mean(name="bits_per_dim") if images else None

    @property
    def form(self) -> prepare.Form:
        """What the model wants of its data."""
        return prepare.Form.of(self.spec)

    @property
    def initialized(self) -> bool:
        """Whether all that is set from data has been."""
        raise NotImplementedError

    @property
    def learnable_variables(self) -> list[keras.Variable]:
        """The variables that are trained where nothing is frozen."""
        raise NotImplementedError

    @property
    def averaged(self) -> bool:
        """Whether the weights are the averages of the trained ones; see the option `ema`.

        After `fit` they are, and the optimizer keeps the trained weights: `averaged = False` puts
        these in, `averaged = True` the averages, and saving the model saves both. `fit` goes on
        from the trained weights. Between its epochs the model holds the averages, so validation
        measures them and a checkpoint of the weights alone has them. A model without averages, or
        before its first step, has False.
        """
        optimizer: Any = getattr(self, "optimizer", None)
        return keeps_averages(optimizer) and optimizer.averaged

    @averaged.setter
    def averaged(self, wanted: bool) -> None:
        optimizer: Any = getattr(self, "optimizer", None)
        if keeps_averages(optimizer):
            optimizer.averaged = wanted
        elif wanted:
            msg = f"`averaged` can be True only in a model with `ema`; {self.name!r} keeps none."
            raise ValueError(msg)

    def initialize_from(self, inputs: Any) -> None:
        """Sets what is set from data by one prepared batch, as `call` receives it."""
        raise NotImplementedError

    def prepared(
        self,
        x: Any,
        y: Any = None,
        *,
        batch_size: int | None = None,
        shuffle: bool = False,
        repeat: bool = False,
        argument: str = "x",
    ) -> prepare.Prepared:
        """Returns the data as the model takes it; see `zoo.prepare.prepare`."""
        return prepare.prepare(
            x,
            y,
            self.form,
            batch_size=self.spec.training.batch_size if batch_size is None else batch_size,
            shuffle=shuffle,
            seed=self.spec.seed,
            repeat=repeat,
            argument=argument,
        )

    def compile(
        self,
        optimizer: Any = None,
        *,
        jit_compile: bool | str = "auto",
        steps_per_execution: int | str = 1,
        **options: Any,
    ) -> None:
        """Compiles with an optimizer, by default the preset's; there is no loss to give.

        Args:
            optimizer: a Keras optimizer or its name.
            jit_compile: whether to use XLA; 'auto' leaves it to Keras and the machine.
            steps_per_execution: steps that TensorFlow takes without returning to Python.
            **options: Keras's own, such as `run_eagerly`.

        Raises:
            ValueError: for what several replicas cannot do: see `check_compilation`.
        """
        with self.distribute_strategy.scope():
            if optimizer is None:
                optimizer = build_optimizer(self.spec.training)
            optimizer = keras.optimizers.get(optimizer)
            execution: dict[str, Any] = {
                "jit_compile": jit_compile,
                "steps_per_execution": steps_per_execution,
            }
            check_compilation(optimizer, self.distribute_strategy, **execution)
            super().compile(optimizer=optimizer, **execution, **options)
            # Here, or the first step is traced twice; for frozen weights too, or the state of the
            # optimizer would not fit a model that is frozen, or thawed, before it is saved.
            self.optimizer.build(self.learnable_variables)
        self._jit_option = jit_compile

    def get_compile_config(self) -> dict[str, Any]:
        """Returns what compiles the model again, on this machine or another.

        Keras writes what 'auto' has come to here: a model saved on a GPU would insist on XLA.
        """
        config = super().get_compile_config()
        return {**config, "jit_compile": self._jit_option} if config else config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as a saved model was compiled."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,  # noqa: FBT001, FBT002 - Keras's signature
    ) -> tf.Tensor:
        """Returns the mean negative log-likelihood in nats, and counts the bits per dimension."""
        if self._metric is not None:
            self._metric.update_state(bits_per_dim(y_pred, math.prod(self.spec.config.event_shape)))
        return mean_loss(-y_pred)

    def train_step(self, data: Any) -> Any:
        """Takes a step on data that is there.

        At the end of data of unknown length Keras runs a step whose data does not arrive; without
        the dependency its optimizer would count it and decay the weights once more.
        """
        with tf.control_dependencies([part for part in tf.nest.flatten(data) if part is not None]):
            return super().train_step(data)

    def make_train_function(self, force: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Makes Keras's training function, for the trained weights: averages are not trained."""
        self.averaged = False
        return super().make_train_function(force)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        *,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> keras.callbacks.History:
        """Trains the model; there is nothing to compile and no loss to choose.

        Args:
            x: the data: arrays, a `tf.data.Dataset`, a PyDataset, a generator; batched or not, with
                or without labels; see `zoo.prepare.prepare`.
            y: labels or conditions of the rows of an array.
            batch_size: rows a step where the data is not batched; by default the preset's.
            epochs: passes over the data; by default as many as the preset's steps take.
            verbose: as in Keras.
            callbacks: as in Keras.
            validation_split: share of an array's last rows that is held out.
            validation_data: held-out data, in any form of `x`, or (x, y).
            shuffle: whether unbatched data is shuffled.
            initial_epoch: as in Keras.
            steps_per_epoch: steps of an epoch; the data then repeats.
            validation_steps: as in Keras.
            validation_batch_size: rows of a validation batch.
            validation_freq: as in Keras.

        Returns:
            The history, with 'loss' in nats and, for images, 'bits_per_dim'.

        Raises:
            ValueError: for data that does not fit, a model without trainable weights, a schedule
                that has ended, or a model made outside of the strategy that is to train it.
        """
        if not self.trainable_variables:
            msg = f"{self.name!r} has no trainable weights; set `trainable = True` to fit it."
            raise ValueError(msg)
        check_scope(self.variables, self.distribute_strategy)
        if validation_split:
            x, validation_data = prepare.validation_split(x, y, fraction=validation_split)
            y = None
        data = self.prepared(
            x, y, batch_size=batch_size, shuffle=shuffle, repeat=steps_per_epoch is not None
        )
        read = [data]
        if validation_data is not None:
            held_out = self.prepared(
                validation_data,
                batch_size=validation_batch_size or batch_size,
                argument="validation_data",
            )
            read.append(held_out)
            validation_data = held_out.batches
        if not self.compiled:
            self.compile()
        self._check_learning_rate()
        if not self.initialized:
            self.initialize_from(data.first_batch(self.form.initial_rows))
        if epochs is None:
            epochs = initial_epoch + self._epochs(data, steps_per_epoch)
        callbacks = [*(keras.tree.flatten(callbacks) if callbacks else []), StopAtBadStep()]
        with prepare.reading(*read), averaging(self.optimizer, callbacks) as watching:
            return super().fit(
                data.batches,
                epochs=epochs,
                verbose=verbose,
                callbacks=watching,
                validation_data=validation_data,
                shuffle=False,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_freq=validation_freq,
            )

    def _epochs(self, data: prepare.Prepared, steps_per_epoch: int | None) -> int:
        """Returns how many epochs the preset's steps take, 1 for data of unknown length."""
        steps = data.num_batches if steps_per_epoch is None else steps_per_epoch
        return -(-self.spec.training.steps // steps) if steps else 1

    def _check_learning_rate(self) -> None:
        rate = float(tf.convert_to_tensor(self.optimizer.learning_rate))
        if rate == 0.0:
            msg = (
                f"`fit` would change nothing: after {self.optimizer.iterations.numpy()} steps the "
                "learning rate's schedule has ended at 0. Call `compile()` to begin a new one, or "
                "`compile(optimizer)` with your own."
            )
            raise ValueError(msg)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        _use_cached_eval_dataset: bool = False,
    ) -> Any:
        """Returns the mean loss in nats and, for images, bits per dimension, with seeded noise.

        Args:
            x: data in any form of `fit`.
            y: labels or conditions of the rows of an array.
            batch_size: rows of a batch where the data is not batched.
            verbose: as in Keras.
            sample_weight: must be None.
            steps: as in Keras.
            callbacks: as in Keras.
            return_dict: whether to return a dict by metric.

        Raises:
            ValueError: for data that does not fit.
        """
        if sample_weight is not None:
            msg = "`sample_weight` must be None: rows have no weights."
            raise ValueError(msg)
        if not self.compiled:
            self.compile()
        options = {
            "verbose": verbose,
            "steps": steps,
            "callbacks": callbacks,
            "return_dict": return_dict,
        }
        if _use_cached_eval_dataset:  # from within `fit`, which has prepared it
            return super().evaluate(x, _use_cached_eval_dataset=True, **options)
        data = self.prepared(x, y, batch_size=batch_size)
        with prepare.reading(data):
            return super().evaluate(data.batches, **options)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> np.ndarray:
        """Returns the log-likelihood of every row in nats; for images the bound with one draw.

        Args:
            x: data in any form of `fit`.
            batch_size: rows of a batch where the data is not batched.
            verbose: as in Keras.
            steps: as in Keras.
            callbacks: as in Keras.

        Returns:
            Array [N].
        """
        data = self.prepared(x, batch_size=batch_size)
        with prepare.reading(data):
            return super().predict(data.batches, verbose=verbose, steps=steps, callbacks=callbacks)
