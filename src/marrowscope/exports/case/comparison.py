"""A count beside the reference ranges of its specimen, age and sex."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from marrowscope.domain.case.details import CaseDetails, Sex
from marrowscope.domain.case.laboratory import Laboratory
from marrowscope.domain.case.ranges import Figure, Flag, ReferenceRange
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.differential import RATIO_DECIMALS, erythroblasts_per_100, myeloid_to_erythroid
from marrowscope.domain.patient import PatientReading
from marrowscope.domain.percent import percent_text
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.exports.figures import TypeRow, type_rows


@dataclass(frozen=True)
class Compared:
    """A figure as it is printed, beside its range; `cells` are those of a percentage."""

    range: ReferenceRange
    value: float
    cells: int = 0

    @property
    def flag(self) -> Flag:
        """Where the figure lies."""
        return self.range.flag(self.value)

    @property
    def bounds(self) -> str:
        """The range in words."""
        return f"{self.range.low:.1f}–{self.range.high:.1f}"


@dataclass(frozen=True)
class Comparison:
    """All figures of a count that have a range.

    Attributes
    ----------
    by_type : of the rows of the differential
    groups : of several rows together, and of types that are expected and not found
    beside : of figures beside the differential
    sources : of the ranges used
    missing : why there are none, or not all; empty where nothing is missing
    """

    by_type: Mapping[str, Compared] = field(default_factory=dict)
    groups: tuple[Compared, ...] = ()
    beside: Mapping[Figure, Compared] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    missing: str = ""

    @property
    def has_ranges(self) -> bool:
        """Whether there is any."""
        return bool(self.by_type or self.groups or self.beside)


def compare(patient: PatientReading, laboratory: Laboratory) -> Comparison:
    """Compare a patient's count with the laboratory's ranges.

    Ranges are never taken from another specimen or age than the stated ones.
    """
    details = patient.details
    fitting = [each for each in laboratory.ranges if each.holds_for(details)]
    missing = _missing(laboratory.ranges, details, fitting)
    if not patient.differential.counted:
        return Comparison(missing=missing)
    rows = type_rows(patient)
    by_type: dict[str, Compared] = {}
    groups = []
    beside: dict[Figure, Compared] = {}
    for each in fitting:
        if each.figure is not Figure.PERCENT:
            value = _figure(patient, each.figure)
            if value is not None:
                beside.setdefault(each.figure, Compared(each, value))
            continue
        own = [row for row in rows if _belongs(row, each)]
        cells = sum(row.cells for row in own)
        if len(own) == 1 and tuple(each.types) == (own[0].cell_type.id,):
            by_type.setdefault(own[0].cell_type.id, Compared(each, own[0].share.percent, cells))
        elif own or each.low > 0:
            share = percent_text(cells / patient.differential.counted)
            groups.append(Compared(each, float(share), cells))
    used = [*by_type.values(), *groups, *beside.values()]
    sources = dict.fromkeys(each.range.source for each in used)
    return Comparison(by_type, tuple(groups), beside, tuple(sources), missing)


def _belongs(row: TypeRow, to: ReferenceRange) -> bool:
    own = {row.cell_type.id, *(kind.id for kind in taxonomy().ancestors(row.cell_type.id))}
    return not own.isdisjoint(to.types)


def _figure(patient: PatientReading, figure: Figure) -> float | None:
    if figure is Figure.M_TO_E:
        found = myeloid_to_erythroid(patient.differential)
        return None if found is None else round(found.ratio, RATIO_DECIMALS)
    per_100 = erythroblasts_per_100(patient.differential)
    return None if per_100 is None else round(per_100, 1)


def _missing(
    ranges: Sequence[ReferenceRange], details: CaseDetails, fitting: Sequence[ReferenceRange]
) -> str:
    if not ranges:
        return ""
    if details.specimen is Specimen.NOT_STATED:
        return "No reference ranges: the specimen is not stated."
    if details.age_years is None:
        return "No reference ranges: the patient's age is not stated."
    if not fitting:
        return "No reference ranges are known for this specimen at this age."
    by_sex = [replace(details, sex=sex) for sex in (Sex.FEMALE, Sex.MALE)]
    if details.sex is Sex.NOT_STATED and any(
        each.sex is not Sex.NOT_STATED and any(map(each.holds_for, by_sex)) for each in ranges
    ):
        return "Ranges that differ by sex are left out: the sex is not stated."
    return ""
