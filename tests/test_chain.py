"""Order, initialisation, and what a chain refuses; `foreign` speaks to TFP's parts."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from bijector_cases import mixed_parts, normal, randomized, vector_coupling
from checks import close
from tfflows import ActNorm, Chain, FactorOut, Pixels, Reverse, Standardize


def test_the_order_is_that_of_tfb_chain():
    parts = randomized(Chain(mixed_parts(0, "float64")), 0).bijectors
    x = normal((3, 4))
    close(Chain(parts).forward(x), tfb.Chain(parts).forward(tf.identity(x)), 1e-12)
    two = [tfb.Shift(np.float64(1.0)), tfb.Scale(np.float64(2.0))]
    close(Chain(two).forward(x), 2.0 * x + 1.0, 1e-12)


def test_a_chain_has_the_largest_event_of_its_parts():
    chain = Chain([Pixels(17), Reverse()])
    assert chain.forward_min_event_ndims == 1
    x = normal((3, 4))
    close(chain.forward_and_log_det(x)[1], Pixels(17).forward_and_log_det(x, 1)[1], 1e-12)
    assert Chain([]).forward_min_event_ndims == 0


def test_parts_keep_their_order_and_the_list_is_ones_own():
    parts = mixed_parts(0, "float64")
    chain = Chain(parts)
    parts.reverse()
    assert chain.bijectors == parts[::-1]


def test_a_part_may_stand_twice():
    part = randomized(vector_coupling(0, "float64", "a"), 0)
    chain, x = Chain([part, Reverse(), part]), normal((3, 4))
    assert len(chain.variables) == len(part.variables)
    y, log_det = chain.forward_and_log_det(x)
    back, inverse_log_det = chain.inverse_and_log_det(y)
    close(back, x, 1e-12)
    close(inverse_log_det, -log_det, 1e-12)


@pytest.mark.parametrize("part", [lambda x: x, "ab", None])
def test_no_bijector_is_refused(part):
    with pytest.raises(TypeError, match="`bijectors` must hold bijectors; received"):
        Chain([part])


@pytest.mark.parametrize("part", [tfb.Reshape([4], [2, 2]), tfb.CorrelationCholesky()])
def test_a_part_that_changes_the_rank_is_refused(part):
    with pytest.raises(ValueError, match="`bijectors` must keep the rank of the event"):
        Chain([part])


def test_tfps_conditional_compositions_are_refused():
    inside = tfb.Chain([vector_coupling(0, "float64", "a", conditional=True)])
    for call in (lambda c: c.conditional, lambda c: c.condition_on(normal((3,)))):
        with pytest.raises(ValueError, match="is TFP's and cannot pass a condition on"):
            call(Chain([inside]))


def test_a_bound_part_may_stand_in_tfps_chain():
    bound = vector_coupling(0, "float64", "a", conditional=True).condition_on(normal((3,)))
    x = normal((2, 4))
    close(Chain([tfb.Chain([bound])]).forward(x), bound.forward(tf.identity(x)), 1e-12)


def test_initialize_walks_from_the_data_to_the_latents():
    data = 5.0 + 3.0 * normal((200, 4), seed=2)
    norms = [ActNorm(4, name=f"norm{k}", dtype="float64") for k in range(2)]
    deep = ActNorm(2, name="deep", dtype="float64")
    chain = Chain(
        [
            Standardize(4, dtype="float64"),
            randomized(vector_coupling(0, "float64", "a"), 0),
            norms[0],
            tfb.Scale(np.float64(7.0)),
            randomized(vector_coupling(1, "float64", "b", 1), 1),
            norms[1],
            FactorOut(Chain([Reverse(), deep])),
        ]
    )
    latents = chain.initialize(data)
    close(latents, chain.inverse(data), 1e-12)
    assert all(part.initialized for part in (chain.bijectors[0], *norms, deep))
    close(np.mean(latents, axis=0), np.zeros(4), 1e-9)
    close(np.std(latents, axis=0), np.ones(4), 1e-4)
    middle = chain.bijectors[1].inverse(chain.bijectors[0].inverse(data))
    close(np.mean(norms[0].inverse(middle), axis=0), np.zeros(4), 1e-9)


@pytest.mark.parametrize("wrapper", [lambda norm: tfb.Chain([norm]), tfb.Invert])
def test_what_tfps_parts_would_leave_uninitialized_is_refused(wrapper):
    norm = ActNorm(4)
    with pytest.raises(ValueError, match="is TFP's and cannot initialize 'actnorm' from data"):
        Chain([wrapper(norm)]).initialize(normal((9, 4), dtype="float32"))
    norm.initialize(normal((9, 4), dtype="float32"))
    Chain([wrapper(norm)]).initialize(normal((9, 4), dtype="float32"))
