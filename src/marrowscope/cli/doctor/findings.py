"""What a check found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from marrowscope.errors import MarrowscopeError

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    check : what was looked at
    state : ``wrong`` needs mending; ``note`` is worth knowing
    says : a line for people
    facts : the same for programs; neither names a patient, a user or a host
    """

    check: str
    state: State
    says: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def found(check: str, look: Callable[[], Finding]) -> Finding:
    """Return what a check found; one that fails is itself a finding."""
    try:
        return look()
    except MarrowscopeError as error:
        return Finding(check, "wrong", str(error))
    except Exception as error:  # noqa: BLE001 (whatever is broken, the other checks go on)
        return Finding(check, "wrong", f"it fails unexpectedly ({type(error).__name__})")


def mebibytes(number: int) -> str:
    """Return a number of bytes in the unit that people read most easily."""
    return f"{number / (1 << 30):,.1f} GiB" if number >= 1 << 30 else f"{number >> 20} MiB"
