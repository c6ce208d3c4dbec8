"""The results folder: all files of a finished run."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image

from marrowscope.domain.case.megakaryocytes import ListedCandidate
from marrowscope.domain.patient import (
    CohortReport,
    EarlierCount,
    FieldStatus,
    PatientReading,
)
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.case.facts import file_title
from marrowscope.exports.formats import EXPORTS
from marrowscope.exports.html import write_html
from marrowscope.exports.pdf import write_pdf
from marrowscope.exports.pictures import GalleryItem, cells_to_show, limits_for
from marrowscope.exports.provenance import write_run_json
from marrowscope.exports.signed import named_otherwise
from marrowscope.exports.tables import MEGAKARYOCYTES_CSV, write_megakaryocytes_csv
from marrowscope.imaging.draw import Tile, TileGroup, draw_sheet
from marrowscope.imaging.gallery import LARGE_PX, from_sheet
from marrowscope.imaging.jpeg import jpeg_bytes
from marrowscope.imaging.slides.overview import draw_overview
from marrowscope.journal import Journal

FORMATS = ("csv", "xlsx", "html", "json")
"""Formats that every run writes."""
MORE_FORMATS = ("pdf", "fhir", "hl7", "dicom", "geojson", "coco", "yolo", "voc")
"""Formats written on request."""
_PREVIEW_PX = 720
_CELLS_ON_A_SHEET = 480


def earlier_counts(out: Path) -> dict[str, EarlierCount]:
    """Return the patients' counts in the report that a results folder holds; none without a readable one."""
    try:
        document = json.loads((out / "run.json").read_text("utf-8"))
        return {
            patient["patient"]: EarlierCount(
                frozenset(entry["sha256"] for entry in patient["inputs"] if entry["sha256"]),
                bool(patient.get("looks_again")),
            )
            for patient in document["patients"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def write_report(
    report: CohortReport, journal: Journal, formats: Sequence[str] = FORMATS
) -> tuple[Path, ...]:
    """Write the files of a report to the folder of its run, and return their paths.

    Raises
    ------
    MissingExtraError
        A PDF is requested, and the extra `pdf` is not installed.
    OSError
        The folder cannot be written to.
    """
    out = journal.out
    written: list[Path] = []
    if "csv" in formats:
        written += [_write(report, name, out) for name in ("patients", "cells")]
        written += _write_megakaryocytes(report, out)
    if "xlsx" in formats:
        written.append(_write(report, "xlsx", out))
    if "html" in formats:
        for patient in report.patients if report.has_pictures else ():
            written += [*_write_sheets(patient, journal), *_write_overviews(patient, journal)]
        write_html(report, out / "report.html", JournalPictures(report, journal))
        written.append(out / "report.html")
    if "json" in formats:
        journal.record_report(report)
        write_run_json(report, out / "run.json")
        written.append(out / "run.json")
    written += [_write(report, name, out) for name in MORE_FORMATS if name in formats and name in EXPORTS]
    if "pdf" in formats:
        write_pdf(report, out / "report.pdf", JournalPictures(report, journal))
        written.append(out / "report.pdf")
        if len(report.patients) > 1:
            written += [_write_own_pdf(report, patient, journal) for patient in report.patients]
    return tuple(written)


def write_as(report: CohortReport, journal: Journal, name: str, target: Path) -> None:
    """Write a report of a finished run in one format anywhere, complete in itself.

    Parameters
    ----------
    name : one of `EXPORTS`, ``html`` or ``pdf``
    target : the file or folder to write

    Raises
    ------
    MissingExtraError
        The format needs an extra that is not installed.
    InputError
        The format cannot say what the report holds.
    OSError
        The target cannot be written.
    """
    if name == "html":
        write_html(report, target, JournalPictures(report, journal, has_links=False))
    elif name == "pdf":
        write_pdf(report, target, JournalPictures(report, journal))
    else:
        EXPORTS[name].write(report, target)


def _write(report: CohortReport, name: str, out: Path) -> Path:
    path = out / EXPORTS[name].name
    EXPORTS[name].write(report, path)
    return path


def _write_own_pdf(report: CohortReport, patient: PatientReading, journal: Journal) -> Path:
    """Write the report of one patient among several, to be filed with that patient."""
    own = replace(report, patients=(patient,))
    path = journal.out / "reports" / file_title(patient, "report.pdf")
    path.parent.mkdir(exist_ok=True)
    write_pdf(own, path, JournalPictures(own, journal))
    return path


def _write_megakaryocytes(report: CohortReport, out: Path) -> Iterator[Path]:
    """Write the candidates for megakaryocytes where any image could have shown one."""
    path = out / MEGAKARYOCYTES_CSV
    if any(patient.megakaryocytes for patient in report.patients):
        write_megakaryocytes_csv(report, path)
        yield path
    else:
        path.unlink(missing_ok=True)  # by a run of other images


def _write_sheets(patient: PatientReading, journal: Journal) -> Iterator[Path]:
    """Write sheets of a patient's single cells by the networks' type; those signed otherwise are marked."""
    cells = [
        (cell.cell_type, field.signed_type, field)
        for field in patient.fields
        if field.is_single_cell
        for cell in field.cells
    ]
    order = {kind.id: place for place, kind in enumerate(taxonomy())}
    cells.sort(key=lambda entry: (order[entry[0]], not named_otherwise(entry[0], entry[1])))
    for first in range(0, len(cells), _CELLS_ON_A_SHEET):
        groups: dict[str, list[Tile]] = {}
        for cell_type, signed, field in cells[first : first + _CELLS_ON_A_SHEET]:
            picture = from_sheet(journal.sheet(patient.patient, field), 0)
            mark = taxonomy()[signed].abbreviation if signed and named_otherwise(cell_type, signed) else ""
            groups.setdefault(cell_type, []).append(Tile(picture, mark))
        titled = [
            TileGroup(f"{taxonomy()[name].name} ({len(tiles)})", taxonomy()[name].colour, tiles)
            for name, tiles in groups.items()
        ]
        path = journal.sheet_path(patient.patient, first // _CELLS_ON_A_SHEET + 1)
        write_atomic(path, jpeg_bytes(draw_sheet(titled), 88))
        yield path
    number = -(-len(cells) // _CELLS_ON_A_SHEET) + 1
    while (left := journal.sheet_path(patient.patient, number)).is_file():  # by a run of more images
        left.unlink()
        number += 1


def _write_overviews(patient: PatientReading, journal: Journal) -> Iterator[Path]:
    """Write the annotated overview of each of a patient's slides."""
    for slide in patient.slides:
        found = journal.survey(slide.sha256)
        tiles = [field for field in patient.fields if field.slide == slide.name]
        boxes = [tile.boxes_in_image[tile.cells.is_blast] for tile in tiles]
        middles = np.concatenate([np.zeros((0, 2)), *((each[:, :2] + each[:, 2:]) / 2 for each in boxes)])
        picture = draw_overview(
            found,
            [tile.slide_xy for tile in tiles if tile.slide_xy and tile.status is FieldStatus.READ],
            middles,
            f"counted: {slide.counted_mm2:.2f} of {slide.countable_mm2:.2f} square millimetres",
        )
        path = journal.annotated_path(patient.patient, slide.overview)
        write_atomic(path, jpeg_bytes(picture, 88))
        yield path


class JournalPictures:
    """Pictures for the report page, taken from the journal.

    Parameters
    ----------
    report : the report
    journal : journal of its run
    has_links : whether the page lies beside the annotated fields, and may link to them
    """

    def __init__(self, report: CohortReport, journal: Journal, *, has_links: bool = True) -> None:
        self._has_links = has_links
        self._patients = {patient.patient: patient for patient in report.patients}
        self._journal = journal
        self._large: dict[str, Image.Image] = {}  # the sheet that was asked for last, by its digest

    def gallery(self, patient: str) -> Sequence[GalleryItem]:
        """Return pictures of a patient's cells for the report."""
        reading = self._patients[patient]
        fields = {field.name: field for field in reading.fields}
        sheets: dict[str, Image.Image] = {}
        items = []
        for name, row in cells_to_show(reading, limits_for(len(self._patients))):
            if name not in sheets:
                sheets[name] = self._journal.sheet(patient, fields[name])
            cell = fields[name].cells[row]
            picture = jpeg_bytes(from_sheet(sheets[name], row), 85)
            items.append(GalleryItem(cell.cell_type, cell.p_blast, cell.is_blast, name, row, picture))
        return items

    def preview(self, patient: str, field: str) -> bytes | None:
        """Return a small JPEG of the annotated field, None if there is none."""
        path = self._journal.annotated_path(patient, field)
        if not path.is_file():
            return None
        with Image.open(path) as image:
            image.draft("RGB", (_PREVIEW_PX, _PREVIEW_PX))
            image.thumbnail((_PREVIEW_PX, _PREVIEW_PX))
            return jpeg_bytes(image, 80)

    def annotated_path(self, patient: str, field: str) -> str | None:
        """Return the URL of the annotated field relative to the page, None if there is none."""
        path = self._journal.annotated_path(patient, field)
        return self._url(path) if self._has_links and path.is_file() else None

    def sheets(self, patient: str) -> Sequence[str]:
        """Return the URLs of the sheets of single cells relative to the page."""
        paths: list[str] = []
        while self._has_links and (path := self._journal.sheet_path(patient, len(paths) + 1)).is_file():
            paths.append(self._url(path))
        return paths

    def megakaryocyte(self, patient: str, listed: ListedCandidate) -> bytes | None:
        """Return a square around a candidate for a megakaryocyte."""
        reading = self._patients[patient]
        if listed.sha256 not in self._large:
            field = next((each for each in reading.fields if each.name == listed.image), None)
            if field is None:
                sheet: Image.Image = Image.open(BytesIO(self._journal.survey(listed.sha256).pictures))
            else:
                sheet = self._journal.large_sheet(patient, field)
            self._large = {listed.sha256: sheet}
        return jpeg_bytes(from_sheet(self._large[listed.sha256], listed.place, LARGE_PX), 85)

    def _url(self, path: Path) -> str:
        return quote(path.relative_to(self._journal.out).as_posix())
