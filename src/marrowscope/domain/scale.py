"""How large a pixel is, and how that is known."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Size of a pixel and how it is known.

    Attributes
    ----------
    mpp : micrometres per pixel
    source : ``given``, ``metadata``, ``red cells``, ``leukocytes``, ``patient`` or ``assumed``
    """

    mpp: float
    source: str

    @property
    def measures_cells(self) -> bool:
        """Whether cells can be measured by it: a scale taken from the leukocytes' own size says nothing."""
        return self.source in {"given", "metadata", "red cells"}
