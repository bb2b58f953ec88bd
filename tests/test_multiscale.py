"""What layers and scales of image flows do, pixel by pixel."""

import numpy as np
import pytest
import tensorflow as tf

from models import CONDITIONS, conditions, data, randomize, twin
from tfflows import Squeeze, masks
from zoo.places import places, scales
from zoo.runs.observers import multiscale
from zoo.runs.observers.fixed_rows import FixedRows

SIZE, CHANNELS = 8, 3


def ready(name, **overrides):
    model = twin(name, **overrides)
    x = data(model)
    model.initialize((x, conditions(model)) if model.form.conditional else x)
    return randomize(model, 0.05)


@pytest.fixture(scope="module")
def model():
    return ready("realnvp_digits", image_shape=(SIZE, SIZE, CHANNELS), scales=3)


def fixed(model, n=3):
    x = data(model)
    return FixedRows.of(model, (x, conditions(model)) if model.form.conditional else x, n)


def of_kind(found, kind):
    return {name: values for name, values in found.items() if kind in name}


def test_a_checkerboard_changes_the_pixels_that_its_mask_does_not_pass(model):
    boards = of_kind(multiscale.changes(model, fixed(model)), "scale0_checkerboard")
    assert list(boards) == ["scale0_checkerboard0", "scale0_checkerboard1"]
    for parity, sizes in enumerate(boards.values()):
        assert sizes.shape == (3, SIZE, SIZE)
        moves = ~masks.checkerboard(SIZE, SIZE, parity)[..., 0]
        np.testing.assert_array_equal(sizes > 0, np.broadcast_to(moves, sizes.shape))


def test_channels_are_the_pixels_that_the_squeeze_made_them_of(model):
    channels = of_kind(multiscale.changes(model, fixed(model)), "scale0_channel")
    assert len(channels) == 2
    for parity, sizes in enumerate(channels.values()):
        mask = np.broadcast_to(masks.channels(4 * CHANNELS, parity), (1, 4, 4, 4 * CHANNELS))
        passes = Squeeze(2).forward(tf.constant(mask, tf.float32)).numpy()[0].astype(bool)
        np.testing.assert_array_equal(sizes > 0, np.broadcast_to(~passes[..., 0], sizes.shape))
        assert (passes == passes[..., :1]).all()


def test_pixels_that_have_left_are_not_there(model):
    found = multiscale.changes(model, fixed(model))
    of_scale = scales(model.flow, model.event_shape)
    assert (of_scale == of_scale[..., :1]).all()
    for name, sizes in found.items():
        number = int(name.removeprefix("scale")[0])
        gone = np.broadcast_to(of_scale[..., 0] < number, sizes.shape)
        np.testing.assert_array_equal(np.isnan(sizes), gone)
    assert list(found) == [
        "scale0_checkerboard0",
        "scale0_checkerboard1",
        "scale0_channel0",
        "scale0_channel1",
        "scale1_checkerboard0",
        "scale1_checkerboard1",
        "scale1_channel0",
        "scale1_channel1",
        "scale2_checkerboard0",
        "scale2_checkerboard1",
    ]


def test_a_checkerboard_of_a_deeper_scale_is_one_of_what_is_left(model):
    sizes = multiscale.changes(model, fixed(model))["scale1_checkerboard0"][0]
    # Of each block of 2 x 2 pixels the upper two go on, as the channels of one place.
    left = sizes[::2].reshape(4, 4, 2)
    moves = ~masks.checkerboard(4, 4, 0)
    np.testing.assert_array_equal(left > 0, np.broadcast_to(moves, left.shape))
    assert np.isnan(sizes[1::2]).all()


def test_sizes_are_the_norms_over_the_channels(model):
    rows = fixed(model)
    sizes = multiscale.changes(model, rows)["scale0_checkerboard0"]
    noisy = model._noise(tf.constant(rows.x), tf.constant([model.spec.seed, -1]))[0]
    pixels, coupling = model.flow.bijectors[:2]
    taken = pixels.inverse_and_log_det(noisy, 3)[0]
    made = coupling.inverse_and_log_det(taken, 3)[0]
    wanted = np.linalg.norm(made - taken, axis=-1)
    np.testing.assert_allclose(sizes, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", CONDITIONS)
def test_conditional_models_have_changes_and_scales(kind):
    model = ready("realnvp_digits", **CONDITIONS[kind])
    rows = fixed(model)
    moves = ~masks.checkerboard(4, 4)[..., 0]
    sizes = multiscale.changes(model, rows)["scale0_checkerboard0"]
    np.testing.assert_array_equal(sizes > 0, np.broadcast_to(moves, sizes.shape))
    for images in multiscale.frozen_scales(model, rows, 3).values():
        assert images.shape == (3, *model.event_shape)


def test_places_are_those_of_the_pixels(model):
    found = places(model.flow, model.event_shape)
    assert [layer.name for layer, _ in found][:3] == [
        "pixels",
        "scale0_checkerboard0",
        "scale0_checkerboard0_norm",
    ]
    everything = np.arange(SIZE * SIZE * CHANNELS).reshape(SIZE, SIZE, CHANNELS)
    np.testing.assert_array_equal(found[0][1], everything)
    squeezed = dict((layer.name, at) for layer, at in found)["scale0_channel0"]
    assert squeezed.shape == (4, 4, 12)
    np.testing.assert_array_equal(squeezed[1, 2, :3], everything[2, 4])
    np.testing.assert_array_equal(squeezed[1, 2, 3:6], everything[2, 5])
    np.testing.assert_array_equal(squeezed[1, 2, 6:9], everything[3, 4])


def test_latents_of_a_scale_depend_on_no_deeper_one(model):
    of_scale = scales(model.flow, model.event_shape)
    assert [(of_scale == k).mean() for k in range(3)] == [0.5, 0.25, 0.25]
    rows = fixed(model).real
    other = ready("realnvp_digits", image_shape=(SIZE, SIZE, CHANNELS), scales=3)
    for number in (1, 2):
        for variable in other.trainable_variables:
            if f"scale{number}_" in variable.path:
                variable.assign(variable + 0.1)
        differs = (model.encode(rows) != other.encode(rows)).numpy().any(axis=0)
        other.set_weights(model.get_weights())
        assert not differs[of_scale < number].any()
        assert differs[of_scale >= number].mean() > 0.9


def test_frozen_latents_are_those_of_the_first_row_and_the_others_are_free(model):
    of_scale = scales(model.flow, model.event_shape)
    lines = multiscale.frozen_latents(model, 5)
    free = lines["nothing frozen"]
    assert len(np.unique(free, axis=0)) == 5
    wanted = {
        "frozen: scale 0, 0.5 of the latents": of_scale == 0,
        "frozen: scales 1 to 2, 0.5 of the latents": of_scale >= 1,
        "frozen: scales 0 to 1, 0.75 of the latents": of_scale <= 1,
        "frozen: scale 2, 0.25 of the latents": of_scale == 2,
    }
    assert list(lines) == ["nothing frozen", *wanted]
    for caption, within in wanted.items():
        latents = lines[caption]
        assert (latents[:, within] == free[0, within]).all()
        np.testing.assert_array_equal(latents[:, ~within], free[:, ~within])
        np.testing.assert_array_equal(latents[0], free[0])


def test_the_images_are_those_of_the_latents(model):
    rows = fixed(model)
    latents = multiscale.frozen_latents(model, 4)
    images = multiscale.frozen_scales(model, rows, 4)
    assert list(images) == list(latents)
    for caption, z in latents.items():
        np.testing.assert_allclose(images[caption], model.decode(z), atol=1e-4)
    within = np.clip(images["nothing frozen"], 0, model.levels)
    np.testing.assert_allclose(within, model.sample(4, seed=0), atol=1e-3)


def test_a_flow_of_one_scale_has_changes_and_no_scales():
    model = ready("nice_mnist")
    assert (scales(model.flow, model.event_shape) == 0).all()
    assert multiscale.frozen_scales(model, fixed(model), 4) == {}
    found = multiscale.changes(model, fixed(model))
    for parity, sizes in enumerate(found.values()):
        moves = ~masks.alternating(model.event_shape[1], parity % 2)
        np.testing.assert_array_equal(sizes > 0, np.broadcast_to(moves, sizes.shape))
