"""Three ways through the sequential direction of an `Autoregressive`, whose network is a `MADE`.

All return y of y_i = f(x_i; network(y)_i). The third is the package's own.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfflows import Autoregressive, Chain, Transformer, jacobi
from zoo.conditioners.made import MADE

Solve = Callable[[Autoregressive, tf.Tensor], tf.Tensor]


def naive(part: Autoregressive, x: tf.Tensor) -> tf.Tensor:
    """Returns y [B, D] by D passes of the network, each for the next variable of the order."""
    made, transformer = _parts(part)
    order = tf.convert_to_tensor(made.order)

    def step(place: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        new, _ = transformer.forward_and_log_det(x, made(y))
        return place + 1, tf.where(tf.range(made.size) == order[place], new, y)

    return _repeated(step, made.size, tf.zeros_like(x))[0]


def cached(part: Autoregressive, x: tf.Tensor) -> tf.Tensor:
    """Returns y [B, D] by one pass of the network in D parts.

    Once a variable is known, so are the hidden units that wait for it alone, in all layers; each
    is computed then, once, and added to the sums of all units and outputs that see it. Sums of
    those that must not see it have been read before, so no mask is needed.
    """
    made, transformer = _parts(part)
    read = tf.convert_to_tensor
    order, shifts = read(made.order), tf.unstack(read(made.biases))
    first, last = read(made.in_kernel), read(made.out_kernel)
    hidden = tf.unstack(read(made.kernels)) if made.depth > 1 else []
    units, present = (tf.constant(table) for table in _units_by_place(made))
    columns = made.size * tf.range(made.num_params)

    def added(total: tf.Tensor, h: tf.Tensor, kernel: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        rows = tf.gather(kernel, units[place]) * present[place][:, None]
        return total + tf.matmul(made.activate(h), rows)

    def step(place: tf.Tensor, y: tf.Tensor, out: tf.Tensor, *sums: tf.Tensor) -> tuple:
        at = order[place]
        params = tf.gather(out, columns + at, axis=1)
        new, _ = transformer.forward_and_log_det(tf.gather(x, at[None], axis=1), params)
        totals = [sums[0] + new * first[at]]
        h = tf.gather(totals[0], units[place], axis=1)
        for total, kernel in zip(sums[1:], hidden, strict=True):
            totals.append(added(total, h, kernel, place))
            h += tf.gather(totals[-1], units[place], axis=1)
        out = added(out, h, last, place)
        return place + 1, tf.where(tf.range(made.size) == at, new, y), out, *totals

    rows = tf.zeros_like(x[:, :1])
    out, sums = rows + read(made.out_bias), [rows + shift for shift in shifts]
    return _repeated(step, made.size, tf.zeros_like(x), out, *sums)[0]


def repeated(part: Autoregressive, x: tf.Tensor) -> tf.Tensor:
    """Returns y [B, D] as the package finds it, by Jacobi's iteration."""
    return part.forward_and_log_det(x)[0]


def through(flow: Chain, z: tf.Tensor, solve: Solve) -> tf.Tensor:
    """Returns the data of latents z [B, D], the autoregressions of the flow solved by `solve`."""
    for part in reversed(flow.bijectors):
        ours = isinstance(part, Autoregressive)
        z = solve(part, z) if ours else part.forward_and_log_det(z)[0]
    return z


def passes(flow: Chain, z: tf.Tensor) -> list[int]:
    """Returns how often Jacobi's iteration repeats in each autoregression, latents first."""
    counts: list[int] = []

    def counted(part: Autoregressive, x: tf.Tensor) -> tf.Tensor:
        made, transformer = _parts(part)
        seen = []

        def step(y: tf.Tensor) -> tf.Tensor:
            seen.append(y)
            return transformer.forward_and_log_det(x, made(y))[0]

        y = jacobi.fixed_point(step, x)
        counts.append(len(seen))
        return y

    through(flow, z, counted)
    return counts


def _parts(part: Autoregressive) -> tuple[MADE, Transformer]:
    return part.parameters["conditioner"].layer, part.parameters["transformer"]


def _repeated(step: Callable, times: int, *state: tf.Tensor) -> tuple[tf.Tensor, ...]:
    start = (tf.zeros([], tf.int32), *state)
    done = tf.while_loop(lambda place, *_: place < times, step, start, maximum_iterations=times)
    return done[1:]


def _units_by_place(made: MADE) -> tuple[np.ndarray, np.ndarray]:
    """Returns the units [D, W] that wait for each place of the order, and which of W there are."""
    waiting = [np.flatnonzero(made.degrees == place + 1) for place in range(made.size)]
    width = max(map(len, waiting))
    units = np.stack([np.resize(np.append(w, 0), width) for w in waiting]).astype(np.int32)
    present = np.stack([np.arange(width) < len(w) for w in waiting]).astype(np.float32)
    return units, present
