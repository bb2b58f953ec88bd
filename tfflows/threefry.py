"""Noise as a pure function of a key and a counter: Threefry-2x32 in TensorFlow's uint32 ops.

A row of noise depends on its key alone, and a key on the row's content or index, a seed and a
step. So a row has the same noise alone, in any batch, on any replica and after a resume, in eager
mode, in a graph and under XLA, where TensorFlow's own stateless generators differ.

Reference: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 4.2.
"""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_KEY_PARITY = 0x1BD11BDA
# Any fixed key will do for the hash's factors, as long as it never changes.
_HASH_KEY = (0x13198A2E, 0x03707344)
# The counter's second word, so that one key never gives dependent uniform and normal numbers.
_UNIFORM, _NORMAL = 0, 1


def block(key: tf.Tensor, counter: tf.Tensor) -> tf.Tensor:
    """One Threefry-2x32 block of 20 rounds: 64 random bits for each (key, counter).

    Args:
        key: uint32 [..., 2].
        counter: uint32 [..., 2], broadcast against `key`.

    Returns:
        uint32 [..., 2].
    """
    return tf.stack(_rounds(*_pair(key), *_pair(counter)), axis=-1)


def seed_key(seed: tf.Tensor | Sequence[int]) -> tf.Tensor:
    """The key that stands for a pair of integers (seed, step): its words modulo 2^32.

    Args:
        seed: integers [2] of any integer dtype, negative or not.

    Returns:
        uint32 [2].
    """
    seed = tf.convert_to_tensor(seed)
    if not seed.dtype.is_integer:
        raise TypeError(f"`seed` must hold integers; received dtype {seed.dtype.name}.")
    if not seed.shape.is_compatible_with((2,)):
        raise ValueError(f"`seed` must have shape [2]; received shape {seed.shape}.")
    return tf.cast(seed, tf.uint32)


def row_keys(rows: tf.Tensor, seed: tf.Tensor | Sequence[int]) -> tf.Tensor:
    """A key for each row that depends on the row's content, the seed and the step alone.

        h_j = sum_i x_i k_ij mod 2^32  for j = 0, 1 and fixed odd k_ij,    key = block(seed, h)

    Equal whole numbers give equal keys in every dtype; one changed element, another seed or step
    gives an unrelated key.

    Args:
        rows: [B, ...], integers of any dtype, or floats that hold whole numbers (a fraction would
            not enter the key); taken modulo 2^32. B may be unknown, the other sizes may not.
        seed: integers [2], (seed, step).

    Returns:
        uint32 [B, 2].
    """
    rows = tf.convert_to_tensor(rows)
    if not (rows.dtype.is_integer or rows.dtype.is_floating):
        raise TypeError(f"`rows` must hold whole numbers; received dtype {rows.dtype.name}.")
    if not rows.shape.rank or not rows.shape[1:].is_fully_defined():
        raise ValueError(f"`rows` must be [B, ...] with ... static; received shape {rows.shape}.")
    size = rows.shape[1:].num_elements()
    # Floats by way of int64: straight to uint32, XLA clamps negative ones to 0 and eager wraps.
    x = tf.cast(tf.cast(rows, tf.int64) if rows.dtype.is_floating else rows, tf.uint32)
    x = tf.reshape(x, [tf.shape(x)[0], size])
    h0, h1 = (_word(k) for k in _HASH_KEY)
    factors = [k | 1 for k in _rounds(h0, h1, _range(size), _word(0))]
    # Summed in int64, equal modulo 2^32: on a GPU uint32 has no sum.
    sums = [tf.reduce_sum(tf.cast(x * k, tf.int64), axis=1) for k in factors]
    return block(seed_key(seed), tf.cast(tf.stack(sums, axis=1), tf.uint32))


def index_keys(n: int | tf.Tensor, seed: tf.Tensor | Sequence[int]) -> tf.Tensor:
    """The keys of rows 0, ..., n - 1 of a sample: row i's depends on i and the seed, not on n.

    Args:
        n: number of rows, also as a scalar integer tensor.
        seed: integers [2].

    Returns:
        uint32 [n, 2].
    """
    return tf.stack(_rounds(*_pair(seed_key(seed)), _range(n), _word(0)), axis=1)


def uniform(
    keys: tf.Tensor, shape: Sequence[int] | tf.TensorShape, dtype: str | tf.DType = "float32"
) -> tf.Tensor:
    """Uniform numbers in (0, 1), bit-equal in eager mode, in a graph and under XLA.

        u = (b + 1/2) / 2^15,  b of 15 bits

    So x + u is exact in float32, and below x + 1, for whole numbers x in 0, ..., 255; with 24 bits
    it would round up to x + 1.

    Args:
        keys: uint32 [B, 2]; a row of the result depends on its own key alone.
        shape: static shape of a row.
        dtype: float32 or float64; the numbers are the same.

    Returns:
        [B, *shape].
    """
    shape, dtype = _checked(keys, shape, dtype)
    words = _row_words(keys, -(-math.prod(shape) // 4), _UNIFORM)
    bits = [tf.bitwise.right_shift(w, 17) for w in words] + [w & (2**15 - 1) for w in words]
    return (tf.cast(_as_rows(bits, shape), dtype) + 0.5) * 2.0**-15


def normal(
    keys: tf.Tensor, shape: Sequence[int] | tf.TensorShape, dtype: str | tf.DType = "float32"
) -> tf.Tensor:
    """Standard normal numbers by Box-Muller from 32-bit words: finite, up to 6.76 in size.

        r cos t, r sin t;    r = sqrt(-2 log((w + 1/2) / 2^32)),  t = 2 pi w' / 2^32

    The words w, w' are bit-equal everywhere. The numbers carry the last bits of log, cos and sin,
    which on a CPU differ by up to 1e-6 (float64: 1e-15) between XLA and graph, and between a row
    alone and in a batch, where the vectorised code ends elsewhere; eager mode equals the graph.

    Args:
        keys: uint32 [B, 2]; a row of the result depends on its own key alone.
        shape: static shape of a row.
        dtype: float32 or float64; the words are the same.

    Returns:
        [B, *shape].

    Reference: Box and Muller, "A note on the generation of random normal deviates" (1958).
    """
    shape, dtype = _checked(keys, shape, dtype)
    first, second = _row_words(keys, -(-math.prod(shape) // 2), _NORMAL)
    return _as_rows(_box_muller(first, second, dtype), shape)


def _box_muller(first: tf.Tensor, second: tf.Tensor, dtype: tf.DType) -> list[tf.Tensor]:
    u = (tf.cast(first, dtype) + 0.5) * 2.0**-32
    # In float32 the largest words round to u = 1, and an inexact log(1) > 0 would give NaN.
    radius = tf.sqrt(tf.maximum(-2.0 * tf.math.log(u), 0.0))
    # Signed, since cos and sin are most accurate near 0.
    angle = tf.cast(tf.bitcast(second, tf.int32), dtype) * (math.pi * 2.0**-31)
    return [radius * tf.cos(angle), radius * tf.sin(angle)]


def _rounds(k0: tf.Tensor, k1: tf.Tensor, x0: tf.Tensor, x1: tf.Tensor) -> list[tf.Tensor]:
    xor = tf.bitwise.bitwise_xor
    schedule = (k0, k1, xor(xor(k0, k1), _KEY_PARITY))
    x0, x1 = x0 + k0, x1 + k1
    for i in range(20):
        x0 = x0 + x1
        x1 = xor(_rotate_left(x1, _ROTATIONS[i % 8]), x0)
        if i % 4 == 3:
            j = i // 4 + 1
            x0 = x0 + schedule[j % 3]
            x1 = x1 + (schedule[(j + 1) % 3] + j)
    return [x0, x1]


def _pair(words: Any) -> tuple[tf.Tensor, tf.Tensor]:
    # Not unstack, which a GPU lacks for uint32.
    return words[..., 0], words[..., 1]


def _rotate_left(x: tf.Tensor, bits: int) -> tf.Tensor:
    # A product and a sum: on a CPU ten times faster than left_shift and bitwise_or.
    return x * 2**bits + tf.bitwise.right_shift(x, 32 - bits)


def _word(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint32)


def _range(n: int | tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.range(n), tf.uint32)


def _row_words(keys: tf.Tensor, blocks: int, stream: int) -> list[tf.Tensor]:
    return _rounds(keys[:, :1], keys[:, 1:], _range(blocks), _word(stream))


def _as_rows(parts: list[tf.Tensor], shape: tuple[int, ...]) -> tf.Tensor:
    flat = tf.concat(parts, axis=1)[:, : math.prod(shape)]
    # Not -1 for the rows: a row of no elements would leave it undetermined.
    return tf.reshape(flat, [tf.shape(flat)[0], *shape])


def _checked(
    keys: tf.Tensor, shape: Sequence[int] | tf.TensorShape, dtype: str | tf.DType
) -> tuple[tuple[int, ...], tf.DType]:
    if keys.dtype != tf.uint32 or not keys.shape.is_compatible_with((None, 2)):
        raise ValueError(
            f"`keys` must be uint32 [B, 2]; received {keys.dtype.name} of shape {keys.shape}."
        )
    sizes = tuple(size for size in shape if size is not None)
    if len(sizes) < len(shape):
        raise ValueError(f"`shape` must be static; received {tuple(shape)}.")
    dtype = tf.as_dtype(dtype)
    if dtype not in (tf.float32, tf.float64):
        raise ValueError(f"`dtype` must be float32 or float64; received {dtype.name}.")
    return sizes, dtype
