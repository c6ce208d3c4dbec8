"""An analysis that is done, drawn straight into the store: known cells, no network has run."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from PIL import Image
from tests.exports.fake_report import HEIGHT, KNOWN, WIDTH, field_reading

from marrowscope.codec import to_json
from marrowscope.domain.patient import FieldReading
from marrowscope.imaging.gallery import sheet_of
from marrowscope.service.actors import SYSTEM
from marrowscope.service.analyses import analyses
from marrowscope.service.clock import now
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.store.claims import RUNNING
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import DONE, Analysis, AnalysisField, Cell
from marrowscope.service.store.tables.patients import Field, Patient
from marrowscope.service.store.tables.reviews import first_reading


@dataclass(frozen=True)
class Drawn:
    """Identifiers of what was drawn, and the networks' readings of the fields."""

    patient: str
    analysis: str
    fields: tuple[str, ...]
    readings: tuple[FieldReading, ...]


def draw(
    database: Database,
    blobs: Blobs,
    *,
    name: str = "P-017",
    cells: int = 240,
    fields: int = 4,
    blast_share: float = 0.1,
    seed: int = 1,
    picture: tuple[int, int, int, int] | None = None,
) -> Drawn:
    """Draw a patient whose analysis is done; `picture` is where the picture of each field is."""
    readings = [replace(each, picture=picture) for each in _readings(seed, cells, fields, blast_share)]
    with database.writing() as session:
        patient = Patient(name=name)
        session.add(patient)
        session.flush()
        analysis = Analysis(
            patient_id=patient.id,
            status=RUNNING,
            bundle="marrowscope-1",
            bundle_title="marrowscope-1 1.1",
            bundle_sha256="4c1d" * 16,
            rule="over-20",
            floor=200,
            facts={
                "settings": {"version": "0.1.0", "rule": "over-20"},
                "known": to_json(KNOWN),
            },
            total=fields,
            done=fields,
            cells=cells,
        )
        session.add(analysis)
        session.flush()
        session.add(first_reading(analysis.id))
        rows = []
        for place, reading in enumerate(readings):
            image, gallery = _pictures(seed, place, cells, fields, blast_share)
            row = Field(
                patient_id=patient.id,
                name=reading.name,
                sha256=blobs.put(image),
                width=WIDTH,
                height=HEIGHT,
            )
            session.add(row)
            session.flush()
            session.add(_analysed(analysis, row, place, reading, blobs.put(gallery)))
            session.add_all(_cells(analysis, row, place, reading))
            rows.append(row)
        patient.analysis_id = analysis.id
        analysis.started_at = now()
        session.flush()
        analyses.end(session, SYSTEM, analysis, DONE, "")
        return Drawn(patient.id, analysis.id, tuple(row.id for row in rows), tuple(readings))


@cache
def _readings(seed: int, cells: int, fields: int, blast_share: float) -> tuple[FieldReading, ...]:
    rng = np.random.default_rng(seed)
    numbers = rng.multinomial(cells, np.full(fields, 1 / fields)).tolist()
    drawn = (field_reading(f"field {i + 1}.png", rng, n, blast_share) for i, n in enumerate(numbers))
    return tuple(drawn)


@cache
def _pictures(seed: int, place: int, cells: int, fields: int, blast_share: float) -> tuple[bytes, bytes]:
    """Give a field's image as PNG, and the sheet of its cells."""
    spots = np.random.default_rng([seed, place]).integers(0, 255, (12, 16, 3), np.uint8)
    image = Image.fromarray(spots).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=1)
    found = _readings(seed, cells, fields, blast_share)[place].cells
    return stream.getvalue(), sheet_of(np.asarray(image), found.boxes)


def _analysed(
    analysis: Analysis, field: Field, place: int, reading: FieldReading, gallery: str
) -> AnalysisField:
    return AnalysisField(
        analysis_id=analysis.id,
        field_id=field.id,
        place=place,
        status=DONE,
        cells=len(reading.cells),
        mpp=reading.mpp,
        scale_source="" if reading.scale is None else reading.scale.source.value,
        flags=list(reading.flags),
        reading=to_json(reading),
        gallery=gallery,
    )


def _cells(analysis: Analysis, field: Field, place: int, reading: FieldReading) -> Sequence[Cell]:
    return [
        Cell(
            analysis_id=analysis.id,
            field_id=field.id,
            place=place,
            number=number,
            x0=cell.box[0],
            y0=cell.box[1],
            x1=cell.box[2],
            y1=cell.box[3],
            score=cell.score,
            probability=cell.probability,
            p_blast=cell.p_blast,
            flags=list(cell.flags),
            model_type=cell.cell_type,
            model_counted=cell.is_counted,
        )
        for number, cell in enumerate(reading.cells, start=1)
    ]
