"""Trains twins on one replica and on two, and writes down what `test_replicas.py` compares.

    python on_replicas.py FOLDER [SCENARIO...]

In a process of its own, for the CPU can be made two devices before TensorFlow starts only.
"""

import json
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

from models import conditions, data, twin
from zoo import FlowModel
from zoo.optimizer import FusedAdam

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

FOLDER = pathlib.Path(sys.argv[1])
ONE = tf.distribute.get_strategy()
TWO = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
VECTOR, IMAGE = "realnvp_moons", "realnvp_digits"
SPEC = {"weight_decay": 0.1, "clip_norm": 0.5, "schedule": "constant"}


class Steps(keras.callbacks.Callback):
    """The logs of every step, as a progress bar shows them."""

    def on_train_begin(self, logs=None):
        self.logs = []

    def on_train_batch_end(self, batch, logs=None):
        self.logs.append([logs[key] for key in sorted(logs)])


def values(variables):
    return np.concatenate([np.ravel(v) for v in variables])


def train(strategy, name, rows, make_optimizer=None, *, labels=False):
    with strategy.scope():
        model = twin(name, **SPEC, **({"num_classes": 10} if labels else {}))
        if make_optimizer:
            model.compile(make_optimizer())
    x, held_out = data(model, rows), data(model, 33, seed=1)
    if labels:
        x, held_out = (x, conditions(model, rows)), (held_out, conditions(model, 33))
    model.initialize(x)
    start, steps = values(model.trainable_variables), Steps()
    history = model.fit(x, epochs=2, validation_data=held_out, callbacks=[steps], verbose=0).history
    predicted = model.predict(held_out, batch_size=7, verbose=0)
    return model, {
        "start": start,
        "end": values(model.trainable_variables),
        "steps": np.array(steps.logs),
        "predicted": predicted,
        "iterations": model.optimizer.iterations.numpy(),
        **{f"history_{key}": value for key, value in history.items()},
    }


def compare(case, *args, **options):
    for label, strategy in (("one", ONE), ("two", TWO)):
        _, found = train(strategy, *args, **options)
        np.savez(FOLDER / f"{case}-{label}.npz", **found)


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(1e-2),
    "clipnorm": lambda: FusedAdam(clipnorm=0.05),
    "clipvalue": lambda: FusedAdam(clipvalue=0.01),
    "averages": lambda: FusedAdam(use_ema=True, ema_momentum=0.8),
    "keras_adam": lambda: keras.optimizers.AdamW(weight_decay=0.1),
}


class Batches(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return -(-len(self.x) // 20)

    def __getitem__(self, index):
        return self.x[20 * index : 20 * index + 20]


def aligned(values):
    """The same array in memory that TensorFlow reads in place, without a copy."""
    memory = np.empty(values.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    copied = memory[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    copied[:] = values
    return copied


def from_generator(x):
    return tf.data.Dataset.from_generator(
        lambda: (x[i : i + 20] for i in (0, 20, 40) * 2),
        output_signature=tf.TensorSpec([None, *x.shape[1:]], x.dtype),
    )


def forms():
    """Losses of two epochs by form of the data, in its order, on one replica and on two."""
    losses = {}
    for label, strategy in (("one", ONE), ("two", TWO)):
        original = data(twin(VECTOR), 55)
        x = aligned(original)
        batched = tf.data.Dataset.from_tensor_slices({"x": x, "name": ["a"] * 55}).batch(20)
        given = {
            "array": (x, {"shuffle": False}),
            "dataset": (batched, {}),
            "from_generator": (from_generator(x), {"steps_per_epoch": 3}),
            "py_dataset": (Batches(x), {}),
            "generator": ((x[i : i + 20] for i in (0, 20, 40) * 2), {"steps_per_epoch": 3}),
            "endless": (x, {"shuffle": False, "steps_per_epoch": 3}),
        }
        for form, (source, options) in given.items():
            with strategy.scope():
                model = twin(VECTOR, **SPEC)
                model.compile(keras.optimizers.SGD(1e-2))
            model.initialize(x)
            history = model.fit(source, epochs=2, verbose=0, **options)
            losses[f"{form}-{label}"] = history.history["loss"]
            losses[f"{form}-changed"] = np.count_nonzero(x != original)
    np.savez(FOLDER / "forms.npz", **losses)


def guard():
    """A row that is NaN, in the share of the second replica alone, at the fourth step."""
    found = {}
    rows = np.linspace(-1, 1, 64, dtype=np.float32).reshape(32, 2)
    for label, strategy in (("one", ONE), ("two", TWO)):
        for steps in (3, 8):
            x = rows[: 4 * steps].copy()
            if steps == 8:
                x[4 * 3 + 3, 0] = np.nan
            with strategy.scope():
                keras.utils.set_random_seed(0)
                model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
                model.compile(FusedAdam(0.1, weight_decay=0.1, global_clipnorm=1.0), "mse")
                model.optimizer.build(model.trainable_variables)
            model.fit(x, x[:, :1], batch_size=4, shuffle=False, verbose=0)
            found[f"{label}-{steps}"] = values(model.trainable_variables)
            if strategy is TWO:
                found[f"replicas-{steps}"] = replicated(model.trainable_variables)
        found[f"{label}-bad_step"] = model.optimizer.guard.bad_step
    np.savez(FOLDER / "guard.npz", **found)


def replicated(variables):
    """The values of variables on each replica, [2, N]."""
    parts = [TWO.experimental_local_results(v.value) for v in variables]
    return np.stack([values(part) for part in zip(*parts, strict=True)])


def noise():
    layer = twin(IMAGE)._noise
    x = np.arange(10 * 16, dtype=np.uint8).reshape(10, 4, 4, 1)
    batches = TWO.experimental_distribute_dataset(tf.data.Dataset.from_tensor_slices(x).batch(10))
    draw = tf.function(lambda x: layer(x, tf.constant([3, 7]))[0] - tf.cast(x, tf.float32))
    shares = TWO.experimental_local_results(TWO.run(draw, args=(next(iter(batches)),)))
    np.savez(FOLDER / "noise.npz", first=shares[0], second=shares[1], one=draw(tf.constant(x)))


def start_from_data():
    """Two fits that are too slow to move a weight: what they leave is the start from data."""
    found, calls = {}, []
    for label, strategy in (("one", ONE), ("two", TWO)):
        with strategy.scope():
            model = twin(IMAGE)
            model.compile(keras.optimizers.SGD(1e-30))
        variables = [v for v in model.networks.variables if "float" in v.dtype]
        before, initialize_from = values(variables), model.initialize_from

        def count(inputs, label=label, initialize_from=initialize_from):
            calls.append(label)
            initialize_from(inputs)

        model.initialize_from = count
        for _ in range(2):
            model.fit(data(model, 55), epochs=1, verbose=0)
        assert model.initialized
        found[label] = values(variables)
        if strategy is TWO:
            found["replicas"] = replicated(variables)
        found["moved"] = np.abs(found[label] - before).max()
    np.savez(FOLDER / "start.npz", calls=calls, **found)


def statistics():
    """Batch norm: running statistics after a step, and what differs after ten."""
    for label, strategy in (("one", ONE), ("two", TWO)):
        for steps, rows in ((1, 20), (10, 81)):
            with strategy.scope():
                model = twin("realnvp_cifar")
                model.compile(keras.optimizers.SGD(1e-3))
            x = data(model, rows)
            model.initialize(x)
            loss = model.fit(x, epochs=min(steps, 2), verbose=0).history["loss"]
            kept = model.non_trainable_variables
            found = {"loss": loss, "iterations": model.optimizer.iterations.numpy()}
            found["first"] = next(v for v in kept if "in_norm/mean" in v.path).numpy()
            if strategy is TWO:
                found["replicas"] = replicated([v for v in kept if "float" in v.dtype])
            np.savez(FOLDER / f"statistics-{label}-{steps}.npz", **found)


def saved():
    model, found = train(TWO, VECTOR, 55)
    model.save(FOLDER / "two.keras")
    np.savez(FOLDER / "saved.npz", **found)


class Unmended(FlowModel):
    """Keras's own way to build a model on the first batch."""

    _maybe_symbolic_build = keras.Model._maybe_symbolic_build


def messages():
    """What is refused, and what Keras does where we mend it."""
    found = {}

    def attempt(case, action):
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test reads it
            found[case] = f"{type(error).__name__}: {error}"

    with TWO.scope():
        model = twin(VECTOR)
        inside = {
            "accumulation": FusedAdam(gradient_accumulation_steps=2),
            "overwriting": FusedAdam(use_ema=True, ema_overwrite_frequency=3),
            "keras_clipping": keras.optimizers.Adam(global_clipnorm=1.0),
        }
        unmended = Unmended(model.spec)
    for case, optimizer in inside.items():
        attempt(case, lambda optimizer=optimizer: model.compile(optimizer))
    attempt("foreign_optimizer", lambda: model.compile(FusedAdam()))
    attempt("xla", lambda: model.compile(jit_compile=True))
    attempt("several_steps", lambda: model.compile(steps_per_execution=2))
    attempt("unmended", lambda: unmended.fit(data(model, 15), batch_size=15, epochs=1, verbose=0))
    outside = twin(VECTOR)
    with TWO.scope():
        attempt("foreign_model", lambda: outside.fit(data(model, 15), epochs=1, verbose=0))
    (FOLDER / "messages.json").write_text(json.dumps(found))


def optimizer(case):
    return lambda: compare(case, VECTOR, 95, OPTIMIZERS[case])


SCENARIOS = {
    "vectors": lambda: compare("vectors", VECTOR, 95),
    "images": lambda: compare("images", IMAGE, 81),
    "labels": lambda: compare("labels", IMAGE, 95, labels=True),
    **{case: optimizer(case) for case in OPTIMIZERS},
    "forms": forms,
    "guard": guard,
    "noise": noise,
    "start_from_data": start_from_data,
    "statistics": statistics,
    "saved": saved,
    "messages": messages,
}

for name in sys.argv[2:] or SCENARIOS:
    SCENARIOS[name]()
