"""The laboratory that reports."""

from dataclasses import dataclass

from marrowscope.domain.case.ranges import ReferenceRange


@dataclass(frozen=True)
class Laboratory:
    """Whose report it is, and what it compares counts with.

    Attributes
    ----------
    name : printed at the head of a report
    address : lines below the name
    ranges : reference ranges
    """

    name: str = ""
    address: tuple[str, ...] = ()
    ranges: tuple[ReferenceRange, ...] = ()


NO_LABORATORY = Laboratory()
"""None is stated, and a count is compared with nothing."""
