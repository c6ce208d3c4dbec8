"""Output of commands: results on stdout, everything else on stderr, errors in one line."""

import functools
import json
import sys
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer

from marrowscope.errors import InputError, MarrowscopeError

INTERRUPTED = 130  # 128 + SIGINT, as shells expect
_WRONG_PLACES = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
"""What the system says of a place that was named and cannot be used. Other faults are the machine's."""

P = ParamSpec("P")
R = TypeVar("R")


def one_line_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Print the package's errors as one line on stderr, and exit with the code of their class."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except MarrowscopeError as error:
            fail(str(error), error.exit_code)
        except KeyboardInterrupt:
            fail("stopped", INTERRUPTED)
        except MemoryError:
            fail("there is not enough memory for this", MarrowscopeError.exit_code)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            kind = InputError if isinstance(error, _WRONG_PLACES) else MarrowscopeError
            fail(where + (error.strerror or type(error).__name__), kind.exit_code)

    return wrapped


def fail(message: str, exit_code: int) -> NoReturn:
    """Print a one-line error and exit."""
    sys.stderr.write(f"marrowscope: {' '.join(message.split())}\n")
    raise typer.Exit(exit_code)


def say(message: str) -> None:
    """Print a message that is not part of the result."""
    sys.stderr.write(message + "\n")


def print_json(document: Any) -> None:
    """Print a result as JSON."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def counter(what: str) -> Callable[[int], None]:
    """Return a function that shows on stderr how many things are done, if it is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)

    def show(done: int) -> None:
        if console.is_terminal:
            console.print(f"{done} {what}", end="\r", highlight=False)

    return show
