"""The template's view of each patient."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from marrowscope.analysis.limits import alarms
from marrowscope.domain.case.laboratory import Laboratory
from marrowscope.domain.case.megakaryocytes import ListedCandidate, Megakaryocytes
from marrowscope.domain.cells import FLAG_ADDED, FLAG_BORDER, FLAG_DELETED, FLAG_REVIEWED, Cell
from marrowscope.domain.decision import Decision, Interval
from marrowscope.domain.patient import (
    CohortReport,
    FieldReading,
    FieldStatus,
    PatientReading,
    SlideReading,
)
from marrowscope.domain.scale import ScaleSource
from marrowscope.domain.taxonomy import CellType, taxonomy
from marrowscope.exports.case.view import CaseView, case_view
from marrowscope.exports.figures import (
    LineageRow,
    Sampling,
    ShareRow,
    TypeRow,
    blasts_not_counted,
    confirmed_per_mm2,
    excluded_rows,
    fields_with,
    lineage_rows,
    non_erythroid_blasts,
    review_facts,
    sampling,
    scales,
    share_rows,
    type_rows,
    why_nothing_decides,
)
from marrowscope.exports.pictures import GalleryItem, PictureLimits, Pictures, limits_for
from marrowscope.exports.signed import SignedNames, signed_names
from marrowscope.exports.tables import passed_over_text

SCALE_SOURCES = {
    ScaleSource.GIVEN: "given by the user",
    ScaleSource.METADATA: "stated in the image files",
    ScaleSource.LEUKOCYTES: "measured on the leukocytes",
    ScaleSource.RED_CELLS: "measured on the red cells",
    ScaleSource.PATIENT: "taken from the patient's other fields",
    ScaleSource.ASSUMED: "assumed, not measured",
}
_BAR_SCALES = (10, 15, 20, 25, 30, 40, 50, 60, 80, 100)  # possible ends of the bar axis, in percent


@dataclass(frozen=True)
class CellView:
    """A picture in the gallery: data URI, caption, tooltip, and whether the cell is counted."""

    image: Markup
    caption: str
    title: str
    is_counted: bool


@dataclass(frozen=True)
class TypeGallery:
    """Example cells of one type, and their total number."""

    cell_type: CellType
    total: int
    cells: tuple[CellView, ...]


@dataclass(frozen=True)
class FieldView:
    """A field: its reading, number of blasts, link to the annotated picture, and preview as a data URI."""

    reading: FieldReading
    blasts: int
    link: str | None
    preview: Markup | None


@dataclass(frozen=True)
class SlideView:
    """A slide: what was counted of it, link to its annotated overview, and preview as a data URI."""

    reading: SlideReading
    link: str | None
    preview: Markup | None


@dataclass(frozen=True)
class LargeCellView:
    """A candidate for a megakaryocyte: data URI of its picture, caption, and tooltip."""

    image: Markup
    caption: str
    title: str


@dataclass(frozen=True)
class MegakaryocytesView:
    """The megakaryocytes of a patient; `confirmed` is per mm² with its interval, None without answers."""

    found: Megakaryocytes
    shown: tuple[LargeCellView, ...]
    confirmed: tuple[float, float, float] | None


@dataclass(frozen=True)
class PatientView:
    """Everything the page shows of one patient."""

    anchor: str
    reading: PatientReading
    shares: tuple[ShareRow, ...]
    why_nothing_decides: str
    alarms: tuple[str, ...]
    decisions: tuple[Decision, ...]
    rows: tuple[TypeRow, ...]
    bar_scale: int
    lineages: tuple[LineageRow, ...]
    sampling: Sampling | None
    excluded: tuple[tuple[str, int], ...]
    case: CaseView
    non_erythroid: Interval | None
    scales: tuple[tuple[float, str, int], ...]
    blasts: tuple[CellView, ...]
    blasts_total: int
    blasts_not_counted: str
    others: tuple[TypeGallery, ...]
    previews: tuple[FieldView, ...]
    fields: tuple[FieldView, ...]
    slides: tuple[SlideView, ...]
    megakaryocytes: MegakaryocytesView | None
    read: int
    failed: tuple[FieldReading, ...]
    repeated: tuple[FieldReading, ...]
    passed_over: str
    renamed_away: tuple[tuple[str, int], ...]
    review_summary: str
    signed: SignedNames | None
    is_of_single_cells: bool
    sheets: tuple[str, ...]


def patient_views(report: CohortReport, pictures: Pictures) -> tuple[PatientView, ...]:
    """Return the views of all patients, with fewer pictures each in large cohorts."""
    limits = limits_for(len(report.patients))
    return tuple(
        _view(patient, report.laboratory, f"patient-{number}", pictures, limits)
        for number, patient in enumerate(report.patients, start=1)
    )


def _view(
    patient: PatientReading, laboratory: Laboratory, anchor: str, pictures: Pictures, limits: PictureLimits
) -> PatientView:
    gallery = pictures.gallery(patient.patient)
    rows = type_rows(patient)
    highest = max((100 * row.interval.high for row in rows), default=0.0)
    return PatientView(
        anchor=anchor,
        reading=patient,
        shares=share_rows(patient),
        why_nothing_decides=why_nothing_decides(patient),
        alarms=alarms(patient.differential),
        decisions=(patient.decision, *patient.alternatives),
        rows=rows,
        bar_scale=next(end for end in _BAR_SCALES if highest <= end),
        lineages=lineage_rows(patient.differential),
        sampling=sampling(patient),
        excluded=excluded_rows(patient.differential),
        case=case_view(patient, laboratory),
        non_erythroid=non_erythroid_blasts(patient),
        scales=tuple((mpp, SCALE_SOURCES[source], n) for mpp, source, n in scales(patient.fields)),
        blasts=_blasts(patient, gallery, limits.blasts),
        blasts_total=int(patient.cells.is_blast.sum()),
        blasts_not_counted=blasts_not_counted(patient),
        others=_others(patient, gallery, limits.of_a_type),
        previews=_previews(patient, pictures, limits.fields),
        fields=tuple(_field(patient, field, pictures, with_preview=False) for field in patient.fields),
        slides=tuple(_slide(patient, slide, pictures) for slide in patient.slides),
        megakaryocytes=_megakaryocytes(patient, pictures, limits.megakaryocytes),
        read=len(fields_with(patient, FieldStatus.READ)),
        failed=fields_with(patient, FieldStatus.FAILED),
        repeated=fields_with(patient, FieldStatus.DUPLICATE),
        passed_over=passed_over_text(patient),
        renamed_away=_renamed_away(patient),
        review_summary=dict(review_facts(patient)).get("Review", ""),
        signed=signed_names(patient),
        is_of_single_cells=any(field.is_single_cell for field in patient.fields),
        sheets=tuple(pictures.sheets(patient.patient)),
    )


def _renamed_away(patient: PatientReading) -> tuple[tuple[str, int], ...]:
    """Return the types that lost all their counted cells in the review, with the number they had before."""
    if patient.review is None:
        return ()
    left = patient.differential.counts
    before = patient.review.network.differential.counts
    return tuple((taxonomy()[name].name, cells) for name, cells in before.items() if not left.get(name))


def _blasts(patient: PatientReading, gallery: Sequence[GalleryItem], most: int) -> tuple[CellView, ...]:
    shown = sorted((item for item in gallery if item.is_blast), key=lambda item: -item.p_blast)
    return _cells(patient, shown[:most])


def _others(patient: PatientReading, gallery: Sequence[GalleryItem], most: int) -> tuple[TypeGallery, ...]:
    names = [cell.cell_type for cell in patient.cells if FLAG_DELETED not in cell.flags]
    galleries = []
    for cell_type in taxonomy():
        items = [item for item in gallery if item.cell_type == cell_type.id and not item.is_blast]
        if items:
            views = _cells(patient, items[:most])
            galleries.append(TypeGallery(cell_type, names.count(cell_type.id), views))
    return tuple(galleries)


def _cells(patient: PatientReading, items: Sequence[GalleryItem]) -> tuple[CellView, ...]:
    fields = {field.name: field for field in patient.fields}
    views = []
    for item in items:
        cell = fields[item.field].cells[item.cell_index]
        caption, why = _certainty(cell)
        views.append(
            CellView(
                image=_data_uri(item.jpeg),
                caption=caption + " edge" * (FLAG_BORDER in cell.flags),
                title=f"{item.field}, cell {item.cell_index + 1}: {taxonomy()[item.cell_type].name}, {why}",
                is_counted=cell.is_counted,
            )
        )
    return tuple(views)


def _certainty(cell: Cell) -> tuple[str, str]:
    """Return caption and tooltip on how certain a cell's type is."""
    if FLAG_ADDED in cell.flags:
        return "added", "drawn by a reader"
    if FLAG_REVIEWED in cell.flags:
        return "named", "named by a reader"
    likelihood = cell.p_blast if cell.is_blast else cell.probability
    return f"{likelihood:.2f}", f"probability {cell.probability:.4f}, blast probability {cell.p_blast:.4f}"


def _previews(patient: PatientReading, pictures: Pictures, most: int) -> tuple[FieldView, ...]:
    """Return the fields with the most blasts and cells, in field order."""
    read = list(enumerate(fields_with(patient, FieldStatus.READ)))
    telling = sorted(read, key=lambda entry: (-int(entry[1].cells.is_blast.sum()), -len(entry[1].cells)))
    views = (_field(patient, field, pictures) for _, field in sorted(telling[:most], key=lambda e: e[0]))
    return tuple(view for view in views if view.preview)


def _slide(patient: PatientReading, slide: SlideReading, pictures: Pictures) -> SlideView:
    jpeg = pictures.preview(patient.patient, slide.overview)
    link = pictures.annotated_path(patient.patient, slide.overview)
    return SlideView(slide, link, _data_uri(jpeg) if jpeg else None)


def _megakaryocytes(patient: PatientReading, pictures: Pictures, most: int) -> MegakaryocytesView | None:
    found = patient.megakaryocytes
    if found is None:
        return None
    # Those confirmed first, then the likeliest that nobody rejected.
    order = sorted(
        (each for each in found.listed if each.candidate.is_confirmed is not False),
        key=lambda each: (each.candidate.is_confirmed is None, -each.candidate.score),
    )
    squares = ((each, pictures.megakaryocyte(patient.patient, each)) for each in order[:most])
    return MegakaryocytesView(
        found,
        tuple(_large_cell(each, jpeg) for each, jpeg in squares if jpeg),
        confirmed_per_mm2(found),
    )


def _large_cell(listed: ListedCandidate, jpeg: bytes) -> LargeCellView:
    candidate = listed.candidate
    is_confirmed = candidate.is_confirmed is True
    caption = "confirmed" if is_confirmed else f"{candidate.area_um2:.0f} µm²"
    title = (
        f"{listed.image}, column {candidate.box[0]}, row {candidate.box[1]}: {candidate.area_um2:.0f} µm², "
        f"nucleus {candidate.nucleus_um2:.0f} µm², score {candidate.score:.3f}"
    )
    return LargeCellView(_data_uri(jpeg), caption, title)


def _field(
    patient: PatientReading, field: FieldReading, pictures: Pictures, *, with_preview: bool = True
) -> FieldView:
    is_read = field.status is FieldStatus.READ
    jpeg = pictures.preview(patient.patient, field.name) if is_read and with_preview else None
    return FieldView(
        reading=field,
        blasts=int(field.cells.is_blast.sum()),
        link=pictures.annotated_path(patient.patient, field.name) if is_read else None,
        preview=_data_uri(jpeg) if jpeg else None,
    )


def _data_uri(jpeg: bytes) -> Markup:
    """Return a picture as a data URI, which needs no escaping."""
    return Markup("data:image/jpeg;base64," + b64encode(jpeg).decode())  # noqa: S704  # base64 only
