"""`fit`: train a preset."""

import click

from zoo import console
from zoo.commands import options


@click.command(epilog=console.EXIT_CODES)
@click.argument("name")
@click.option(
    "--run", required=True, type=click.Path(), metavar="DIR", help="Run folder, new or to go on in."
)
@options.DATA
@options.DATA_DIR
@options.RESIZE
@click.option("--epochs", type=click.IntRange(1), metavar="N", help="Passes over the data.")
@click.option("--steps", type=int, metavar="N", help="Optimizer steps, as --set steps=N.")
@click.option("--batch-size", type=int, metavar="N", help="Rows a step, as --set batch_size=N.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    show_default=True,
    help="Of the weights, the order, the noise and the samples.",
)
@options.SETTINGS
@click.option(
    "--dtype",
    type=click.Choice(["float32", "mixed_bfloat16", "float64"]),
    default="float32",
    show_default=True,
    help="Of the model; mixed_bfloat16 trains the networks in half the precision.",
)
@click.option(
    "--tensorboard", is_flag=True, help="Write events for TensorBoard, an extra, to DIR/board."
)
@click.option("--jit/--no-jit", default=None, help="Compile with XLA; by default on a GPU only.")
def fit(
    *,
    name: str,
    run: str,
    data: str | None,
    data_dir: str | None,
    resize: bool,
    epochs: int | None,
    steps: int | None,
    batch_size: int | None,
    seed: int,
    settings: tuple[str, ...],
    tensorboard: bool,
    dtype: str,
    jit: bool | None,
) -> None:
    r"""Train preset NAME and leave a run folder.

    Trains on the preset's data set, or on --data, and measures rows that were held out: those of
    the data set's own test split, or of a folder's or .npz file's parts called train and test; else
    10 % of a file's or folder's rows, always the same. For a class-conditional model the subfolders
    of a folder are the classes.

    The last lines are the held-out figure with its standard error, the samples, and what to do
    next. The folder gets config.json, history.csv, layers.csv, of one variable warps.csv (all also
    as .json), weights.weights.h5, checkpoints/, samples.png, curve.png and results.json, and in a
    run of more than seconds pictures/, what the model makes of the same latents while it learns.

    The same command with the same folder goes on from the last checkpoint, whatever ended it, and
    ends with the same bits as if nothing had. A checkpoint follows each fifteenth of the run, or
    every 500 steps; Ctrl-C and SIGTERM write one after the step. The folder of another run is
    refused, with what differs.

    \b
    Examples:
      python -m zoo fit realnvp_digits --run runs/digits
      python -m zoo fit realnvp_digits --run runs/small --steps 200 --set filters=16
      python -m zoo fit realnvp_digits --run runs/classes --set num_classes=10
      python -m zoo fit realnvp_mnist --run runs/mnist --data-dir ~/tfds --epochs 10
      python -m zoo fit realnvp --run runs/table --data table.npy --set event_shape=12
      python -m zoo fit realnvp --run runs/photos --data photos/ --resize \
          --set image_shape=32,32,3 --epochs 20
    """
    from zoo.runs.fit import execute
    from zoo.runs.observers.board_installed import check_tensorboard
    from zoo.runs.plan import plan

    if tensorboard:
        check_tensorboard()
    given = {"steps": steps, "batch_size": batch_size}
    typed = tuple(f"{key}={value}" for key, value in given.items() if value is not None)
    planned = plan(
        name,
        run=run,
        data=data,
        seed=seed,
        typed=(*settings, *typed),
        epochs=epochs,
        resize=resize,
        dtype=dtype,
    )
    execute(planned, data_dir=data_dir, jit=jit, tensorboard=tensorboard)
