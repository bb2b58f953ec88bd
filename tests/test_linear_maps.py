"""Linear maps of vectors: their matrices, against NumPy, before and after large steps."""

import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import normal, randomized
from checks import close
from tfflows import PLU, DenseAffine, Householder, KerasModule

D = 5
MAKERS = {
    "PLU": lambda seed, dtype="float64": PLU(D, seed, dtype=dtype),
    "DenseAffine": lambda seed, dtype="float64": DenseAffine.random(D, seed=seed, dtype=dtype),
    "Householder": lambda seed, dtype="float64": Householder(D, seed=seed, dtype=dtype),
}
every_map = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def layer(bijector):
    (module,) = [m for m in bijector.submodules if isinstance(m, KerasModule)]
    return module.layer


@every_map
def test_they_multiply_by_their_matrix_and_shift(make):
    bijector, x = randomized(make(0), 0), normal((2, 4, D))
    y, log_det = bijector.forward_and_log_det(x)
    matrix, shift = bijector.matrix.numpy(), layer(bijector).shift.numpy()
    close(y, np.einsum("ij,...j->...i", matrix, x) + shift, 1e-13)
    close(log_det, np.full((2, 4), np.linalg.slogdet(matrix)[1]), 1e-12)
    back, ildj = bijector.inverse_and_log_det(y)
    close(back, x, 1e-12)
    close(back, np.einsum("ij,...j->...i", np.linalg.inv(matrix), y - shift), 1e-12)
    close(ildj, -log_det, 1e-13)
    assert np.any(shift != 0)


@every_map
def test_they_start_orthogonal_as_the_seed_has_it(make):
    first, again, other = (make(seed).matrix for seed in (1, 1, 2))
    close(first @ tf.transpose(first), np.eye(D), 1e-13)
    close(first, again, 0.0)
    assert np.max(np.abs(first - other)) > 0.1
    close(make(1).forward(tf.zeros([D], "float64")), np.zeros(D), 0.0)


@every_map
def test_weights_travel_to_a_twin_of_another_seed(make):
    source, twin = randomized(make(1), 1), make(2)
    x = normal((3, D))
    y = source.forward(x)
    assert np.max(np.abs(twin.forward(tf.identity(x)) - y)) > 0.1
    layer(twin).set_weights(layer(source).get_weights())
    close(twin.forward(tf.identity(x)), y, 0.0)
    close(twin.matrix, source.matrix, 0.0)


@every_map
def test_gradients_compile(make):
    bijector, x = randomized(make(0), 0), normal((3, D))

    def gradients(x):
        with tf.GradientTape() as tape:
            y, fldj = bijector.forward_and_log_det(x)
            back, ildj = bijector.inverse_and_log_det(x)
            loss = tf.reduce_sum(tf.sin(y)) + tf.reduce_sum(tf.cos(back)) + fldj[0] - 2.0 * ildj[1]
        return tape.gradient(loss, bijector.trainable_variables)

    compiled = tf.function(gradients, jit_compile=True)
    for actual, wanted in zip(compiled(x), gradients(x), strict=True):
        close(actual, wanted, 1e-11)


@every_map
def test_images_count_each_position(make):
    bijector, x = randomized(make(0), 0), normal((4, 2, 3, D))
    _, log_det = bijector.forward_and_log_det(x, event_ndims=3)
    close(log_det, np.full(4, 6.0 * np.linalg.slogdet(bijector.matrix)[1]), 1e-11)


@every_map
def test_another_size_is_refused(make):
    with pytest.raises(ValueError, match=rf"takes events of the sizes \({D},\)"):
        make(0).forward(normal((3, D + 1)))


# PLU.


@pytest.mark.parametrize("size", [1, 2, 3, 8, 64])
def test_plu_starts_as_a_rotation_of_any_size(size):
    for seed in range(5):
        bijector = PLU(size, seed, dtype="float64")
        close(bijector.matrix @ tf.transpose(bijector.matrix), np.eye(size), 1e-11)
        _, log_det = bijector.forward_and_log_det(tf.zeros([size], "float64"))
        close(log_det, 0.0, 1e-11)


def test_plu_starts_as_the_identity_where_there_is_no_seed():
    bijector, x = PLU(D, None), normal((3, D), dtype="float32")
    close(bijector.forward(x), x, 0.0)
    close(bijector.matrix, np.eye(D), 0.0)


def test_plu_has_a_factor_each_and_fixed_signs_and_order():
    bijector = PLU(D, 3)
    assert sum(v.shape.num_elements() for v in bijector.trainable_variables) == D * D + D
    fixed = {v.name: v.numpy() for v in layer(bijector).non_trainable_variables}
    assert fixed.keys() == {"sign", "order"}
    assert set(fixed["sign"]) <= {-1, 1}
    assert sorted(fixed["order"]) == list(range(D))
    assert list(fixed["order"]) != list(range(D))


def test_plu_keeps_the_sign_of_its_determinant():
    bijector = PLU(D, 3, dtype="float64")
    sign = np.sign(np.linalg.det(bijector.matrix))
    factors = layer(bijector).factors
    for seed in range(20):
        factors.assign_add(normal((D, D), seed))
        matrix = bijector.matrix.numpy()
        assert np.linalg.slogdet(matrix)[0] == sign
        _, log_det = bijector.forward_and_log_det(normal((D,), seed))
        close(log_det, np.linalg.slogdet(matrix)[1], 1e-5)


@pytest.mark.parametrize("push", [-1e3, 1e3])
def test_plu_is_never_singular_however_far_it_is_pushed(push):
    bijector, x = PLU(D, 3), normal((4, D), dtype="float32")
    layer(bijector).factors.assign_add(push * np.eye(D))
    y, log_det = bijector.forward_and_log_det(x)
    close(log_det, np.full(4, np.sign(push) * 7.0 * D, "float32"), 1e-5)
    back, _ = bijector.inverse_and_log_det(y)
    assert np.all(np.isfinite(back))


# Householder.


@pytest.mark.parametrize("reflections", [1, 2, 5, 8])
def test_householder_is_the_product_of_its_reflections(reflections):
    bijector = randomized(Householder(D, reflections, dtype="float64"), 0)
    product = np.eye(D)
    for vector in layer(bijector).vectors.numpy():
        unit = vector / np.linalg.norm(vector)
        product = product @ (np.eye(D) - 2.0 * np.outer(unit, unit))
    close(bijector.matrix, product, 1e-13)
    close(np.linalg.det(product), (-1.0) ** reflections, 1e-12)


@pytest.mark.parametrize("size", [1e-15, 1e3])
def test_householder_stays_orthogonal(size):
    bijector = Householder(D, 7, dtype="float64")
    vectors = layer(bijector).vectors
    for seed in range(5):
        vectors.assign(size * normal((7, D), seed))
        close(bijector.matrix @ tf.transpose(bijector.matrix), np.eye(D), 1e-12)
    vectors.assign(np.ones([7, D]))
    close(bijector.matrix, np.eye(D) - 2.0 / D * np.ones([D, D]), 1e-12)
    vectors.assign(np.zeros([7, D]))
    close(bijector.matrix, np.eye(D), 0.0)


# DenseAffine.


def test_dense_starts_as_the_matrix_that_is_given():
    matrix = normal((D, D), 3).numpy()
    bijector = DenseAffine(matrix, dtype="float64")
    close(bijector.matrix, matrix, 0.0)
    integers = DenseAffine([[2, 1], [1, 1]])
    close(integers.forward(tf.constant([1.0, 1.0])), np.float32([3.0, 2.0]), 0.0)


RANK_TWO = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (
            lambda: DenseAffine(RANK_TWO),
            "`matrix` must be invertible in float32; received one of rank 2 of 3, condition number",
        ),
        (lambda: DenseAffine(np.zeros((2, 2))), "rank 0 of 2, condition number inf"),
        (lambda: DenseAffine(np.diag([1.0, 1e-9])), "rank 1 of 2, condition number 1.0e[+]09"),
        (lambda: DenseAffine(np.diag([1.0, np.nan])), "`matrix` must hold finite numbers"),
        (lambda: DenseAffine(np.ones((2, 3))), r"`matrix` must be square .* shape \(2, 3\)"),
        (lambda: DenseAffine(3), r"`matrix` must be square .* received the shape \(\)"),
        (lambda: DenseAffine(np.zeros((0, 0))), "`matrix` must be square"),
        (lambda: DenseAffine.random(0, seed=0), "`size` must be at least 1; received 0"),
        (lambda: PLU(0), "`size` must be at least 1; received 0"),
        (lambda: Householder(0), "`size` must be at least 1; received 0"),
        (lambda: Householder(3, 0), "`reflections` must be at least 1; received 0"),
    ],
)
def test_wrong_arguments(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_what_float64_can_invert_is_taken_in_float64():
    DenseAffine(np.diag([1.0, 1e-9]), dtype="float64")
