"""Three ways through the sequential direction of an `Autoregressive`, whose network is a `MADE`.

All return y of y_i = f(x_i; network(y)_i). The last is the package's own with a `MADE`.
"""

from collections.abc import Callable

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

    start = (tf.zeros([], tf.int32), tf.zeros_like(x))
    return tf.while_loop(lambda place, _: place < made.size, step, start)[1]


def repeated(part: Autoregressive, x: tf.Tensor) -> tf.Tensor:
    """Returns y [B, D] by Jacobi's iteration, which the package has for networks of any kind."""
    made, transformer = _parts(part)
    return jacobi.fixed_point(lambda y: transformer.forward_and_log_det(x, made(y))[0], x)


def cached(part: Autoregressive, x: tf.Tensor) -> tf.Tensor:
    """Returns y [B, D] as the package finds it with a `MADE`, each hidden unit computed once."""
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
