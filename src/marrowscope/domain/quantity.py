"""Numbers of things, in the singular or the plural."""


def quantity(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as ``1 field`` or ``2 fields``; `plural` if it is irregular."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
