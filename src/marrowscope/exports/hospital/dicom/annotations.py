"""Cells as Microscopy Bulk Simple Annotations (PS3.3, A.87): a rectangle each, a group for every type."""

from collections.abc import Sequence

import numpy as np
from highdicom.ann import (
    AnnotationCoordinateTypeValues,
    AnnotationGroup,
    AnnotationGroupGenerationTypeValues,
    GraphicTypeValues,
    Measurements,
    MicroscopyBulkSimpleAnnotations,
    PixelOriginInterpretationValues,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from marrowscope.domain.cells import Cells
from marrowscope.domain.patient import CohortReport, PatientReading
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.exports.field.cells import ImageCells
from marrowscope.exports.hospital.dicom.codes import (
    CELLS,
    MANUFACTURER,
    algorithm,
    code_of_type,
    local,
    uid_of,
)
from marrowscope.exports.hospital.observed import identify_version
from marrowscope.exports.provenance import NOTICE
from marrowscope.imaging.names import shown


def annotations(
    patient: PatientReading, image: ImageCells, header: Dataset, report: CohortReport
) -> MicroscopyBulkSimpleAnnotations | None:
    """Return the cells of one image, in its pixels; None if there are none.

    Parameters
    ----------
    header : the image that they refer to
    """
    cells = image.cells
    if not len(cells):
        return None
    version = identify_version(patient, report.provenance, "annotations")
    return MicroscopyBulkSimpleAnnotations(
        source_images=[header],
        annotation_coordinate_type=AnnotationCoordinateTypeValues.SCOORD,
        pixel_origin_interpretation=PixelOriginInterpretationValues.FRAME,
        annotation_groups=_groups(patient, image, cells, report),
        series_instance_uid=uid_of("annotations", version),
        series_number=2,
        sop_instance_uid=uid_of("annotations", version, shown(image.field.name)),
        instance_number=header.InstanceNumber,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=report.provenance.bundle,
        software_versions=report.provenance.version,
        device_serial_number=report.provenance.bundle_sha256,
        content_label="CELLS",
        content_description=NOTICE,
    )


def _groups(
    patient: PatientReading, image: ImageCells, cells: Cells, report: CohortReport
) -> Sequence[AnnotationGroup]:
    found = [kind for kind in taxonomy() if kind.id in cells.cell_types]
    groups = []
    for number, kind in enumerate(found, start=1):
        rows = np.flatnonzero([name == kind.id for name in cells.cell_types])
        chosen = cells.rows(rows)
        x0, y0, x1, y1 = chosen.boxes.T
        corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 4, 2)
        groups.append(
            AnnotationGroup(
                number=number,
                uid=uid_of(
                    "group",
                    identify_version(patient, report.provenance, "annotations"),
                    shown(image.field.name),
                    kind.id,
                ),
                label=kind.name,
                annotated_property_category=CELLS,
                annotated_property_type=code_of_type(kind),
                graphic_type=GraphicTypeValues.RECTANGLE,
                graphic_data=list(corners.astype(np.float32)),
                algorithm_type=AnnotationGroupGenerationTypeValues.AUTOMATIC
                if patient.review is None
                else AnnotationGroupGenerationTypeValues.SEMIAUTOMATIC,
                algorithm_identification=algorithm(report),
                measurements=[
                    Measurements(local(name, title), values.astype(np.float32), codes.UCUM.NoUnits)
                    for name, title, values in (
                        ("score", "Confidence of the detector", chosen.scores),
                        ("probability", "Probability of the named type", chosen.probability),
                        ("p_blast", "Probability of a blast", chosen.p_blast),
                    )
                ],
            )
        )
    return groups
