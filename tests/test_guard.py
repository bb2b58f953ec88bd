"""Steps whose gradient is not finite change no weight, and nor do those after them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import data, twin
from zoo.optimizer import FusedAdam

BAD = 3
ROWS = np.linspace(-1, 1, 64, dtype=np.float32).reshape(32, 2)


class Unguarded(FusedAdam):
    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        keras.optimizers.Adam._backend_update_step(self, grads, trainable_variables, learning_rate)


def model_of(optimizer, *, jit=False):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dense(1)])
    model.compile(optimizer, "mse", jit_compile=jit)
    optimizer.build(model.trainable_variables)
    return model


def fit(model, rows, steps=8):
    model.fit(
        rows, rows[:, :1], batch_size=4, epochs=1, steps_per_epoch=steps, shuffle=False, verbose=0
    )
    return [w.numpy() for w in model.weights]


def spoiled(value=np.nan):
    rows = ROWS.copy()
    rows[4 * BAD + 1, 0] = value
    return rows


OPTIONS = [{}, {"weight_decay": 0.1}, {"global_clipnorm": 1.0}]
EAGER = [(options, False, 0.0) for options in OPTIONS]
CASES = [*EAGER, (OPTIONS[1], True, 1e-5)]
"""Options of Adam, whether XLA compiles the step, and how far its fusions may round otherwise."""


@pytest.mark.parametrize(("options", "jit", "rtol"), CASES)
def test_good_steps_are_not_touched(options, jit, rtol):
    guarded = model_of(FusedAdam(0.1, **options), jit=jit)
    plain = model_of(Unguarded(0.1, **options), jit=jit)
    for ours, theirs in zip(fit(guarded, ROWS), fit(plain, ROWS), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=rtol)
    assert guarded.optimizer.guard.bad_step is None


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize(("options", "jit", "rtol"), CASES)
def test_the_weights_before_the_first_bad_step_stay(options, jit, rtol, value):
    guarded = model_of(FusedAdam(0.1, **options), jit=jit)
    stopped = model_of(Unguarded(0.1, **options), jit=jit)
    last_good = fit(stopped, ROWS, steps=BAD)
    for ours, theirs in zip(fit(guarded, spoiled(value)), last_good, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=rtol)
    assert guarded.optimizer.guard.bad_step == BAD
    assert int(guarded.optimizer.iterations) == 8


def test_without_a_guard_they_are_lost():
    assert not all(np.isfinite(w).all() for w in fit(model_of(Unguarded(0.1)), spoiled()))


def test_reset_lets_the_training_go_on():
    model = model_of(FusedAdam(0.1))
    before = fit(model, spoiled())
    model.optimizer.guard.reset()
    assert model.optimizer.guard.bad_step is None
    after = fit(model, ROWS)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    assert all(np.isfinite(w).all() for w in after)


def test_no_file_changes_by_a_guard(tmp_path):
    seen = []
    for optimizer in (FusedAdam(0.1), keras.optimizers.Adam(0.1)):
        model = model_of(optimizer)
        path = tf.train.Checkpoint(model=model, optimizer=optimizer).write(str(tmp_path / "state"))
        names = {name for name, _ in tf.train.list_variables(path)}
        seen.append((names, len(optimizer.variables)))
    assert seen[0] == seen[1]


def test_fit_ends_after_the_epoch_of_a_bad_step_and_warns():
    model = twin("realnvp_moons", steps=20, schedule="constant", learning_rate=1e25)
    with pytest.warns(UserWarning, match="gradient of step 1 was not finite.*lower learning rate"):
        history = model.fit(data(model), epochs=5, verbose=0)
    assert len(history.epoch) == 1
    assert all(np.isfinite(w).all() for w in model.trainable_weights)


def test_fit_trains_again_after_a_bad_step():
    model = twin("realnvp_moons")
    model.fit(data(model), epochs=1, verbose=0)
    model.optimizer.guard._bad.assign(3)
    before = [w.numpy() for w in model.trainable_weights]
    model.fit(data(model), epochs=1, verbose=0)
    assert any((a != w.numpy()).any() for a, w in zip(before, model.trainable_weights, strict=True))
