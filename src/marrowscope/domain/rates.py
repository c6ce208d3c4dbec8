"""How often a classifier is right about blasts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorRates:
    """Counts on held-out cells by which a blast share is corrected.

    Attributes
    ----------
    blasts_called, blasts_seen : blasts called blasts, and all blasts tested (sensitivity)
    others_cleared, others_seen : other cells not called blasts, and all other cells tested (specificity)
    source : where these cells come from
    """

    blasts_called: int
    blasts_seen: int
    others_cleared: int
    others_seen: int
    source: str

    @property
    def are_measured(self) -> bool:
        """Whether both blasts and other cells were tested."""
        return bool(self.blasts_seen) and bool(self.others_seen)
