"""Faults of the disk: one of the calls through which files are made fails, or the process ends there.

Python tells its audit hooks (PEP 578) of every file that is opened, moved, made or removed, whichever library
asks for it; a hook that raises keeps it from happening. Hooks cannot be removed again: there is one for all
tests, which does nothing unless a fault is set.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from marrowscope.engines.pool import WorkLimits

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_EVENTS = frozenset({"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.utime"})
_REMOVING = frozenset({"os.remove", "os.rmdir"})
_KILLED = "kill"


@dataclass
class Fault:
    """What happens at the write number `at` below a folder, counted from 0.

    A full disk stays full: after it nothing but removals succeeds. Any other error comes once.

    Attributes
    ----------
    folder : where writes are counted
    at : which of them fails; None for none of them
    how : number of the system's error, or "kill"
    seen : how many there have been
    """

    folder: Path
    at: int | None
    how: int | str = errno.ENOSPC
    seen: int = 0

    @property
    def happened(self) -> bool:
        """Whether the write was reached."""
        return self.at is not None and self.seen > self.at

    def step(self, path: object, *, removes: bool = False) -> None:
        """Count a write, and fail if it is the one."""
        try:
            place = os.fsdecode(path)  # type: ignore[arg-type]  # whatever the event brings
        except TypeError:
            return
        if not os.path.abspath(place).startswith(str(self.folder)):  # noqa: PTH100 (no file is touched)
            return
        self.seen += 1
        is_full = self.how == errno.ENOSPC and not removes
        if self.at is None or self.seen <= self.at or (self.seen > self.at + 1 and not is_full):
            return
        if self.how == _KILLED:
            os._exit(137)
        assert isinstance(self.how, int)
        raise OSError(self.how, os.strerror(self.how), place)


_faults: list[Fault] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _faults or event not in _EVENTS:
        return
    if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITING):
        return
    if event == "os.mkdir" and Path(arguments[0]).is_dir():  # nothing is written
        return
    for each in tuple(_faults):
        each.step(arguments[0], removes=event in _REMOVING)


sys.addaudithook(_hook)


@contextmanager
def fault(folder: Path, at: int | None, how: int | str = errno.ENOSPC) -> Iterator[Fault]:
    """Let one write below a folder fail; that files are flushed fails as a write of its own."""
    made = Fault(folder, at, how)
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        made.step(Path(f"/proc/self/fd/{descriptor}").readlink() if sys.platform == "linux" else folder)
        flush(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        _faults.append(made)
        try:
            yield made
        finally:
            _faults.remove(made)


class Here:
    """A pool whose work is done at once in this process, where its writes can fail."""

    def __init__(self, workers: int = 1, limits: WorkLimits | None = None) -> None:
        del workers, limits

    def submit(self, work: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:  # noqa: BLE001 (whoever waits is told)
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing is at work."""
