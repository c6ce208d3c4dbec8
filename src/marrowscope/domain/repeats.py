"""Repeated images: their cells are counted once, and the copy is reported."""

from collections.abc import Iterable


class FirstCopies:
    """Remembers the first image of each content.

    Parameters
    ----------
    known : digest and name of images already present
    """

    def __init__(self, known: Iterable[tuple[str, str]] = ()) -> None:
        self._first: dict[str, str] = {}
        for digest, name in known:
            self._first.setdefault(digest, name)

    def message(self, digest: str, name: str) -> str | None:
        """Return a message if the image repeats an earlier one, else remember it and return None.

        Parameters
        ----------
        digest : of the image's bytes
        name : of this copy
        """
        first = self._first.setdefault(digest, name)
        return None if first == name else f"the same image as {first}; counted once"
