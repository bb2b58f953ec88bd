"""What passes, what the network sees, and what a coupling refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import COUPLINGS, normal
from checks import close
from tfflows import Additive, Affine, Coupling, KerasModule, masks

every_coupling = pytest.mark.parametrize("case", COUPLINGS, ids=str)


@every_coupling
def test_what_the_mask_marks_passes_unchanged_and_all_else_moves(case):
    x = case.latents((3,))
    bijector = case.bound(case.shared, ())
    passes = np.broadcast_to(bijector.mask, case.event_shape)
    for y in (bijector.forward(x), bijector.inverse(tf.identity(x))):
        np.testing.assert_array_equal(np.asarray(y == x), np.broadcast_to(passes, x.shape))


@every_coupling
def test_the_network_sees_what_passes_alone(case):
    """The Jacobian is diagonal but for the rows that move and the columns that pass."""
    bijector, x = case.bound(case.shared, ()), case.latents(())
    passes = np.broadcast_to(bijector.mask, case.event_shape).ravel()
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.reshape(bijector.forward(tf.identity(x)), [-1])
    jacobian = tape.jacobian(y, x, experimental_use_pfor=False)
    off = np.reshape(jacobian, (passes.size, passes.size)) * (1 - np.eye(passes.size))
    assert not np.any(off[passes])
    assert not np.any(off[:, ~passes])
    assert np.any(off[~passes])


class Seen(keras.layers.Layer):
    """Remembers its input and returns zeros for `outputs` channels."""

    def __init__(self, outputs):
        super().__init__(dtype="float64")
        self.outputs, self.built, self.inputs = outputs, True, None

    def call(self, x):
        self.inputs = x
        return tf.zeros_like(x[..., :1]) + tf.zeros([self.outputs], x.dtype)


@pytest.mark.parametrize(
    ("mask", "seen"),
    [
        (masks.half(4), lambda x: x[:, :2]),
        (masks.half(4, 1), lambda x: x[:, 2:]),
        (masks.alternating(4), lambda x: x[:, 0::2]),
        (masks.alternating(4, 1), lambda x: x[:, 1::2]),
        (masks.half(5), lambda x: x * [1, 1, 0, 0, 0]),
        (np.array([False, True, True, False]), lambda x: x[:, 1:3]),
        (np.array([True, False, False, True]), lambda x: x.numpy()[:, [0, 3]]),
        (masks.channels(4, 1), lambda x: x[..., 2:]),
        (masks.checkerboard(2, 3), lambda x: x * masks.checkerboard(2, 3)),
        (np.array([False, True])[:, None, None], lambda x: x[:, 1:]),
    ],
)
def test_even_masks_pack_and_others_show_zeros(mask, seen):
    x = normal((3, *np.maximum(mask.shape, [2, 3, 4] if mask.ndim == 3 else 1)))
    wanted = seen(x)
    network = Seen(wanted.shape[-1])
    y, log_det = Coupling(mask, network, Additive()).forward_and_log_det(x)
    close(network.inputs, wanted, 0.0)
    close(y, x, 0.0)
    close(log_det, np.zeros(3), 0.0)


def test_nan_that_moves_does_not_reach_the_network():
    """A mask by multiplication would let NaN through."""
    network = Seen(5)
    x = tf.where(masks.half(5), normal((3, 5)), tf.constant(np.nan, "float64"))
    Coupling(masks.half(5), network, Additive()).forward(x)
    assert np.all(np.isfinite(network.inputs))


def test_the_first_block_of_channels_shifts_and_the_second_scales():
    class Constant(Seen):
        def call(self, x):
            return tf.zeros_like(x[..., :1]) + tf.constant([1.0, 2.0, 0.5, -0.5], x.dtype)

    affine = Affine(log_scale=lambda raw: raw)
    x = normal((3, 4))
    y, log_det = Coupling(masks.half(4), Constant(4), affine).forward_and_log_det(x)
    close(y[:, 2:], x[:, 2:] * np.exp([0.5, -0.5]) + [1.0, 2.0], 1e-12)
    close(log_det, np.zeros(3), 1e-12)


@pytest.mark.parametrize(
    ("mask", "match"),
    [
        (np.ones(4, bool), "`mask` must pass some elements and move others; all are True"),
        (np.zeros((2, 2, 1), bool), "all are False"),
        (np.array([1, 0]), "`mask` must be a boolean array; received dtype int64"),
        (np.array([1.0, 0.0]), "`mask` must be a boolean array; received dtype float64"),
        (np.bool_(1), "`mask` must be a boolean array"),
    ],
)
def test_wrong_masks(mask, match):
    with pytest.raises(ValueError, match=match):
        Coupling(mask, Seen(4), Additive())


def test_an_unbuilt_network_is_refused():
    with pytest.raises(ValueError, match="`layer` must be built"):
        Coupling(masks.half(4), keras.Sequential([keras.layers.Dense(2)]), Additive())


@pytest.mark.parametrize(
    ("transformer", "wanted"), [(Additive, "2 = 2 x 1"), (Affine, "4 = 2 x 2")]
)
def test_a_network_of_another_width_is_refused(transformer, wanted):
    coupling = Coupling(masks.half(4), Seen(3), transformer())
    with pytest.raises(ValueError, match=f"`conditioner` must return {wanted} channels; 'seen"):
        coupling.forward(normal((3, 4)))


def test_an_affine_transformer_needs_no_dtype_for_float64():
    x = normal((3, 4))
    y, log_det = Coupling(masks.half(4), Seen(4), Affine()).forward_and_log_det(x)
    assert y.dtype == log_det.dtype == tf.float64


# Conditions.


def conditional_coupling():
    (case,) = [c for c in COUPLINGS if c.name == "Coupling-conditional-half-ScaledTanh"]
    return case.shared


def test_a_condition_for_an_unconditional_coupling_is_refused():
    with pytest.raises(ValueError, match="`condition` was given to a coupling with conditional="):
        Coupling(masks.half(4), Seen(2), Additive(), condition=normal((3,)))


@pytest.mark.parametrize(
    ("condition", "match"),
    [
        (normal(()), r"`condition` must be \[\*B, K\]; received a scalar"),
        (normal((4, 3)), r"`condition` of the shape \(4, 3\) does not broadcast with the batch"),
        (normal((5, 7)), r"expected shape=\(None, 3\), found shape=\(5, 7\)"),
    ],
)
def test_wrong_conditions(condition, match):
    with pytest.raises(ValueError, match=match):
        conditional_coupling().condition_on(condition).forward(normal((5, 4)))


def test_binding_again_replaces_the_condition_and_shares_the_network():
    coupling, x = conditional_coupling(), normal((4,))
    first, second = normal((5, 3), seed=1), normal((2, 3), seed=2)
    again = coupling.condition_on(first).condition_on(second)
    close(again.forward(x), coupling.condition_on(second).forward(x), 0.0)
    assert again.forward(x).shape == (2, 4)
    assert {id(v) for v in again.variables} == {id(v) for v in coupling.variables}
    assert coupling.condition is None


def test_a_numpy_condition_keeps_its_precision():
    coupling, x, c = conditional_coupling(), normal((5, 4)), normal((5, 3))
    exact = coupling.condition_on(c).forward(x)
    close(coupling.condition_on(c.numpy()).forward(tf.identity(x)), exact, 0.0)


def test_conditions_widen_a_batch():
    bound = conditional_coupling().condition_on(normal((5, 1, 3)))
    y, log_det = bound.forward_and_log_det(normal((2, 4)))
    assert y.shape == (5, 2, 4)
    assert log_det.shape == (5, 2)
    assert bound.experimental_batch_shape() == (5, 1)


def test_a_wrapped_network_is_shared_by_couplings():
    network = KerasModule(Seen(2))
    first, second = (Coupling(masks.half(4, k), network, Additive()) for k in (0, 1))
    assert first != second
