"""Flows over MiniBooNE's 43 variables: milliseconds of a training step, densities and samples.

The weights are trained, for how many passes a MAF's samples take depends on them. Needs MiniBooNE
as `zoo.datasets.miniboone` describes it; its folder is $TFFLOWS_DATA_DIR or --data-dir.

python benchmarks/tabular.py [--steps N] [--runs DIR] [--data-dir DIR] [--fast]
"""

import dataclasses
import pathlib
import sys
from collections.abc import Callable

import click
import numpy as np
import sequential
import tensorflow as tf
from timing import conditions, milliseconds
from training import seconds

import zoo
from zoo import registry
from zoo.optimizer import build_optimizer
from zoo.prepare import ArrayRows, from_step

BATCH, STEPS, TIMED_STEPS, FAST = 512, 1_500, 20, 2
MAF = "maf_miniboone"
PRESETS = [MAF, "spline_miniboone", "realnvp_miniboone", "iaf_moons"]
TOLERANCE = 1e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained model.

    Args:
        model: the model.
        how: where its weights are from, in words.
        rows: held-out rows [512, D].
        nats: mean log-likelihood of all held-out rows, and its standard error.
    """

    model: zoo.FlowModel
    how: str
    rows: np.ndarray
    nats: tuple[float, float]


def load(preset: str, data_dir: str | None) -> zoo.datasets.Splits:
    """Returns the data of a preset, or leaves with a line that says what to set."""
    name = registry.preset(preset).dataset
    assert name is not None
    try:
        return zoo.datasets.load(name, data_dir=data_dir)
    except ValueError as error:
        sys.exit(f"{error} Set TFFLOWS_DATA_DIR to that folder, or pass --data-dir.")


def trained(name: str, data_dir: str | None, steps: int, runs: pathlib.Path | None) -> Trained:
    """Returns the model of a preset, from the folder of its run or trained here."""
    splits = load(name, data_dir)
    if runs is not None and (runs / name).is_dir():
        model, how = zoo.load(runs / name), "its run"
    else:
        model, how = zoo.get(name, steps=steps), f"{steps:,} steps"
        model.fit(splits.train, steps_per_epoch=steps, epochs=1, verbose=0)
    likelihoods = np.asarray(model.predict(splits.test, verbose=0), np.float64)
    error = likelihoods.std(ddof=1) / len(likelihoods) ** 0.5
    return Trained(
        model=model,
        how=f"{how}, {len(splits.train):,} rows",
        rows=np.resize(splits.test, (BATCH, *model.event_shape)),
        nats=(float(likelihoods.mean()), float(error)),
    )


def latents(model: zoo.FlowModel) -> tf.Tensor:
    """Returns 512 latents, always the same."""
    shape = (BATCH, *model.event_shape)
    return tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)


def compiled(call: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor) -> Callable[[], tf.Tensor]:
    """Returns the call as a compiled function of x, to be called without arguments."""
    function = tf.function(call, autograph=False)
    return lambda: function(x)


def costs(this: Trained, timed_steps: int) -> list[float]:
    """Returns milliseconds: log_prob and sample, as methods and as compiled cores, and a step."""
    model, x = this.model, tf.constant(this.rows)
    decode = compiled(lambda z: model.flow.forward_and_log_det(z)[0], latents(model))
    reading = milliseconds(
        lambda: model.log_prob(x),
        compiled(lambda rows: model(rows), x),
        lambda: model.sample(BATCH, seed=0),
        decode,
    )
    return [*reading, step(model, this.rows, timed_steps)]


def step(model: zoo.FlowModel, rows: np.ndarray, number: int) -> float:
    """Returns the milliseconds of one of many training steps of `fit`, on a batch that is there."""
    weights = model.get_weights()
    training = dataclasses.replace(model.spec.training, schedule="constant")
    model.compile(build_optimizer(training))
    drawn = from_step(ArrayRows({"x": rows}), model.form, batch_size=BATCH, seed=0)
    batches = drawn.take(1).cache().repeat()

    def fit() -> None:
        model.fit(batches, steps_per_epoch=number, epochs=1, verbose=0)

    cost = 1e3 * seconds(fit) / number
    model.set_weights(weights)
    return cost


def print_ways(model: zoo.FlowModel) -> None:
    """Prints what the ways to a MAF's samples cost, and raises unless they agree."""
    z = latents(model)
    ways = {
        f"naive, {model.event_shape[0]} passes": sequential.naive,
        "Jacobi's iteration": sequential.repeated,
        "cached, the package's": sequential.cached,
    }
    decodes = [
        compiled(lambda x, way=way: sequential.through(model.flow, x, way), z)
        for way in ways.values()
    ]
    wanted, *others = (decode().numpy() for decode in decodes)
    times = milliseconds(*decodes)
    print(f"\n{'decoding of ' + model.name:30}        ms   faster by  to naive")
    for name, found, cost in zip(ways, [wanted, *others], times, strict=True):
        print(
            f"  {name:28}{cost:10.2f}{times[0] / cost:10.1f} x{np.max(abs(found - wanted)):10.1e}"
        )
        np.testing.assert_allclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE)
    counts = sequential.passes(model.flow, z)
    print(f"  Jacobi's passes, latents first: {', '.join(map(str, counts))}")
    print(f"  |decode| at most {np.max(abs(wanted)):.1f}")


@click.command()
@click.option("--steps", type=click.IntRange(1), default=STEPS, help="Of the training here.")
@click.option(
    "--runs",
    type=click.Path(exists=True, file_okay=False, path_type=pathlib.Path),
    help="A folder with runs of `python -m zoo fit`, named as their presets: no training here.",
)
@click.option("--data-dir", envvar="TFFLOWS_DATA_DIR", help="The folder with miniboone/ in it.")
@click.option("--fast", is_flag=True, help="Nearly untrained, to see that it runs.")
def main(*, steps: int, runs: pathlib.Path | None, data_dir: str | None, fast: bool) -> None:
    """Prints what flows over MiniBooNE's 43 variables cost."""
    print(f"milliseconds; {conditions(BATCH)}")
    print("log_prob, sample: the model's method | the compiled function within; step: within fit\n")
    print(f"{'preset':18}{'D':>4}  {'weights':24}{'held-out nats':>17}", end="")
    print(f"{'log_prob':>18}{'sample':>18}{'step':>9}", flush=True)
    models, timed_steps = {}, FAST if fast else TIMED_STEPS
    for name in PRESETS:
        this = trained(name, data_dir, FAST if fast else steps, runs)
        models[name], (mean, error) = this.model, this.nats
        density, density_core, sample, sample_core, training = costs(this, timed_steps)
        print(f"{name:18}{this.model.event_shape[0]:4}  {this.how:24}", end="")
        print(f"{mean:9.2f} +- {error:4.2f}{density:9.2f}|{density_core:8.2f}", end="")
        print(f"{sample:9.2f}|{sample_core:8.2f}{training:9.2f}", flush=True)
    print_ways(models[MAF])


if __name__ == "__main__":
    main()
