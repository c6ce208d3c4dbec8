"""A report as a run would give it, without running one: drawn counts, real pictures if they are at hand."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image, ImageDraw
from tests.rates import VALIDATED

from marrowscope.analysis.patient import CountingSettings, read_patient
from marrowscope.domain.case.details import NOTHING_STATED, CaseDetails
from marrowscope.domain.case.megakaryocytes import (
    ListedCandidate,
    MegakaryocyteCandidate,
    MegakaryocyteSearch,
)
from marrowscope.domain.cells import FLAG_BORDER, FLAG_UNCERTAIN, Cells
from marrowscope.domain.patient import (
    CohortReport,
    FieldReading,
    FieldStatus,
    PatientReading,
    Provenance,
    SlideReading,
)
from marrowscope.domain.scale import Scale, ScaleSource
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.exports.pictures import GalleryItem, cells_to_show

KNOWN = VALIDATED
WIDTH, HEIGHT = 1600, 1200
SIDE = 110.0
# Shares of what is not a blast in a marrow.
MARROW = {
    "promyelocyte": 3,
    "myelocyte": 10,
    "metamyelocyte": 10,
    "band_neutrophil": 12,
    "segmented_neutrophil": 22,
    "eosinophil": 3,
    "basophil": 1,
    "monocyte": 4,
    "lymphocyte": 14,
    "erythroblast": 18,
    "unclassified": 4,
    "platelet": 3,
}


def field_reading(
    name: str, rng: np.random.Generator, cells: int, blast_share: float, flags: tuple[str, ...] = ()
) -> FieldReading:
    """Draw a field with `cells` cells."""
    kinds = list(MARROW)
    weights = np.array(list(MARROW.values()), float)
    is_blast = rng.random(cells) < blast_share
    types = ["blast" if b else kinds[rng.choice(len(kinds), p=weights / weights.sum())] for b in is_blast]
    corners = rng.uniform([0, 0], [WIDTH - SIDE, HEIGHT - SIDE], (cells, 2))
    border = corners.min(axis=1) < 12
    words = [
        (FLAG_BORDER,) * bool(b) + (FLAG_UNCERTAIN,) * (t == "unclassified")
        for b, t in zip(border, types, strict=True)
    ]
    p_blast = np.where(is_blast, rng.uniform(0.55, 1, cells), rng.uniform(0, 0.4, cells))
    found = Cells(
        boxes=np.hstack([corners, corners + SIDE]).astype(np.float32),
        scores=rng.uniform(0.4, 0.99, cells).astype(np.float32),
        cell_types=tuple(types),
        probability=np.where(is_blast, p_blast, rng.uniform(0.5, 0.99, cells)).astype(np.float32),
        p_blast=p_blast.astype(np.float32),
        is_blast=is_blast,
        is_counted=np.array(
            [taxonomy()[t].is_counted and not b for t, b in zip(types, border, strict=True)], bool
        ),
        flags=tuple(words),
    )
    return FieldReading(
        name=name,
        status=FieldStatus.READ,
        cells=found,
        width=WIDTH,
        height=HEIGHT,
        scale=Scale(0.1234, ScaleSource.LEUKOCYTES),
        flags=flags,
        notes=(),
        sha256="ab" * 32,
    )


def failed_field(name: str, message: str) -> FieldReading:
    """Return a field that could not be read."""
    return FieldReading(name=name, status=FieldStatus.FAILED, message=message)


def patient(
    name: str,
    blast_share: float = 0.1,
    cells: int = 520,
    fields: int = 12,
    *,
    seed: int = 1,
    truth: str | None = None,
    extra: Sequence[FieldReading] = (),
    details: CaseDetails = NOTHING_STATED,
) -> PatientReading:
    """Draw a patient with about `cells` cells on `fields` fields."""
    rng = np.random.default_rng(seed)
    per_field = rng.multinomial(cells, np.full(fields, 1 / fields)).tolist() if fields else []
    drawn = [
        field_reading(f"slide 1/field {i + 1:02d}.jpg", rng, n, blast_share, ("out_of_focus",) * (i % 5 == 3))
        for i, n in enumerate(per_field)
    ]
    return read_patient(name, [*drawn, *extra], CountingSettings(), KNOWN, truth=truth, details=details)


def with_megakaryocytes(reading: PatientReading, *answers: bool | None) -> PatientReading:
    """Return a reading with a slide of 4 mm² examined, and a candidate there for each answer."""
    candidates = tuple(
        MegakaryocyteCandidate((200 * n, 0, 200 * n + 180, 190), 1800.0, 600.0, 0.9, answer)
        for n, answer in enumerate(answers)
    )
    slide = SlideReading(
        name="smear.svs", sha256="cd" * 32, width=9000, height=8000, mpp=0.25, countable_mm2=3.5,
        counted_mm2=0.5, tiles=50, tiles_counted=8, tiles_unfit=0,
        megakaryocytes=MegakaryocyteSearch(4.0, candidates),
    )  # fmt: skip
    return replace(reading, slides=(slide,))


def report(patients: Sequence[PatientReading]) -> CohortReport:
    """Return a report of given patients with a fixed provenance."""
    provenance = Provenance(
        version="0.1.0",
        bundle="marrowscope-1",
        bundle_sha256="4c1d" * 16,
        started="2026-01-05T09:12:44+00:00",
        finished="2026-01-05T09:17:31+00:00",
        settings={
            "mpp": "measured",
            "rule": "over-20: blasts > 20 %",
            "floor": "200",
            "score_threshold": "0.4",
            "blast_threshold": "0.5",
            "taxonomy": "1",
        },
        seconds={"listing": 0.412, "reading": 284.118, "counting": 0.093},
    )
    return CohortReport(tuple(patients), provenance)


@cache
def nine_patients() -> CohortReport:
    """Return a cohort as it comes: clear cases, close ones, poor ones, and names no one asked for."""
    broken = failed_field("slide 1/field 98.jpg", "the file ends too early")
    empty = failed_field("slide 1/notes.png", "not an image: text")
    twin = FieldReading(
        "slide 1/field 99.jpg", FieldStatus.DUPLICATE, message="the same image as field 01.jpg; counted once"
    )
    return report(
        [
            patient("P01 Hernández", 0.62, 540, 14, seed=1, truth="leukemia"),
            patient("P02", 0.015, 610, 12, seed=2, truth="healthy"),
            patient("P03", 0.21, 530, 13, seed=3, truth="leukemia", extra=[broken, empty, twin]),
            patient("Фёдорова Анна", 0.03, 505, 10, seed=4, truth="healthy"),
            patient("山田 太郎", 0.41, 330, 9, seed=5, truth="leukemia"),
            patient("<script>alert(1)</script>", 0.27, 700, 16, seed=6, truth="leukemia"),
            patient('=HYPERLINK("x")', 0.05, 90, 3, seed=7, truth="healthy"),
            patient("no fields", fields=0, cells=0, truth="healthy"),
            patient("all failed", fields=0, cells=0, extra=[broken, empty]),
        ]
    )


@dataclass
class DrawnPictures:
    """Pictures of a drawn report: crops from `cells` (a folder per type) if given, discs otherwise."""

    cohort: CohortReport
    crops: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    fields: Sequence[Path] = ()

    def gallery(self, patient: str) -> Sequence[GalleryItem]:
        reading = self._reading(patient)
        by_name = {f.name: f for f in reading.fields}
        items = []
        for position, (name, row) in enumerate(cells_to_show(reading)):
            cell = by_name[name].cells[row]
            jpeg = self._crop(cell.cell_type, position)
            items.append(GalleryItem(cell.cell_type, cell.p_blast, cell.is_blast, name, row, jpeg))
        return items

    def preview(self, patient: str, field: str) -> bytes | None:
        index = [f.name for f in self._reading(patient).fields].index(field)
        if self.fields:
            return _small(self.fields[index % len(self.fields)])
        return _jpeg(Image.new("RGB", (36, 27), "#e9d9e4"), (360, 270))

    def annotated_path(self, patient: str, field: str) -> str | None:
        return "annotated/" + quote(f"{patient}/{field}.jpg")

    def sheets(self, patient: str) -> Sequence[str]:
        return ()

    def megakaryocyte(self, patient: str, listed: ListedCandidate) -> bytes | None:
        return _disc("megakaryocyte")

    def _reading(self, name: str) -> PatientReading:
        return next(p for p in self.cohort.patients if p.patient == name)

    def _crop(self, cell_type: str, position: int) -> bytes:
        files = self.crops.get(cell_type)
        if files:
            return _square(files[position % len(files)])
        return _disc(cell_type)


def real_pictures(cohort: CohortReport, data: Path) -> DrawnPictures:
    """Return pictures from the development images."""
    crops = {d.name: sorted(d.iterdir())[:24] for d in (data / "cells" / "pbc").iterdir()}
    crops["blast"] = sorted((data / "cells" / "lmu" / "myeloblast").iterdir())[:60]
    crops["unclassified"] = crops["lymphocyte"][12:]
    return DrawnPictures(cohort, crops, sorted((data / "fields" / "taleqani" / "Pro").iterdir())[:12])


@cache
def _square(path: Path) -> bytes:
    """Return the middle of a picture of one cell."""
    picture = Image.open(path).convert("RGB")
    side = min(picture.size) * 0.62
    x, y = picture.width / 2, picture.height / 2
    box = (int(x - side / 2), int(y - side / 2), int(x + side / 2), int(y + side / 2))
    return _jpeg(picture.crop(box), (96, 96))


@cache
def _small(path: Path) -> bytes:
    return _jpeg(Image.open(path).convert("RGB"), (360, 270))


@cache
def _disc(cell_type: str) -> bytes:
    picture = Image.new("RGB", (96, 96), "#f3e7ee")
    ImageDraw.Draw(picture).ellipse((18, 18, 78, 78), fill=taxonomy()[cell_type].colour)
    return _jpeg(picture, (96, 96))


def _jpeg(picture: Image.Image, size: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    picture.resize(size, Image.Resampling.LANCZOS).save(stream, "JPEG", quality=88)
    return stream.getvalue()
