"""Flows inside other people's programs: joint distributions, variational inference, HMC.

Plain Keras networks and `tfflows` alone, as a TFP user has them.
"""

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from tfflows import Affine, Chain, Coupling, ScaledTanh, masks

D = 2
LOG_2PI = math.log(2 * math.pi)
COVARIANCE = np.array([[1.0, 0.9], [0.9, 1.5]], np.float32)
MEAN = np.array([1.0, -2.0], np.float32)


def network(seed, condition_dim=0):
    """Returns a plain Keras network from half of the variables to shift and log-scale."""
    x = keras.Input((D // 2,))
    hidden = x
    inputs = x
    if condition_dim:
        condition = keras.Input((condition_dim,))
        inputs = [x, condition]
        hidden = keras.layers.Concatenate()(inputs)
    init = keras.initializers.GlorotUniform(seed=seed)
    hidden = keras.layers.Dense(16, "tanh", kernel_initializer=init)(hidden)
    init = keras.initializers.RandomNormal(stddev=0.2, seed=seed)
    return keras.Model(inputs, keras.layers.Dense(D, kernel_initializer=init)(hidden))


def make_flow(couplings=4, condition_dim=0, seed=0):
    parts = []
    for k in range(couplings):
        affine = Affine(ScaledTanh(name=f"scale{k}"))
        part = Coupling(
            masks.alternating(D, parity=k % 2),
            network(10 * seed + k, condition_dim),
            affine,
            conditional=condition_dim > 0,
            name=f"coupling{k}",
        )
        parts.append(part)
    return Chain(parts)


def base():
    return tfd.MultivariateNormalDiag(tf.zeros(D))


def normal_log_prob(z):
    return -0.5 * np.sum(np.square(z), -1) - 0.5 * D * LOG_2PI


def by_hand(flow, y):
    """Returns log p(y) by the gradient of each latent."""
    y = tf.constant(y)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(y)
        z, _ = flow.inverse_and_log_det(y)
        each = tf.unstack(z, axis=-1)
    jacobian = np.stack([tape.gradient(latent, y) for latent in each], axis=-2)
    return normal_log_prob(z) + np.linalg.slogdet(jacobian)[1]


# A component of a joint distribution


def test_a_flow_is_a_component_of_a_joint_distribution():
    flow = make_flow()

    @tfd.JointDistributionCoroutineAutoBatched
    def model():
        place = yield tfd.TransformedDistribution(base(), flow, name="place")
        yield tfd.Normal(place[..., 0], 0.5, name="reading")

    assert model.event_shape.place == (D,)
    assert model.event_shape.reading == ()
    assert model.batch_shape == ()
    one = model.sample(seed=1)
    assert one.place.shape == (D,)
    assert model.log_prob(one).shape == ()
    many = model.sample(7, seed=1)
    assert many.place.shape == (7, D)
    assert many.reading.shape == (7,)
    found = model.log_prob(many)
    assert found.shape == (7,)
    place, reading = many.place.numpy(), many.reading.numpy()
    noise = (reading - place[:, 0]) / 0.5
    wanted = by_hand(flow, place) - 0.5 * noise**2 - math.log(0.5) - 0.5 * LOG_2PI
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    pinned = model.experimental_pin(reading=1.0)
    assert pinned.log_prob(place=place[0]).shape == ()
    assert {id(v) for v in model.trainable_variables} == {id(v) for v in flow.trainable_variables}


def test_a_conditional_flow_is_a_component_of_a_joint_distribution():
    flow = make_flow(condition_dim=3)

    @tfd.JointDistributionCoroutineAutoBatched
    def model():
        cause = yield tfd.Sample(tfd.Normal(0.0, 1.0), 3, name="cause")
        yield tfd.TransformedDistribution(base(), flow.condition_on(cause), name="effect")

    assert model.event_shape.effect == (D,)
    one = model.sample(seed=1)
    assert one.effect.shape == (D,)
    many = model.sample(7, seed=2)
    assert many.cause.shape == (7, 3)
    assert many.effect.shape == (7, D)
    found = model.log_prob(many)
    assert found.shape == (7,)
    cause, effect = many.cause.numpy(), many.effect.numpy()
    wanted = -0.5 * np.sum(cause**2, -1) - 1.5 * LOG_2PI
    wanted = wanted + by_hand(flow.condition_on(cause), effect)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    moved = model.log_prob(cause=np.roll(cause, 1, 0), effect=effect)
    assert np.all(np.abs(moved - found) > 1e-3)


def test_a_batch_of_conditions_is_a_batch_of_distributions():
    flow = make_flow(condition_dim=3)
    conditions = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)

    @tfd.JointDistributionCoroutineAutoBatched
    def model():
        yield tfd.TransformedDistribution(base(), flow.condition_on(conditions), name="effect")

    many = model.sample(7, seed=2)
    assert many.effect.shape == (7, 5, D)
    # Without `batch_ndims` an auto-batched model takes all of a batch as its event.
    assert model.log_prob(many).shape == (7,)
    wanted = by_hand(flow.condition_on(conditions), many.effect.numpy())
    np.testing.assert_allclose(model.log_prob(many), wanted.sum(-1), rtol=1e-4, atol=1e-3)


# A surrogate posterior


def test_a_surrogate_posterior_reaches_a_correlated_gaussian():
    target = tfd.MultivariateNormalTriL(MEAN, np.linalg.cholesky(COVARIANCE))
    surrogate = tfd.TransformedDistribution(base(), make_flow())
    losses = tfp.vi.fit_surrogate_posterior(
        target.log_prob,
        surrogate,
        optimizer=keras.optimizers.Adam(5e-3),
        num_steps=600,
        sample_size=64,
        seed=[1, 2],
        trainable_variables=surrogate.trainable_variables,
        jit_compile=True,
    )
    assert losses[0] > 0.5
    y, log_prob = surrogate.experimental_sample_and_log_prob(20_000, seed=[3, 4])
    divergence = np.mean(log_prob - target.log_prob(y))  # KL: 0 at the optimum
    assert -0.02 < divergence < 0.05
    np.testing.assert_allclose(np.mean(y, axis=0), MEAN, atol=0.1)
    np.testing.assert_allclose(np.cov(np.transpose(y)), COVARIANCE, atol=0.2)


# The bijector of a transition kernel


def test_hmc_through_a_flow_has_the_right_moments():
    target = tfd.MultivariateNormalTriL(MEAN, np.linalg.cholesky(COVARIANCE))
    kernel = tfp.mcmc.TransformedTransitionKernel(
        tfp.mcmc.HamiltonianMonteCarlo(target.log_prob, step_size=0.4, num_leapfrog_steps=4),
        bijector=make_flow(couplings=2),
    )

    @tf.function(jit_compile=True, autograph=False)
    def run():
        return tfp.mcmc.sample_chain(
            400,
            current_state=tf.zeros([50, D]),
            kernel=kernel,
            num_burnin_steps=100,
            trace_fn=lambda _, results: results.inner_results.is_accepted,
            seed=[5, 6],
        )

    states, accepted = run()
    assert np.all(np.isfinite(states))
    assert np.mean(accepted) > 0.6
    size = tfp.mcmc.effective_sample_size(states, cross_chain_dims=1).numpy()
    assert np.all(size > 1000)
    rows = np.reshape(states, (-1, D))
    error = np.sqrt(np.diag(COVARIANCE) / size)
    assert np.all(np.abs(rows.mean(axis=0) - MEAN) < 4 * error)
    spread = np.sqrt(np.outer(np.diag(COVARIANCE), np.diag(COVARIANCE)) + COVARIANCE**2)
    assert np.all(np.abs(np.cov(rows.T) - COVARIANCE) < 5 * spread / math.sqrt(size.min()))
