"""Bars that figures must reach before a bundle is released, set by the plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from marrowscope.errors import DatasetError


@dataclass(frozen=True)
class Bar:
    """A bar.

    Attributes
    ----------
    what : in words, for print
    figure : where it stands in the result's JSON, names joined by dots (``blast.auc``)
    at_least, at_most : the limit; one of both is None
    """

    what: str
    figure: str
    at_least: float | None = None
    at_most: float | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Read a bar of a plan.

        Raises
        ------
        DatasetError
            It has other keys than these, or not exactly one limit.
        """
        known = {"what", "figure", "at_least", "at_most"}
        limits = {"at_least", "at_most"} & set(entry)
        if not {"what", "figure"} <= set(entry) <= known or len(limits) != 1:
            raise DatasetError(f"a bar has what, figure, and at_least or at_most; not {dict(entry)}")
        return cls(**entry)

    def checked(self, result: Mapping[str, Any]) -> dict[str, object]:
        """Compare a result's JSON with the bar; an undefined figure does not meet it.

        Raises
        ------
        DatasetError
            The result has no such figure.
        """
        measured: Any = result
        for name in self.figure.split("."):
            if not isinstance(measured, Mapping) or name not in measured:
                raise DatasetError(f"no figure {self.figure} was measured for the bar {self.what!r}")
            measured = measured[name]
        if measured is not None and not isinstance(measured, int | float):
            raise DatasetError(f"{self.figure}, which the bar {self.what!r} needs, is not a single figure")
        met = measured is not None and (
            (self.at_least is None or measured >= self.at_least)
            and (self.at_most is None or measured <= self.at_most)
        )
        return vars(self) | {"measured": measured, "met": met}
