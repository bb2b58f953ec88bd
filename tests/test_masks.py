import numpy as np
import pytest

from tfflows import masks


def test_checkerboard():
    wanted = np.array([[1, 0, 1], [0, 1, 0]], bool)
    np.testing.assert_array_equal(masks.checkerboard(2, 3)[:, :, 0], wanted)
    np.testing.assert_array_equal(masks.checkerboard(2, 3, 1)[:, :, 0], ~wanted)
    assert masks.checkerboard(2, 3).shape == (2, 3, 1)


def test_half_and_channels():
    np.testing.assert_array_equal(masks.half(4), [True, True, False, False])
    np.testing.assert_array_equal(masks.half(5), [True, True, False, False, False])
    np.testing.assert_array_equal(masks.half(5, 1), ~masks.half(5))
    np.testing.assert_array_equal(masks.channels(6, 1), masks.half(6, 1)[None, None])
    assert masks.channels(6).shape == (1, 1, 6)


def test_alternating():
    np.testing.assert_array_equal(masks.alternating(5), [True, False, True, False, True])
    np.testing.assert_array_equal(masks.alternating(5, 1), ~masks.alternating(5))


@pytest.mark.parametrize("make", [masks.half, masks.alternating, masks.channels])
def test_two_parities_cover_everything_once(make):
    for size in (2, 3, 8):
        assert make(size).dtype == bool
        assert np.all(make(size, 0) ^ make(size, 1))
        assert 0 < make(size).sum() < size


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: masks.checkerboard(0, 3), "`height` must be an integer of at least 1"),
        (lambda: masks.checkerboard(3, 2.0), "`width` must be an integer of at least 1"),
        (lambda: masks.checkerboard(3, 3, 2), "`parity` must be 0 or 1; received 2"),
        (lambda: masks.half(1), "`size` must be an integer of at least 2; received 1"),
        (lambda: masks.channels(1), "at least 2; received 1"),
        (lambda: masks.alternating(4, -1), "`parity` must be 0 or 1; received -1"),
    ],
)
def test_wrong_arguments(make, match):
    with pytest.raises(ValueError, match=match):
        make()
