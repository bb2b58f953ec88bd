import numpy as np
import pytest
import tensorflow as tf

from models import CONDITIONS, conditions, data, randomize, twin
from tfflows import Affine, Chain, Coupling
from zoo.diagnosis import first_not_finite
from zoo.watching import watching


def ready(name="realnvp_moons", **overrides):
    model = twin(name, **overrides)
    given = conditions(model) if model.form.conditional else None
    model.initialize(data(model), given)
    return randomize(model, 0.05)


def batch(model):
    rows = data(model, rows=8)
    return {"x": rows, "condition": conditions(model, 8)} if model.form.conditional else rows


def layer(model, name):
    return getattr(model.networks, name)


def spoil(weight, value=np.nan):
    numbers = np.array(weight.numpy())
    numbers.flat[-1] = value
    weight.assign(numbers)


def test_a_good_step_has_no_such_layer_and_changes_nothing():
    model = ready("realnvp_digits", flow_norm="batchnorm", net_norm="batch")
    before = [v.numpy() for v in (*model.variables, model.optimizer.iterations)]
    flow = model.flow
    assert first_not_finite(model, batch(model), step=7) is None
    assert model.flow is flow
    after = [v.numpy() for v in (*model.variables, model.optimizer.iterations)]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("name", "planted", "weight"),
    [
        ("realnvp_moons", "coupling0", "out_bias"),
        ("realnvp_moons", "coupling2", "in_kernel"),
        ("realnvp_moons", "coupling1_log_scale", "scale"),
        ("realnvp_digits", "scale0_checkerboard1", "out_bias"),
        ("realnvp_digits", "scale0_channel0", "out_kernel"),
        ("realnvp_digits", "scale1_checkerboard1", "out_bias"),
    ],
)
def test_weights_that_are_nan_are_named(name, planted, weight):
    model = ready(name)
    spoil(getattr(layer(model, planted), weight))
    found = first_not_finite(model, batch(model))
    assert (found.layer, found.what) == (planted, "weights")
    assert str(found) == f"the weights of {planted!r}"


def test_an_infinite_scale_is_named():
    model = ready("realnvp_moons")
    spoil(layer(model, "coupling1_norm").log_scale, np.inf)
    found = first_not_finite(model, batch(model))
    assert (found.layer, found.what) == ("coupling1_norm", "weights")


def test_a_scale_that_overflows_is_named_though_its_weights_are_finite():
    model = ready("realnvp_moons")
    spoil(layer(model, "coupling1_norm").log_scale, -1e3)
    found = first_not_finite(model, batch(model))
    assert (found.layer, found.what) == ("coupling1_norm", "values")


def test_latents_that_are_too_large_for_the_base_are_told():
    model = ready("realnvp_moons")
    layer(model, "coupling2_norm").shift.assign([1e25, 1e25])
    found = first_not_finite(model, batch(model))
    assert (found.layer, found.what) == ("base", "log-density")


@tf.custom_gradient
def spoils_the_gradient(x):
    return tf.identity(x), lambda upstream: upstream * np.nan


class Spoils(Affine):
    def inverse_and_log_det(self, y, params):
        x, log_det = super().inverse_and_log_det(y, spoils_the_gradient(params))
        return x, log_det


def with_spoiled_gradient(model, name):
    parts = [
        part.copy(transformer=Spoils(part.parameters["transformer"].log_scale))
        if isinstance(part, Coupling) and part.name == name
        else part
        for part in model.flow.bijectors
    ]
    model.flow = Chain(parts)
    return model


@pytest.mark.parametrize("name", ["coupling0", "coupling1", "coupling2"])
def test_a_gradient_that_is_nan_is_named_though_all_values_are_finite(name):
    model = with_spoiled_gradient(ready("realnvp_moons"), name)
    found = first_not_finite(model, batch(model))
    assert (found.layer, found.what) == (name, "gradient")


def test_rows_that_are_not_finite_are_told():
    model = ready("realnvp_moons")
    rows = batch(model)
    rows[3, 1] = np.nan
    assert str(first_not_finite(model, rows)) == "the rows of 'data'"


@pytest.mark.parametrize("kind", CONDITIONS)
def test_a_conditional_model_is_walked_too(kind):
    model = ready("realnvp_moons", **CONDITIONS[kind])
    assert first_not_finite(model, batch(model)) is None
    spoil(layer(model, "coupling1").trainable_weights[0])
    assert first_not_finite(model, batch(model)).layer == "coupling1"


def test_noise_is_that_of_the_step():
    model = ready("realnvp_digits")
    seen = []
    for step in (3, 4, 3):
        model.optimizer.iterations.assign(step)
        with watching(model) as passages:
            model(batch(model), training=True)
        seen.append(passages[-1].taken.numpy())
    np.testing.assert_array_equal(seen[0], seen[2])
    assert (seen[0] != seen[1]).any()


@pytest.mark.parametrize("name", ["realnvp_moons", "realnvp_digits"])
def test_what_is_watched_is_what_the_flow_does(name):
    model = ready(name)
    rows = batch(model)
    plain = model(rows)
    with watching(model) as passages:
        watched = model(rows)
    np.testing.assert_array_equal(plain, watched)
    *layers, whole = passages
    x, log_det = model.flow.inverse_and_log_det(whole.taken)
    np.testing.assert_array_equal(whole.made, x)
    total = sum(passage.log_det for passage in layers)
    np.testing.assert_allclose(total, log_det, rtol=1e-4, atol=1e-3)
    names = [p.layer.name for p in layers]
    wanted = [p.name for p in model.flow.bijectors]
    assert [n for n in names if n in wanted] == [n for n in wanted if n in names]
    assert set(wanted) - set(names) <= {"factor_out"}


@pytest.mark.parametrize("name", ["realnvp_moons", "realnvp_digits"])
def test_log_scales_are_those_of_the_elements_that_move(name):
    model = ready(name)
    with watching(model) as passages:
        model(batch(model))
    couplings = [p for p in passages if isinstance(p.layer, Coupling)]
    assert couplings
    for passage in couplings:
        moving = passage.taken.shape.num_elements() * float((~passage.layer.mask).mean())
        assert passage.log_scales.shape == [round(moving)]
        total = -tf.reduce_sum(passage.log_scales)
        np.testing.assert_allclose(total, tf.reduce_sum(passage.log_det), rtol=1e-4)
