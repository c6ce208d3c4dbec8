"""Time and identity: UTC instants and random identifiers."""

import uuid
from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def iso(instant: datetime) -> str:
    """Return a time as ISO 8601 with `Z`, to the microsecond."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id() -> str:
    """Return a new random identifier: 32 hexadecimal digits."""
    return uuid.uuid4().hex
