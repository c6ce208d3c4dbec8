"""Images and pictures on disk, addressed by content and written atomically."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marrowscope.exports.atomic import atomic_path, write_atomic
from marrowscope.service.errors import NotFoundError, UnavailableError

_PARTS = ("originals", "derived")


class Blobs:
    """The store of blobs below one folder.

    ``originals/ab/abcd…`` holds the bytes under their SHA-256, ``derived/ab/abcd…/NAME`` what was made of
    them and can be made again. Equal bytes are kept once.

    Parameters
    ----------
    folder : root of the store; created at the first write
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Store bytes and return their digest.

        Raises
        ------
        UnavailableError
            They cannot be written.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        if path.is_file():
            path.touch()  # renewed, so that it is no leftover while its row is still to be written
        else:
            self._write(path, content)
        return digest

    def put_file(self, source: Path, digest: str) -> None:
        """Store a file, too large for memory, whose digest is known.

        Raises
        ------
        UnavailableError
            It cannot be written.
        """
        path = self.path(digest)
        if path.is_file():
            path.touch()
            return
        with _written(), atomic_path(path) as beside:
            shutil.copyfile(source, beside)

    def path(self, digest: str) -> Path:
        """Return the path of the bytes with this digest, whether they exist or not."""
        return self._folder / _PARTS[0] / digest[:2] / digest

    def get(self, digest: str) -> bytes:
        """Return the bytes with this digest.

        Raises
        ------
        NotFoundError
            They do not exist, or no longer.
        """
        try:
            return self.path(digest).read_bytes()
        except OSError as error:
            raise NotFoundError("the image is no longer kept") from error

    def problem(self, digest: str) -> str | None:
        """Return ``missing`` or ``altered`` if the bytes with this digest are not as stored, else None."""
        try:
            with self.path(digest).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return "missing"
        return None if found == digest else "altered"

    def derived(self, digest: str, name: str) -> Path:
        """Return the path of a file derived from these bytes, whether it exists or not."""
        return self._folder / _PARTS[1] / digest[:2] / digest / name

    def put_derived(self, digest: str, name: str, content: bytes) -> None:
        """Store a file derived from the bytes with this digest.

        Raises
        ------
        UnavailableError
            It cannot be written.
        """
        self._write(self.derived(digest, name), content)

    def remove(self, digest: str) -> None:
        """Remove bytes and everything derived from them, if they exist."""
        self.path(digest).unlink(missing_ok=True)
        shutil.rmtree(self.derived(digest, ""), ignore_errors=True)

    def originals(self) -> Iterator[Path]:
        """Return the files of all stored bytes; their names are the digests."""
        return (path for path in self._folder.glob(f"{_PARTS[0]}/*/*") if not path.name.startswith("."))

    def unfinished(self) -> Iterator[Path]:
        """Return files whose writing was interrupted or is in progress."""
        return self._folder.rglob(".*.tmp")

    def free_bytes(self) -> int:
        """Return the free space on the disk, in bytes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self._folder).free

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        with _written():
            write_atomic(path, content)


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnavailableError(f"the image cannot be written to the disk: {reason}") from error
