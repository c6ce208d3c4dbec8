"""Keyboard shortcuts of cell types."""

import string
from collections.abc import Iterator

from marrowscope.domain.taxonomy import CellType, Taxonomy

_RESERVED = frozenset("n")  # the review page's own key: the next uncertain cell


def shortcut_keys(types: Taxonomy) -> dict[str, str]:
    """Return a key for every cell type: a letter of its name where one is free.

    Broad types come before their subtypes; each gets the first free letter of its initials, then of its name,
    then of the alphabet, then a digit.

    Raises
    ------
    ValueError
        There are more types than keys.
    """
    keys: dict[str, str] = {}
    ordered = sorted(types, key=lambda kind: kind.parent is not None)
    for kind in ordered:
        free = (letter for letter in _wishes(kind) if letter not in _RESERVED | set(keys.values()))
        key = next(free, None)
        if key is None:
            raise ValueError("there are more cell types than keys")
        keys[kind.id] = key
    return keys


def _wishes(kind: CellType) -> Iterator[str]:
    name = kind.name.lower()
    yield from (word[0] for word in name.split())
    yield from (letter for letter in name if letter in string.ascii_lowercase)
    yield from string.ascii_lowercase + string.digits
