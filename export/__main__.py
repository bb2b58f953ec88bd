"""The command line: `python -m export RUN DIR`, and `tfflows`, which has the zoo's commands too."""

import copy
import sys
import time
from typing import Any

import click

from export.onnx import check_installed
from export.versions import Versions
from zoo import __main__ as zoo_main
from zoo import console
from zoo.runs.folder import RunFolder, load_model


@click.command("export", epilog=console.EXIT_CODES)
@click.argument("run", metavar="RUN", type=click.Path())
@click.argument("directory", metavar="DIR", type=click.Path())
@click.option(
    "--version", type=int, metavar="N", help="Number of the version; by default the next free one."
)
@click.option("--untrained", is_flag=True, help="Also export a model that has learned nothing.")
@click.option(
    "--onnx", is_flag=True, help="Write log_prob, encode and decode as ONNX too, by an extra."
)
def export_command(
    *, run: str, directory: str, version: int | None, untrained: bool, onnx: bool
) -> None:
    """Write the model of run folder RUN to DIR/<version> as a SavedModel.

    It loads with TensorFlow alone, in Python, C++ or a model server, and answers as the model does:
    log densities, samples by seed, latents and data, and for images bits per dimension. A version
    appears complete or not at all, and none is overwritten; servers take the highest. Beside the
    versions are the files that a model server starts with. The last lines are ones to paste into a
    shell: they start a server, send it a request, and draw samples without one.

    \b
    Example:
      python -m export runs/digits served/digits
    """  # noqa: D301 - click wants the character that \b stands for
    began = time.monotonic()
    measured = _measured(RunFolder(run))
    Versions(directory).check(version)
    if onnx:
        check_installed()
    console.import_tensorflow()
    from export import report
    from export.saved_model import save

    model = load_model(run)
    path = save(model, directory, version, untrained=untrained, measured=measured, onnx=onnx)
    for heading, text in report.lines(model, path, seconds=time.monotonic() - began):
        click.echo(f"{heading:11} {text}")


def _measured(folder: RunFolder) -> dict[str, Any] | None:
    """Returns the run's results, and finds out before TensorFlow is imported if it has a model."""
    folder.read_config()
    if not folder.weights.is_file():
        msg = f"`run` must hold a trained model; {folder.path} has no {folder.weights.name}."
        raise ValueError(msg)
    return folder.read_results() if folder.results.exists() else None


def _commands() -> click.Group:
    """Returns the zoo's commands and `export`, in a group of their own."""
    group = copy.copy(zoo_main.main)
    group.commands = {**zoo_main.main.commands, "export": export_command}
    return group


def tfflows() -> None:
    """Runs the console script `tfflows`."""
    _commands().main(prog_name="tfflows")


def main() -> None:
    """Runs `python -m export`, as the group does its command: its errors are one line."""
    _commands().main(["export", *sys.argv[1:]], prog_name="python -m")


if __name__ == "__main__":
    main()
