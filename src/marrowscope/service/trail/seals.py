"""Seals of the audit trail: its head after every transaction, written outside the database.

Somebody who controls the database alone could cut the trail's end and its head with it. The seals, files
beside the blobs, still say how far the trail went. Each line is bound to the one before by its digest, over
all files. A transaction first writes down what the head is about to be (`Intent`), which is on the disk
before the commit is; afterwards it writes that it was kept (`Kept`). So the seals are never behind the trail,
and an intent that came to nothing is known: the next one starts where it started.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from marrowscope.service.clock import iso, now

BEGINNING: Final = "0" * 64
"""The digest before the first entry, and before the first seal."""

ROTATE_BYTES = 1 << 20
_TAIL_BYTES: Final = 4096  # more than two lines


@dataclass(frozen=True)
class Intent:
    """A transaction is about to move the head from entry `start` to entry `end`, whose digest is `hash`."""

    start: int
    end: int
    hash: str


@dataclass(frozen=True)
class Kept:
    """The transaction up to entry `end` was committed."""

    end: int


class BrokenSealsError(Exception):
    """The files hold something else than was written; the message says what."""


class Seals:
    """The seals of one installation.

    Parameters
    ----------
    folder : where the files are; created at the first write
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, line: Intent | Kept) -> None:
        """Add a line; an intent is on the disk when this returns.

        Raises
        ------
        OSError
            It cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / ".lock"):
            files = self._files()
            path = files[-1] if files else self._folder / _name(1)
            content = {**asdict(line), "at": iso(now()), "previous": _last_seal(files)}
            if files and path.stat().st_size >= ROTATE_BYTES:
                path = self._folder / _name(len(files) + 1)
            with path.open("ab") as file:
                file.write(json.dumps({**content, "seal": _seal(content)}).encode() + b"\n")
                file.flush()
                if isinstance(line, Intent):  # what was kept the next intent says, too
                    os.fsync(file.fileno())

    def set_aside(self) -> None:
        """Put the files away, so that the next line is a first one."""
        files = self._files()
        if files:
            with FileLock(self._folder / ".lock"):
                old = self._folder / f"until-{iso(now()).replace(':', '')}"
                old.mkdir()
                for path in files:
                    path.rename(old / path.name)

    def read(self) -> Iterator[Intent | Kept]:
        """Yield all lines, oldest first; the last one may be half written, and is then none.

        Raises
        ------
        BrokenSealsError
            A line was altered, or lines are missing at the beginning or in the middle.
        """
        previous = BEGINNING
        for number, path in enumerate(self._files(), start=1):
            if path.name != _name(number):
                raise BrokenSealsError(f"the file {_name(number)} of the seals is missing")
            with path.open("rb") as file:
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    content = _parsed(line)
                    seal = content.pop("seal", None)
                    if content.get("previous") != previous or _seal(content) != seal:
                        raise BrokenSealsError(f"the file {path.name} of the seals was altered")
                    previous = str(seal)
                    yield _line(content)

    def up_to(self, number: int) -> list[tuple[Path, int]]:
        """Return the files that seal the entries up to a number, and how many bytes of each do."""
        whole: list[tuple[Path, int]] = []
        found: list[tuple[Path, int]] = []
        for path in self._files():
            size = 0
            with path.open("rb") as file:
                for line in file:
                    size += len(line)
                    if line.endswith(b"\n") and _parsed(line).get("end", number + 1) <= number:
                        found = [*whole, (path, size)]
            whole.append((path, size))
        return found

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("seals-*.jsonl"))


def _name(number: int) -> str:
    return f"seals-{number:06d}.jsonl"


def _line(content: dict[str, Any]) -> Intent | Kept:
    if "hash" in content:
        return Intent(content["start"], content["end"], content["hash"])
    return Kept(content["end"])


def _seal(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {}


def _last_seal(files: Sequence[Path]) -> str:
    """Return the seal of the last line; what a crash left half written is taken off.

    The last file holds no whole line where a disk was full when it was begun.
    """
    return next((seal for seal in map(_last_seal_in, reversed(files)) if seal is not None), BEGINNING)


def _last_seal_in(path: Path) -> str | None:
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _TAIL_BYTES, 0))
        tail = file.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        if len(whole) < len(tail):
            file.truncate(size - len(tail) + len(whole))
    lines = whole.splitlines()
    return str(_parsed(lines[-1]).get("seal")) if lines else None
