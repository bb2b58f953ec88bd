"""One of several workers, or all of the work where there is no TF_CONFIG.

    python worker.py fit FOLDER
    python worker.py resume FOLDER CHECKPOINTS [STEP]

`test_multi_worker.py` starts it and compares what it writes. At STEP the second worker is killed.
"""

import os
import pathlib
import signal
import sys

import keras
import numpy as np
import tensorflow as tf

STRATEGY = tf.distribute.MultiWorkerMirroredStrategy()  # before anything else starts TensorFlow

from models import data, twin  # noqa: E402
from zoo import FlowModel, workers  # noqa: E402

TASK = STRATEGY.cluster_resolver.task_id or 0
SPEC = {"weight_decay": 0.1, "clip_norm": 0.5}
NAME = "realnvp_digits"
EPOCH = 5


def made(kind=None, **options):
    with STRATEGY.scope():
        model = twin(NAME, **SPEC, **options)
        if kind is None:
            return model
        model = kind(model.spec)
        model.compile()
        return model


def values(model):
    return np.concatenate([np.ravel(v) for v in model.networks.variables])


class Unmended(FlowModel):
    """Keras's own metrics of a step."""

    compute_metrics = keras.Model.compute_metrics


def fit(folder):
    model = made()
    x, held_out = data(model, 81), data(model, 33, seed=1)
    own = workers.folder_to_write(folder / "written", STRATEGY)
    checkpoint = keras.callbacks.ModelCheckpoint(own / "last.keras")
    steps = []
    log = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: steps.append(logs))
    history = model.fit(
        x, epochs=2, validation_data=held_out, callbacks=[checkpoint, log], verbose=0
    ).history
    found = {f"history_{key}": value for key, value in history.items()}
    found["steps"] = [[logs["loss"], logs["bits_per_dim"]] for logs in steps]
    found["weights"] = values(model)
    found["predicted"] = model.predict(held_out, batch_size=7, verbose=0)

    other = made(seed=3)
    other.initialize(data(other, 40, seed=TASK))  # each worker has rows of its own
    found["start"] = values(other)
    found["message"] = unmended(x)
    np.savez(folder / f"worker{TASK}.npz", **found)


def unmended(x):
    try:
        made(Unmended).fit(x, epochs=1, verbose=0)
    except Exception as error:  # noqa: BLE001 - whatever it is, the test reads it
        return f"{type(error).__name__}: {error}"
    return "none"


class Kill(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_epoch_begin(self, epoch, logs=None):
        self.before = EPOCH * epoch

    def on_train_batch_end(self, batch, logs=None):
        if TASK == 1 and self.before + batch + 1 == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def resume(folder, checkpoints, step=None):
    """The recipe of docs/distributed.md."""
    model = made()
    rows = tf.constant(data(model, 95))

    def batch(step):
        return tf.gather(rows, (20 * step + tf.range(20, dtype=tf.int64)) % 95)

    checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
    latest = tf.train.latest_checkpoint(checkpoints)
    if latest:
        checkpoint.restore(latest).assert_existing_objects_matched()
    start = int(model.optimizer.iterations.numpy())
    own = workers.folder_to_write(checkpoints, STRATEGY)
    manager = tf.train.CheckpointManager(checkpoint, own, max_to_keep=2)

    def save(*_):
        manager.save(checkpoint_number=int(model.optimizer.iterations.numpy()))

    model.fit(
        tf.data.Dataset.range(start, 2**40).map(batch),
        steps_per_epoch=EPOCH,
        initial_epoch=start // EPOCH,
        epochs=4,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=save), Kill(int(step or 0))],
        verbose=0,
    )
    found = {
        "weights": values(model),
        "slots": [v.numpy().sum() for v in model.optimizer.variables],
    }
    np.savez(folder / f"worker{TASK}.npz", start=start, **found)


scenario, *arguments = sys.argv[1:]
paths = [pathlib.Path(argument) for argument in arguments[:2]]
{"fit": fit, "resume": resume}[scenario](*paths, *arguments[2:])
