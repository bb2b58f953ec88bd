"""Options that several commands have."""

import click

RUN = click.argument("run", type=click.Path(), metavar="RUN")
DATA = click.option(
    "--data",
    metavar="DATA",
    help="A built-in data set, a data set of TFDS, a .npy or .npz file, or a folder of images.",
)
DATA_DIR = click.option(
    "--data-dir", type=click.Path(), metavar="DIR", help="Where prepared data sets are."
)
RESIZE = click.option(
    "--resize", is_flag=True, help="Scale and crop a folder's images to the model's size."
)
SETTINGS = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Another value for an option that `info` shows; may be repeated.",
)
