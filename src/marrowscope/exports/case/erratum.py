"""The erratum of an amended report: what it says otherwise than the version before."""

from collections.abc import Iterator

from marrowscope.domain.differential import Differential, erythroblasts_per_100
from marrowscope.domain.patient import Change, PatientReading
from marrowscope.domain.percent import percent_text, range_text
from marrowscope.domain.taxonomy import BLAST, taxonomy
from marrowscope.exports.case.facts import changed_details
from marrowscope.exports.figures import confirmed_per_mm2, share_rows


def changes(before: PatientReading, after: PatientReading) -> tuple[Change, ...]:
    """Return every statement of a report that differs from the version before: statements, count, verdict."""
    details = (Change(*each) for each in changed_details(before.details, after.details))
    return (*details, *(each for each in _figures(before, after) if each.before != each.after))


def _figures(before: PatientReading, after: PatientReading) -> Iterator[Change]:
    both = before.differential, after.differential
    yield Change("Verdict", before.decision.statement, after.decision.statement)
    yield Change("Blast share that decides", *map(_deciding, (before, after)))
    yield Change("Counted cells", *(str(each.counted) for each in both))
    yield Change("Blasts, all", *(_cells(each, each.blasts) for each in both))
    # Where all blasts are of the broadest type, their row would say the same twice.
    has_kinds = any(each.counts.get(BLAST, 0) != each.blasts for each in both)
    for cell_type in taxonomy() if has_kinds else (kind for kind in taxonomy() if kind.id != BLAST):
        yield Change(cell_type.name, *(_cells(each, each.counts.get(cell_type.id, 0)) for each in both))
    yield Change("Erythroblasts per 100 leukocytes", *(_per_100(each) for each in both))
    yield Change("Megakaryocytes per mm²", *(_megakaryocytes(each) for each in (before, after)))
    yield Change("Cells found but not counted", *(str(sum(each.excluded.values())) for each in both))


def _deciding(patient: PatientReading) -> str:
    share = next((row for row in share_rows(patient) if row.decides), None)
    if share is None:
        return "none"
    return f"{range_text(share.interval.low, share.interval.high)} % ({share.title})"


def _cells(differential: Differential, cells: int) -> str:
    if not differential.counted:
        return str(cells)
    return f"{cells} ({percent_text(cells / differential.counted)} %)"


def _megakaryocytes(patient: PatientReading) -> str:
    found = patient.megakaryocytes
    per_mm2 = None if found is None else confirmed_per_mm2(found)
    if found is None or per_mm2 is None:
        return "none confirmed"
    return f"{per_mm2[0]:.2f} ({found.confirmed} confirmed)"


def _per_100(differential: Differential) -> str:
    per_100 = erythroblasts_per_100(differential)
    return f"{per_100:.1f}" if per_100 else "none"
