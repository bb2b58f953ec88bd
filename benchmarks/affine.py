"""What linear maps of D variables cost, and how that grows: milliseconds of compiled functions.

python benchmarks/affine.py [--out PICTURE] [--fast]
"""

from collections.abc import Callable

import click
import numpy as np
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from timing import conditions, milliseconds

from tfflows import PLU, Bijector, DenseAffine, Householder
from zoo.plots.picture import DPI, FAINT, INK, put_title, write

BATCH, SIZES, FAST_SIZES = 512, [2**k for k in range(1, 11)], [2, 4, 8]
FEW = 8
SLOPE_OVER = 3
"""Sizes, the largest ones, that a slope is of: small maps cost what calling costs."""


class Slogdet(DenseAffine):
    """The same map by LU and slogdet, which XLA does not compile; the measure of QR."""

    def _solve(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = tf.transpose(tf.linalg.solve(self._matrix(), tf.transpose(y)))
        return x, self._log_abs_det()

    def _log_abs_det(self) -> tf.Tensor:
        return tf.linalg.slogdet(self._matrix())[1]


def forward(flow: Bijector, x: tf.Tensor) -> tf.Tensor:
    """Returns data; without the log-det, which the compiled function leaves out."""
    return flow.forward_and_log_det(x)[0]


def inverse(flow: Bijector, x: tf.Tensor) -> tf.Tensor:
    """Returns latents."""
    return flow.inverse_and_log_det(x)[0]


def log_det(flow: Bijector, x: tf.Tensor) -> tf.Tensor:
    """Returns the log-dets."""
    return flow.inverse_and_log_det(x)[1]


def gradient(flow: Bijector, x: tf.Tensor) -> list[tf.Tensor]:
    """Returns the gradients of the log-prob by all variables."""
    with tf.GradientTape() as tape:
        z, log_dets = flow.inverse_and_log_det(x)
        log_prob = log_dets - 0.5 * tf.reduce_sum(z**2, axis=-1)
    return tape.gradient(log_prob, flow.trainable_variables)


OPERATIONS: dict[str, Callable[[Bijector, tf.Tensor], object]] = {
    "forward": forward,
    "inverse": inverse,
    "log-det": log_det,
    "gradient of log-prob": gradient,
}
MAPS: dict[str, tuple[Callable[[int], Bijector], str]] = {
    "PLU": (PLU, "#c8374f"),
    "DenseAffine, by QR": (lambda size: DenseAffine.random(size, seed=0), "#7fabd3"),
    "the same by slogdet": (lambda size: Slogdet.random(size, seed=0), "#2f5d8a"),
    "Householder, D": (Householder, "#dd9f3c"),
    f"Householder, {FEW}": (lambda size: Householder(size, min(FEW, size)), "#6a9f58"),
}
Costs = dict[str, dict[str, list[float]]]
"""Milliseconds at each size, by operation and map."""


def measure(sizes: list[int]) -> Costs:
    """Returns the costs at all sizes."""
    costs: Costs = {operation: {name: [] for name in MAPS} for operation in OPERATIONS}
    for size in sizes:
        x = tf.constant(np.random.default_rng(0).normal(size=(BATCH, size)), tf.float32)
        flows = [make(size) for make, _ in MAPS.values()]
        for operation, call in OPERATIONS.items():
            found = milliseconds(*(compiled(call, flow, x) for flow in flows))
            for row, cost in zip(costs[operation].values(), found, strict=True):
                row.append(cost)
    return costs


def compiled(
    call: Callable[[Bijector, tf.Tensor], object], flow: Bijector, x: tf.Tensor
) -> Callable[[], object]:
    """Returns the call as a compiled function of x, to be called without arguments."""
    function = tf.function(lambda value: call(flow, value), autograph=False)
    return lambda: function(x)


def slope(sizes: list[int], times: list[float]) -> float:
    """Returns the power of D by which the times of the largest sizes grow."""
    last = slice(-SLOPE_OVER, None)
    return float(np.polyfit(np.log(sizes[last]), np.log(times[last]), 1)[0])


def draw(axes: Axes, operation: str, sizes: list[int], times: dict[str, list[float]]) -> None:
    """Draws the costs of an operation, beside the lines of D^2 and D^3 through the dearest."""
    for name, (_, color) in MAPS.items():
        axes.loglog(sizes, times[name], color=color, label=name, marker="o", markersize=3)
    shown = np.array(sizes[-SLOPE_OVER - 1 :])
    dearest = max(costs[-1] for costs in times.values())
    for power, style in ((2, ":"), (3, "--")):
        line = dearest * (shown / shown[-1]) ** power
        axes.loglog(shown, line, color=INK, linestyle=style, linewidth=1.1, label=f"slope {power}")
    axes.set_title(operation, color=INK, fontsize=10)
    axes.set_xscale("log", base=2)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelcolor=INK)


def picture(sizes: list[int], costs: Costs, path: str) -> None:
    """Draws all costs, a panel an operation, at one scale."""
    figure = Figure(figsize=(8.0, 6.6), dpi=DPI, layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, (operation, times) in zip(panels.flat, costs.items(), strict=True):
        draw(axes, operation, sizes, times)
    for axes in panels[-1]:
        axes.set_xlabel("number of variables D", color=INK)
    figure.supylabel(f"milliseconds, batch {BATCH}", color=INK, fontsize=10)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    put_title(figure, "linear maps of D variables")
    write(figure, path)


@click.command()
@click.option("--out", type=click.Path(dir_okay=False), help="A picture to draw, log-log.")
@click.option("--fast", is_flag=True, help="Small maps alone, to see that it runs.")
def main(*, out: str | None, fast: bool) -> None:
    """Prints, and draws, what linear maps of D variables cost."""
    sizes = FAST_SIZES if fast else SIZES
    print(f"milliseconds; {conditions(BATCH)}; slope: over the {SLOPE_OVER} largest D")
    nothing, x = tf.function(tf.identity, autograph=False), tf.zeros([BATCH, sizes[0]])
    (idle,) = milliseconds(lambda: nothing(x))
    print(f"calling a compiled function that does nothing: {idle:.3f}")
    costs = measure(sizes)
    for operation, times in costs.items():
        print(f"\n{operation:22}" + "".join(f"{size:>9}" for size in sizes) + "    slope")
        for name, row in times.items():
            numbers = "".join(f"{time:9.3f}" for time in row)
            print(f"  {name:20}{numbers}{slope(sizes, row):9.2f}")
    if out is not None:
        picture(sizes, costs, out)


if __name__ == "__main__":
    main()
