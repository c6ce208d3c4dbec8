"""The same image given more than once: its cells are counted once, and the repetition is said."""

from collections.abc import Iterable


class FirstCopies:
    """Remembers the first of all images with equal bytes.

    Parameters
    ----------
    known : digest and name of images that are there already
    """

    def __init__(self, known: Iterable[tuple[str, str]] = ()) -> None:
        self._first: dict[str, str] = {}
        for digest, name in known:
            self._first.setdefault(digest, name)

    def message(self, digest: str, name: str) -> str | None:
        """Return what to say of an image that repeats an earlier one; None for the first, now remembered.

        Parameters
        ----------
        digest : of the image's bytes
        name : of this copy
        """
        first = self._first.setdefault(digest, name)
        return None if first == name else f"the same image as {first}; counted once"
