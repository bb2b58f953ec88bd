"""A class-conditional model at its full size classifies by Bayes' rule."""

import numpy as np
import pytest

import zoo

CLASSES, DRAWS = 10, 4


@pytest.fixture(scope="module")
def digits():
    return zoo.datasets.load("digits")


@pytest.fixture(scope="module")
def fitted(digits):
    model = zoo.get("realnvp_digits", num_classes=CLASSES)
    model.fit(digits.train, digits.train_labels, verbose=0)
    return model


@pytest.fixture(scope="module")
def by_class(fitted, digits):
    """Bits per dimension of every held-out image given each class, [classes, N]."""
    size = len(digits.test)
    given = [np.full(size, k) for k in range(CLASSES)]
    return np.stack([fitted.bits_per_dim(digits.test, k, draws=DRAWS) for k in given])


@pytest.mark.slow
def test_bayes_rule_classifies_held_out_digits(by_class, digits):
    """Discriminant analysis with shrinkage has 98.3 % on this split."""
    assert np.mean(np.argmin(by_class, axis=0) == digits.test_labels) >= 0.985


@pytest.mark.slow
def test_the_true_class_explains_a_digit_best(by_class, digits):
    true = by_class[digits.test_labels, np.arange(len(digits.test))]
    assert true.mean() <= 2.0
    assert true.mean() < by_class.mean(axis=0).mean() - 0.5


@pytest.mark.slow
def test_the_classes_differ_in_the_flow_and_not_in_the_base(fitted):
    latents = np.zeros((CLASSES, 8, 8, 1), np.float32)
    images = fitted.decode(latents, np.arange(CLASSES)).numpy().reshape(CLASSES, -1)
    distances = np.abs(images[:, None] - images[None]).mean(-1)
    assert distances[~np.eye(CLASSES, dtype=bool)].min() > 0.5
