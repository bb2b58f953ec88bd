"""What the page says is ours runs, and where the other library is here, both agree."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from bijector_cases import randomized
from checks import close
from pages import PAGES, executed

ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGES["coming_from"].splitlines()
    if line.startswith("| ") and line.count("`") >= 4
]
OURS = {
    code: None
    for _, cell, _ in (row for row in ROWS if len(row) == 3)
    for code in re.findall(r"\A`([^`]+)`\Z", cell)
}


@pytest.fixture(scope="module")
def names():
    return executed("coming_from")


def test_every_row_has_one_piece_of_code():
    tables = PAGES["coming_from"].split("\n## ")[2:]
    rows = [line for table in tables for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) - len(tables) > 50  # less a heading each
    assert len([row for row in ROWS if re.fullmatch(r"`[^`]+`", row[1])]) == len(rows) - len(tables)


@pytest.mark.parametrize("code", OURS)
def test_a_row_is_python_that_runs(code, names):
    value = eval(code, dict(names))
    if isinstance(value, tfb.Bijector):
        event = {"Squeeze(2)": (2, 2, 4)}.get(code, (4,))
        z = tf.fill([3, *event], 0.25)
        assert np.all(np.isfinite(value.inverse(tf.identity(value.forward(z)))))
    elif isinstance(value, keras.Model) and hasattr(value, "event_shape"):
        assert value.event_shape in ((4,), (8, 8, 1))
    elif isinstance(value, keras.layers.Layer):
        assert value(names["z"]).shape == (5, 8)
    elif isinstance(value, tfd.Distribution):
        assert value.event_shape == (4,)
    else:
        assert callable(value) or np.all(np.isfinite(tf.nest.flatten(value)[0]))


def test_samples_given_conditions_have_the_shape_that_is_said(names):
    codes = [code for code in OURS if ".sample(7" in code]
    assert len(codes) == 2
    for code in codes:
        assert eval(code, dict(names)).shape == (7, 5, 4)


def test_a_coupling_is_tfps_real_nvp(names):
    net, z = randomized_net(names["net"](4)), names["z"]
    ours = names["Coupling"](names["masks"].half(4), net, names["Affine"](tf.identity))

    def shift_and_log_scale(x, units):
        assert units == 2
        return tf.split(net(x), 2, axis=-1)

    theirs = tfb.RealNVP(num_masked=2, shift_and_log_scale_fn=shift_and_log_scale)
    compare(ours, theirs, z)


def test_an_autoregression_is_tfps_masked_autoregressive_flow(names):
    made, z = randomized_net(names["made"]()), names["z"]
    ours = names["Autoregressive"](made, names["Affine"](tf.identity), variables=4)
    theirs = tfb.MaskedAutoregressiveFlow(lambda y: tf.split(made(y), 2, axis=-1))
    compare(ours, theirs, z)


def randomized_net(layer):
    random = np.random.default_rng(0)
    for weight in layer.trainable_variables:
        weight.assign(0.2 * random.normal(size=weight.shape))
    return layer


def compare(ours, theirs, z):
    y, log_det = ours.forward_and_log_det(z)
    assert np.any(np.abs(y - z) > 0.05)
    close(y, theirs.forward(tf.identity(z)), 1e-5)
    close(log_det, theirs.forward_log_det_jacobian(tf.identity(z), 1), 1e-5)
    back, log_det = ours.inverse_and_log_det(y)
    close(back, theirs.inverse(tf.identity(y)), 1e-5)
    close(log_det, theirs.inverse_log_det_jacobian(tf.identity(y), 1), 1e-5)


def test_a_chain_is_listed_from_the_data(names):
    scale, shift = tfb.Scale(2.0), tfb.Shift(1.0)
    x = tf.constant([3.0, 4.0, 5.0, 6.0])
    close(names["Chain"]([scale, shift]).forward(x), 2.0 * (x + 1.0), 1e-6)
    assert randomized(names["flow"], 0).inverse_and_log_det(names["x"])[1].shape == (5,)
