"""Rows by number, and batches as a function of the step."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.prepare import ArrayRows, Form, RowSource, from_step, prepare

PLAIN = Form(event_shape=(1,))
ROWS = ArrayRows({"x": np.arange(10, dtype=np.float32)[:, None]})


def drawn(number, *, rows=ROWS, form=PLAIN, batch_size=4, seed=3, step=0):
    batches = from_step(rows, form, batch_size=batch_size, seed=seed, step=step).take(number)
    return [{key: value.numpy() for key, value in batch.items()} for batch in batches]


def numbers(batches):
    return np.concatenate([batch["x"][:, 0] for batch in batches]).astype(int)


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_a_batch_is_a_function_of_its_step(step):
    straight = drawn(step + 3)[step:] if step < 100 else drawn(3, step=step)
    for a, b in zip(straight, drawn(3, step=step), strict=True):
        np.testing.assert_array_equal(a["x"], b["x"])


def test_each_pass_is_a_permutation_of_its_own():
    order = numbers(drawn(10)).reshape(4, 10)
    assert (np.sort(order, axis=1) == np.arange(10)).all()
    assert len({tuple(row) for row in order}) == 4
    assert not (order == np.arange(10)).all(axis=1).any()


def test_seeds_give_orders():
    assert not (numbers(drawn(10)) == numbers(drawn(10, seed=4))).all()


def test_a_batch_may_be_larger_than_the_data():
    batch = numbers(drawn(1, batch_size=25))
    assert sorted(batch[:10]) == sorted(batch[10:20]) == list(range(10))


def test_a_single_row():
    rows = ArrayRows({"x": np.ones((1, 1), np.float32)})
    assert numbers(drawn(2, rows=rows)).tolist() == [1] * 8


def test_a_condition_stays_with_its_row():
    rows = ArrayRows({"x": np.arange(10, dtype=np.float32)[:, None], "condition": np.arange(10)})
    form = Form(event_shape=(1,), num_classes=10)
    for batch in drawn(5, rows=rows, form=form):
        np.testing.assert_array_equal(batch["x"][:, 0], batch["condition"])


def test_images_are_mirrored_by_the_step():
    image = np.arange(3, dtype=np.uint8).reshape(1, 1, 3, 1)
    form = Form(event_shape=(1, 3, 1), levels=256, flip=True)
    rows = ArrayRows({"x": image})
    first, again = (drawn(8, rows=rows, form=form, batch_size=16) for _ in range(2))
    heads = np.stack([batch["x"][:, 0, 0, 0] == 2 for batch in first])
    assert 0.3 < heads.mean() < 0.7
    assert len({tuple(row) for row in heads}) == 8
    np.testing.assert_array_equal(heads, [batch["x"][:, 0, 0, 0] == 2 for batch in again])
    later = drawn(1, rows=rows, form=form, batch_size=16, step=5)
    np.testing.assert_array_equal(later[0]["x"], first[5]["x"])


class Squares:
    """Rows that lie nowhere."""

    def __len__(self):
        return 6

    def gather(self, index):
        return {"x": tf.cast(index[:, None], tf.float32) ** 2}


def test_any_rows_by_number_are_data():
    assert isinstance(Squares(), RowSource)
    plain = prepare(Squares(), None, PLAIN, batch_size=4, shuffle=False)
    assert plain.num_batches == 2
    assert np.concatenate(list(plain.batches), axis=None).tolist() == [0, 1, 4, 9, 16, 25]
    shuffled = prepare(Squares(), None, PLAIN, batch_size=6, shuffle=True, seed=1)
    assert sorted(shuffled.first_batch()[:, 0].numpy()) == [0, 1, 4, 9, 16, 25]
