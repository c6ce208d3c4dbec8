"""Signed cases with named cells, put straight into the store: drawn fields whose truth the readers said."""

import io
from collections.abc import Callable, Sequence
from functools import cache

from PIL import Image

from marrowscope.service.clock import iso, now
from marrowscope.service.images import patients
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import DONE, Analysis, AnalysisField, Cell
from marrowscope.service.store.tables.patients import Field, Patient
from marrowscope.service.store.tables.reviews import Answer, Version, first_reading
from marrowscope.synth import draw_field
from marrowscope.synth.field import SyntheticField

KINDS = ("blast", "lymphocyte", "segmented_neutrophil", "monocyte")
EACH = 2  # cells of each kind and case

Named = Callable[[str], str]


def as_drawn(kind: str) -> str:
    """What a reader says of a drawn cell: the truth."""
    return kind


def as_in_another_stain(kind: str) -> str:
    """What readers of another laboratory say: two kinds look as two others do where the networks learned."""
    return {"lymphocyte": "monocyte", "monocyte": "lymphocyte"}.get(kind, kind)


def sign_cases(
    database: Database, blobs: Blobs, number: int = 4, named: Named = as_drawn, *, first: int = 1
) -> list[str]:
    """Put signed cases into the store and return their analyses."""
    return [_sign(database, blobs, first + i, named) for i in range(number)]


@cache
def field_of(seed: int) -> SyntheticField:
    """The one field of a case."""
    types = [kind for kind in KINDS for _ in range(EACH)]
    return draw_field(seed, width=640, height=480, mpp=0.15, cell_types=types, crowding=0.0)


def _sign(database: Database, blobs: Blobs, seed: int, named: Named) -> str:
    drawn = field_of(seed)
    stream = io.BytesIO()
    Image.fromarray(drawn.pixels).save(stream, "PNG", compress_level=1)
    with database.writing() as session:
        patient = Patient(name=f"T-{seed:03d}")
        session.add(patient)
        session.flush()
        analysis = Analysis(
            patient_id=patient.id, status=DONE, bundle="marrowscope-1", bundle_title="marrowscope-1 2.0",
            bundle_sha256="4c1d" * 16, rule="over-20", floor=200, facts={}, total=1, done=1,
            cells=len(drawn.boxes), locked=True, version=1,
            signed={"version": 1, "by": "Rita", "at": iso(now()), "meaning": "reviewed"},
        )  # fmt: skip
        field = Field(
            patient_id=patient.id, name="1.png", sha256=blobs.put(stream.getvalue()), width=640, height=480
        )
        session.add_all((analysis, field))
        session.flush()
        patient.analysis_id = analysis.id
        row = AnalysisField(analysis_id=analysis.id, field_id=field.id, place=0, status=DONE, mpp=drawn.mpp)
        session.add_all((first_reading(analysis.id), row))
        for number, (box, kind) in enumerate(zip(drawn.boxes.tolist(), drawn.cell_types, strict=True), 1):
            cell = _cell(analysis, field, number, box)
            session.add(cell)
            session.flush()
            answer = Answer(
                reading_id=analysis.id, cell_id=cell.id, type=named(kind), username="rita", by="Rita"
            )
            session.add(answer)
        version = Version(
            analysis_id=analysis.id, version=1, username="rita", signed_by="Rita", signed_at=now(),
            meaning="", decision="insufficient", sha256="0" * 64, page="0" * 64, document="{}",
        )  # fmt: skip
        session.add(version)
        session.flush()
        patients.refresh(session, patient)
        return analysis.id


def _cell(analysis: Analysis, field: Field, number: int, box: Sequence[float]) -> Cell:
    x0, y0, x1, y1 = box
    return Cell(
        analysis_id=analysis.id, field_id=field.id, place=0, number=number, x0=x0, y0=y0, x1=x1, y1=y1,
        score=0.9, probability=0.9, p_blast=0.1, flags=[], model_type="lymphocyte", model_counted=True,
    )  # fmt: skip
