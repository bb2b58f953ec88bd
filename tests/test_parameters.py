import numpy as np

from tfflows import Parameters


def made():
    layer = Parameters("norm", "float64").own("shift", [1.0, 2.0])
    return layer.own("order", [3, 1, 2], trainable=False, dtype="int32")


def test_weights_are_attributes_with_their_values_and_dtypes():
    layer = made()
    np.testing.assert_array_equal(layer.shift, [1.0, 2.0])
    np.testing.assert_array_equal(layer.order, [3, 1, 2])
    assert [w.dtype for w in layer.weights] == ["float64", "int32"]
    assert [w.path for w in layer.trainable_weights] == ["norm/shift"]


def test_a_config_rebuilds_the_layer():
    layer = made()
    twin = Parameters.from_config(layer.get_config())
    assert [(w.path, w.shape, w.dtype) for w in twin.weights] == [
        (w.path, w.shape, w.dtype) for w in layer.weights
    ]
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(twin.order, layer.order)
    assert Parameters.from_config(twin.get_config()).get_config() == layer.get_config()
