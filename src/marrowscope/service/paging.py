"""Paging: an opaque cursor encodes where the last page ended."""

import base64
import binascii
import json
from typing import Any

from marrowscope.errors import InputError


def write_cursor(*place: Any) -> str:
    """Return the cursor for the sort keys of a page's last row."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """Return the sort keys, of the given types, in a cursor.

    Raises
    ------
    InputError
        It is not a cursor of this list.
    """
    try:
        place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise InputError("the cursor does not belong to this list") from None
    fits = isinstance(place, list) and len(place) == len(kinds)
    if not fits or not all(type(part) is kind for part, kind in zip(place, kinds, strict=True)):
        raise InputError("the cursor does not belong to this list")
    return tuple(place)
