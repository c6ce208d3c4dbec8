"""The numbers of a patient, and which of them decides."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from marrowscope.analysis.correction import corrected_share
from marrowscope.analysis.intervals import LEVEL, wilson
from marrowscope.analysis.laboratories import new_laboratory, own_laboratory
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.decision import NO_CLUSTERING, Basis, Clustering, Interval
from marrowscope.domain.differential import Differential
from marrowscope.domain.rates import NOTHING_KNOWN, KnownErrors

ENOUGH_REVIEWED = 100  # cells of the lot from which their share decides (setting)


@dataclass(frozen=True)
class Inferred:
    """The blast share from cells that a reader named.

    Attributes
    ----------
    share : with its interval, None while too few cells of the lot are reviewed
    cells : number of reviewed cells behind it
    warnings : sentences about limits of the review
    is_complete : every counted cell is reviewed, so that the count itself is the share
    wanted : cells of the lot from which their share decides; all of them where fewer are counted
    answered : how many of these are reviewed, in whatever order
    """

    share: Interval | None = None
    cells: int = 0
    warnings: tuple[str, ...] = ()
    is_complete: bool = False
    wanted: int = ENOUGH_REVIEWED
    answered: int = 0

    @property
    def is_enough(self) -> bool:
        """Whether the share of the reviewed cells decides."""
        return self.is_complete or self.cells >= self.wanted


NOT_REVIEWED = Inferred()


@dataclass(frozen=True)
class Numbers:
    """A count, and the shares that follow from it.

    Attributes
    ----------
    differential : the count
    clustering : precision lost because cells of one field resemble each other
    known : what is known of the networks' errors; they hold for blasts alone, so that with blast equivalents
        nothing is known
    inferred : the share from reviewed cells
    level : coverage of the deciding interval; higher for counts that are looked at repeatedly
    specimen : what was counted
    """

    differential: Differential
    clustering: Clustering = NO_CLUSTERING
    known: KnownErrors = NOTHING_KNOWN
    inferred: Inferred = NOT_REVIEWED
    level: float = LEVEL
    specimen: Specimen = Specimen.NOT_STATED

    @property
    def is_validated_elsewhere(self) -> bool:
        """Whether this laboratory's validation is of another specimen, of which it says nothing."""
        validation = self.known.validation
        stated = {self.specimen} - {Specimen.NOT_STATED}
        return validation is not None and bool(stated - {validation.figures.specimen})

    @cached_property
    def counted(self) -> Interval | None:
        """The counted share, None if no cell was counted."""
        return wilson(self.differential.blasts, self.differential.counted, LEVEL, self.clustering)

    @cached_property
    def expected(self) -> Interval | None:
        """The share if this laboratory is like those measured, None if too few were."""
        return self._expected(self.differential.counted)

    @cached_property
    def reviewed(self) -> Interval | None:
        """The share from reviewed cells, None without enough of them."""
        if self.inferred.is_complete:
            return self._recounted(self.differential.counted)
        return self.inferred.share

    @cached_property
    def basis(self) -> Basis:
        """The number that decides."""
        if self.reviewed is not None and self.inferred.is_enough:
            return Basis.REVIEWED
        if self._validated(self.differential.counted) is not None:
            return Basis.VALIDATED
        return Basis.NONE if self.expected is None else Basis.LABORATORIES

    @cached_property
    def deciding(self) -> Interval | None:
        """The deciding share, None if nothing decides."""
        if self.basis is Basis.REVIEWED:
            return self.reviewed
        return self.after(self.differential.counted)

    def after(self, counted: int) -> Interval | None:
        """Return the deciding share if this many cells were counted and shares and fields stayed as they are.

        None where the number of counted cells does not matter.
        """
        compute: dict[Basis, Callable[[int], Interval | None]] = {
            Basis.VALIDATED: self._validated,
            Basis.LABORATORIES: self._expected,
        }
        if self.inferred.is_complete:
            compute[Basis.REVIEWED] = self._recounted
        return compute[self.basis](counted) if self.basis in compute else None

    def _blasts(self, counted: int) -> float:
        return self.differential.blasts * counted / max(self.differential.counted, 1)

    def _recounted(self, counted: int) -> Interval | None:
        return wilson(self._blasts(counted), counted, self.level, self.clustering)

    def _expected(self, counted: int) -> Interval | None:
        rates = None if self.differential.equivalents else new_laboratory(self.known.laboratories)
        return corrected_share(self._blasts(counted), counted, rates, self.level, self.clustering)

    def _validated(self, counted: int) -> Interval | None:
        if self.known.validation is None or self.differential.equivalents or self.is_validated_elsewhere:
            return None
        rates = own_laboratory(self.known.validation.figures)
        return corrected_share(self._blasts(counted), counted, rates, self.level, self.clustering)
