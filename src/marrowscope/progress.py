"""Progress of a run, as those who wait for it are told."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Attributes
    ----------
    stage : ``listing``, ``scale``, ``reading``, ``drawing`` or ``writing``
    patient, field : currently being read
    done, total : number of fields
    cells, blasts : number found so far
    """

    stage: str
    patient: str = ""
    field: str = ""
    done: int = 0
    total: int = 0
    cells: int = 0
    blasts: int = 0


Listener = Callable[[Progress], None]
