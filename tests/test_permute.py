import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import normal
from checks import close
from tfflows import Permute, Reverse

ORDER = [2, 0, 3, 1]


def test_forward_gathers_and_inverse_puts_back():
    x = normal((3, 4))
    y = Permute(ORDER).forward(x)
    close(y, x.numpy()[:, ORDER], 0.0)
    close(Permute(ORDER).inverse(y), x, 0.0)


def test_the_order_is_a_weight_that_is_not_trained():
    permute = Permute(ORDER)
    (order,) = permute.variables
    assert permute.trainable_variables == ()
    np.testing.assert_array_equal(order, ORDER)
    order.assign([3, 2, 1, 0])
    x = normal((3, 4))
    close(permute.forward(x), x[:, ::-1], 0.0)
    close(permute.inverse(tf.identity(x)), x[:, ::-1], 0.0)


def test_random_orders_are_a_function_of_the_seed():
    first, again, other = (Permute.random(50, seed=s, name="p").variables[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


@pytest.mark.parametrize(
    "order", [[0, 0, 1], [1, 2, 3], [[0, 1]], [0.5, 1.5], [-1, 0], np.zeros((2, 2))]
)
def test_no_permutation_is_refused(order):
    with pytest.raises(ValueError, match="`permutation` must hold 0..D-1, each once; received"):
        Permute(order)


def test_reverse_is_its_own_inverse_and_has_no_weights():
    x = normal((2, 3, 4))
    close(Reverse().forward(x), x[..., ::-1], 0.0)
    close(Reverse().inverse(tf.identity(x)), x[..., ::-1], 0.0)
    assert Reverse().variables == ()
