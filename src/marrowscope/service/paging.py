"""Lists in pages: an opaque cursor holds where the last page ended."""

import base64
import binascii
import json
from typing import Any

from marrowscope.errors import InputError


def write_cursor(*place: Any) -> str:
    """Turn the sort keys of a page's last row into a cursor."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """Read a cursor back into sort keys of the given types.

    Raises
    ------
    InputError
        It is not a cursor this list gave.
    """
    try:
        place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise InputError("the cursor is not one this list gave") from None
    fits = isinstance(place, list) and len(place) == len(kinds)
    if not fits or not all(type(part) is kind for part, kind in zip(place, kinds, strict=True)):
        raise InputError("the cursor is not one this list gave")
    return tuple(place)
