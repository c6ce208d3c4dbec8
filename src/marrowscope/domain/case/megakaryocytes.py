"""Megakaryocytes: told apart from the differential, and counted per area of smear (ICSH; Lee et al. 2008)."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class MegakaryocyteCandidate:
    """What may be a megakaryocyte, by its size and colour; a person has to say whether it is one.

    Attributes
    ----------
    box : left, top, right, bottom in full-resolution pixels of its field or slide
    area_um2, nucleus_um2 : of the whole cell, and of its nucleus
    score : 0 to 1, how well it has the shape and colour of one
    is_confirmed : what a reader said; None if nobody answered
    """

    box: tuple[int, int, int, int]
    area_um2: float
    nucleus_um2: float
    score: float
    is_confirmed: bool | None = None


@dataclass(frozen=True)
class MegakaryocyteSearch:
    """What came of looking at one field or slide.

    Attributes
    ----------
    examined_mm2 : area in which a megakaryocyte would have been seen; 0 if there was none to look at
    candidates : the likeliest first
    """

    examined_mm2: float = 0.0
    candidates: tuple[MegakaryocyteCandidate, ...] = ()


@dataclass(frozen=True)
class ListedCandidate:
    """A candidate of a patient: its field or slide by name and digest, and its place among those there."""

    image: str
    sha256: str
    place: int
    candidate: MegakaryocyteCandidate


@dataclass(frozen=True)
class Megakaryocytes:
    """The megakaryocytes of a patient, which are in no differential.

    Attributes
    ----------
    examined_mm2 : area looked at, of all fields and slides
    listed : candidates, in the order of the fields and slides
    """

    examined_mm2: float
    listed: tuple[ListedCandidate, ...]

    @property
    def confirmed(self) -> int:
        """Number that a reader confirmed."""
        return self._answered(True)

    @property
    def rejected(self) -> int:
        """Number that a reader said are none."""
        return self._answered(False)

    @property
    def unanswered(self) -> int:
        """Number that nobody has answered."""
        return len(self.listed) - self.confirmed - self.rejected

    def per_mm2(self, number: float) -> float:
        """Return so many as a count per mm² examined."""
        return number / self.examined_mm2

    def _answered(self, answer: bool) -> int:
        return sum(each.candidate.is_confirmed is answer for each in self.listed)


def megakaryocytes_of(
    searches: Iterable[tuple[str, str, MegakaryocyteSearch | None]],
) -> Megakaryocytes | None:
    """Return the megakaryocytes of a patient, None if no area was examined.

    Parameters
    ----------
    searches : name and digest of a field or slide, and what came of looking at it
    """
    looked_at = [
        (name, sha256, found)
        for name, sha256, found in searches
        if found is not None and found.examined_mm2 > 0
    ]
    if not looked_at:
        return None
    listed = tuple(
        ListedCandidate(name, sha256, place, candidate)
        for name, sha256, found in looked_at
        for place, candidate in enumerate(found.candidates)
    )
    return Megakaryocytes(sum(found.examined_mm2 for *_, found in looked_at), listed)
