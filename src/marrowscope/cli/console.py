"""Output of commands: results on stdout, everything else on stderr, errors in one line."""

import functools
import json
import os
import select
import sys
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer

from marrowscope.errors import InputError, MarrowscopeError

INTERRUPTED = 130  # 128 + SIGINT, as shells expect
UNREAD = 141  # 128 + SIGPIPE
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
            if isinstance(error, BrokenPipeError) and _is_unread():
                raise typer.Exit(UNREAD) from error
            where = f"{error.filename}: " if error.filename else ""
            kind = InputError if isinstance(error, _WRONG_PLACES) else MarrowscopeError
            fail(where + (error.strerror or type(error).__name__), kind.exit_code)

    return wrapped


def is_written() -> bool:
    """Write out what is printed, and return whether anybody reads it: ``head`` goes when it has enough.

    If nobody does, what is left goes nowhere, so that nothing complains at the end.
    """
    if sys.stdout is None:  # closed by whoever started the program
        return True
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return False
    return True


def _is_unread() -> bool:
    """Return whether stdout is a pipe that nobody reads."""
    if not is_written():
        return True
    if not hasattr(select, "poll"):  # Windows
        return False
    try:
        place = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    pipe = select.poll()  # without a buffer nothing is left to be written, and no flush fails
    pipe.register(place, 0)
    return any(event & select.POLLERR for _, event in pipe.poll(0))


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
