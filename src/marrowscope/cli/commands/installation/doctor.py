"""stub"""

EXAMPLE = ""


def doctor() -> None:
    """Stub."""
