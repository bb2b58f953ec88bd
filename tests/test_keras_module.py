"""What TFP sees of a Keras layer, and how a network meets leading dimensions."""

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import network, normal
from checks import close
from tfflows import Additive, Coupling, KerasModule, masks


def module(dtype="float64", *, conditional=False):
    return KerasModule(network("net", 0, dtype, (2,), 4, conditional=conditional))


def test_both_sides_see_the_same_variables():
    held = module()
    assert [id(v) for v in held.variables] == [id(v.value) for v in held.layer.variables]
    assert len(held.trainable_variables) == 4


def test_no_keras_layer_is_refused():
    with pytest.raises(TypeError, match="`layer` must be a Keras 3 layer; received function"):
        KerasModule(lambda x: x)


def test_an_unbuilt_layer_is_refused():
    with pytest.raises(ValueError, match=r"`layer` must be built.*'late' is not"):
        KerasModule(keras.Sequential([keras.layers.Dense(4)], name="late"))


class Late(keras.layers.Layer):
    """Says that it is built, and makes its weights at the first call."""

    def __init__(self):
        super().__init__(name="late")
        self.dense, self.built = keras.layers.Dense(2), True

    def call(self, x):
        return self.dense(x)


def test_weights_made_at_the_first_call_are_refused():
    coupling = Coupling(masks.half(4), Late(), Additive())
    with pytest.raises(ValueError, match="must have all its weights .* 'late' made some"):
        coupling.forward(tf.zeros([3, 4]))


@pytest.mark.parametrize("batch", [(), (5,), (2, 3), (1, 2, 3)])
def test_leading_dimensions_are_flattened_and_restored(batch):
    held, x = module(), normal((*batch, 2))
    out = held(x, None, event_ndims=1)
    assert out.shape == (*batch, 4)
    close(out, np.reshape(held.layer(tf.reshape(x, [-1, 2])), (*batch, 4)), 1e-12)


@pytest.mark.parametrize(
    ("batch", "conditions", "wanted"),
    [((), (), ()), ((5,), (), (5,)), ((7, 5), (5,), (7, 5)), ((4, 1), (5,), (4, 5))],
)
def test_a_condition_broadcasts(batch, conditions, wanted):
    held, x, c = module(conditional=True), normal((*batch, 2)), normal((*conditions, 3))
    out = held(x, c, event_ndims=1)
    assert out.shape == (*wanted, 4)
    rows = np.broadcast_to(x, (*wanted, 2)).reshape(-1, 2)
    c_rows = np.broadcast_to(c, (*wanted, 3)).reshape(-1, 3)
    close(np.reshape(out, (-1, 4)), held.layer([rows, c_rows]), 1e-12)


def test_a_condition_takes_the_datas_dtype():
    out = module(conditional=True)(normal((5, 2)), tf.ones([5, 3], "int32"), event_ndims=1)
    assert out.dtype == tf.float64


@pytest.mark.parametrize(("weights", "data"), [("float32", "float64"), ("float64", "float32")])
def test_other_precisions_are_refused(weights, data):
    with pytest.raises(TypeError, match=f"'net' has {weights} weights; received {data} data"):
        module(weights)(tf.zeros([5, 2], data), None, event_ndims=1)


def test_a_half_precision_network_answers_in_the_datas_dtype():
    held, x = module("mixed_bfloat16"), normal((5, 2), dtype="float32")
    assert held.layer(x).dtype == tf.bfloat16
    assert held(x, None, event_ndims=1).dtype == tf.float32


def test_wrap_keeps_a_module():
    held = module()
    assert KerasModule.wrap(held) is held
    assert KerasModule.wrap(held.layer).layer is held.layer


@pytest.mark.parametrize("name", ["scale0/board-1.net", "0", "é"])
def test_any_keras_name_becomes_a_module_name(name):
    layer = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    assert KerasModule(layer, name=name).name


def test_a_deepcopy_has_a_layer_and_variables_of_its_own():
    held = module()
    twin = copy.deepcopy(held)
    assert [id(v) for v in twin.variables] == [id(v.value) for v in twin.layer.variables]
    assert not {id(v) for v in twin.variables} & {id(v) for v in held.variables}
    x = normal((5, 2))
    close(twin(x, None, 1), held(x, None, 1), 0.0)
    twin.variables[0].assign_add(tf.ones_like(twin.variables[0]))
    assert np.any(twin(x, None, 1) != held(x, None, 1))
