"""How far a count is that goes on: how many cells it lacks, and whether it has reached its end."""

from dataclasses import dataclass

from marrowscope.analysis.patient import CountingSettings
from marrowscope.domain.patient import PatientReading


@dataclass(frozen=True)
class Standing:
    """How far a patient's count is.

    Attributes
    ----------
    target : recommended number of cells of the patient's specimen
    to_go : cells that it lacks
    is_settled : whether the count decides, whatever further cells would show
    """

    target: int
    to_go: int
    is_settled: bool

    @property
    def has_target(self) -> bool:
        """Whether the recommended number of cells is counted."""
        return not self.to_go


def standing_of(patient: PatientReading, counting: CountingSettings) -> Standing:
    """Return how far a patient's count is.

    Parameters
    ----------
    patient : the count so far
    counting : the settings it was made with
    """
    target = counting.target_of(patient.details.specimen)
    return Standing(target, max(target - patient.differential.counted, 0), patient.decision.is_settled)
