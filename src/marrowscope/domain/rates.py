"""How often a classifier is right about blasts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorRates:
    """Held-out counts of the blast head, from which a share is corrected.

    Attributes
    ----------
    blasts_called, blasts_seen : blasts called blasts, of all blasts shown (sensitivity)
    others_cleared, others_seen : other cells not called blasts, of all others shown (specificity)
    source : which cells these were
    """

    blasts_called: int
    blasts_seen: int
    others_cleared: int
    others_seen: int
    source: str

    @property
    def are_measured(self) -> bool:
        """Whether blasts and other cells were shown at all."""
        return bool(self.blasts_seen) and bool(self.others_seen)
