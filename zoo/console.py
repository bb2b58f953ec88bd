"""Manners on a terminal: TensorFlow's import noise, errors on one line, exit codes."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import click

DIVERGED, BAD_INPUT, INTERRUPTED, TERMINATED = 1, 2, 130, 143

EXIT_CODES = (
    "Exit codes: 0 done, 1 the training diverged, 2 bad input or usage, 130 interrupted, 143 "
    "terminated. "
    "With TFFLOWS_TRACEBACK=1 an error also shows where it arose."
)


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keeps what is written to file descriptor 2, and shows it only if the body raises.

    TensorFlow's C++ code writes to the descriptor before any of its settings apply.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except Exception:
            kept.seek(0)
            os.write(saved, kept.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def import_tensorflow() -> None:
    """Imports TensorFlow and looks for its devices without the noise of either."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with quiet_stderr():
        import tensorflow as tf

        tf.config.list_physical_devices()


class Group(click.Group):
    """A group of commands whose errors are one line on stderr, with an exit code.

    A ValueError, TypeError or OSError of a command, and every error of usage, is printed as
    `error: ...` and exits 2, and so is a lack of memory; Ctrl-C exits 130.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002
        **extra: Any,  # noqa: ANN401
    ) -> NoReturn:
        """Runs the command that `args` (default: the process's) names, and exits.

        Args:
            args: words after the program's name.
            prog_name: the program's name in help and errors.
            complete_var: as in click.
            standalone_mode: not looked at: the process ends here.
            windows_expand_args: as in click.
            **extra: as in click.
        """
        self.help = _kept_as_typed(self.help)
        try:
            code = super().main(
                args,
                prog_name,
                complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except click.Abort:
            leave("interrupted", INTERRUPTED)
        except click.ClickException as error:
            leave(f"error: {_with_help(error)}", BAD_INPUT)
        except (ValueError, TypeError, OSError) as error:
            if os.environ.get("TFFLOWS_TRACEBACK"):
                raise
            leave(f"error: {str(error) or type(error).__name__}", BAD_INPUT)
        except Exception as error:
            if os.environ.get("TFFLOWS_TRACEBACK") or not _out_of_memory(error):
                raise
            leave("error: out of memory. Try smaller sizes or a smaller batch.", BAD_INPUT)
        sys.exit(code)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the command of that name, its examples kept as they were typed."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            command.help = _kept_as_typed(command.help)
        return command


def leave(message: str, code: int) -> NoReturn:
    """Prints the message as one line on stderr and exits with the code."""
    click.echo(" ".join(message.split()), err=True)
    sys.exit(code)


def _kept_as_typed(text: str | None) -> str | None:
    # Raw docstrings spell click's mark of such a paragraph, a backspace, in two characters.
    return text and text.replace("\\b\n", "\b\n")


def _out_of_memory(error: Exception) -> bool:
    # TensorFlow's own error, told by its name: it may not have been imported yet.
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


def _with_help(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    return f"{message} Help: {context.command_path} --help" if context else message
