"""Labelled cells and the predictions of both networks: found and named, or missed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from marrowscope.datasets.layouts.cells import LabelledCell
from marrowscope.datasets.splits import block_split
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.cells import Cells
from marrowscope.domain.geometry import overlaps, touching_border
from marrowscope.domain.rates import ErrorRates, Laboratory, PatientCells, Validation
from marrowscope.domain.taxonomy import BLAST, taxonomy
from marrowscope.evaluation.fields.reading import OnField, Pixels, SetReader
from marrowscope.evaluation.statistics.metrics import Bools
from marrowscope.models.bundle import Bundle
from marrowscope.pipeline import ReadingSettings
from marrowscope.synth import draw_patient

MISSED = -1
_MATCH_IOU = 0.5  # overlap of a drawn cell's box from which a detection is that cell
_CELLS_A_SMEAR = 32  # drawn on one field


@dataclass(frozen=True, eq=False)
class PredictedCells:
    """Labelled nucleated cells and the predictions of both networks for each.

    Attributes
    ----------
    true_types : n names of the taxonomy, every kind of blast as ``blast``
    half : (n,) 0 or 1, which half of the blocks (or drawn smears) a cell belongs to
    row : (n,) its row in `cells`, `MISSED` where the detector did not find it
    cells : named as in the main job
    """

    true_types: tuple[str, ...]
    half: npt.NDArray[np.intp]
    row: npt.NDArray[np.intp]
    cells: Cells

    @property
    def is_blast(self) -> Bools:
        """(n,) true blasts."""
        return np.array([name == BLAST for name in self.true_types], bool)

    def error_rates(self, half: int, source: str) -> ErrorRates:
        """Count how often the counted cells of a half are rightly called blasts, or rightly not."""
        mine = (self.half == half) & (self.row != MISSED)
        mine[mine] = self.cells.is_counted[self.row[mine]]
        called, blast = self.cells.is_blast[self.row[mine]], self.is_blast[mine]
        return ErrorRates(
            blasts_called=int((called & blast).sum()),
            blasts_seen=int(blast.sum()),
            others_cleared=int((~called & ~blast).sum()),
            others_seen=int((~blast).sum()),
            source=source,
        )

    @classmethod
    def joined(cls, parts: "Sequence[PredictedCells]") -> Self:
        """Put several sets of cells together."""
        starts = np.cumsum([0, *(len(part.cells) for part in parts)])
        rows = [
            np.where(part.row == MISSED, MISSED, part.row + start)
            for part, start in zip(parts, starts[:-1], strict=True)
        ]
        return cls(
            true_types=tuple(name for part in parts for name in part.true_types),
            half=np.concatenate([part.half for part in parts]),
            row=np.concatenate(rows),
            cells=Cells.concatenate([part.cells for part in parts]),
        )


def predict_single_cells(
    bundle: Bundle,
    cells: Sequence[LabelledCell],
    mpp: float,
    threads: int = 1,
    on_field: OnField | None = None,
) -> PredictedCells:
    """Read every picture of one labelled cell as a field of its own: detector, then classifier.

    The labelled cell is the detection round the picture's middle; neighbours, of which no label is known,
    are left out. Every type is halved by contiguous blocks of names (`block_split`).

    Parameters
    ----------
    bundle : networks
    cells : of one set; types outside the denominator are left out
    mpp : micrometres per pixel of its pictures
    threads : processor threads
    on_field : called with (cells done, cells) after each
    """
    counted = [cell for cell in cells if _is_counted(cell.taxonomy_type)]
    halves = block_split(counted, lambda cell: cell.taxonomy_type, {"first": 0.5, "second": 0.5})
    ordered = [*halves["first"], *halves["second"]]
    reader = SetReader(bundle, [], ReadingSettings(mpp=mpp), threads)
    parts: list[Cells] = []
    row = []
    for done, cell in enumerate(ordered, start=1):
        pixels = cell.pixels()
        found = reader.cells(pixels)
        middle = _in_the_middle(found, pixels)
        row.append(MISSED if middle is None else len(parts))
        parts += [] if middle is None else [found.rows([middle])]
        if on_field is not None:
            on_field(done, len(ordered))
    return PredictedCells(
        true_types=tuple(cell.taxonomy_type for cell in ordered),
        half=np.repeat([0, 1], [len(halves["first"]), len(halves["second"])]),
        row=np.array(row, np.intp),
        cells=Cells.concatenate(parts),
    )


def predict_drawn_cells(
    bundle: Bundle, smears: int, seed: int, threads: int = 1, on_field: OnField | None = None
) -> PredictedCells:
    """Draw fields of half blasts, half other marrow cells, each of its own stain and leukemia, and read them.

    Cells cut by an image's edge are left out; smears are dealt to the halves in turn.
    """
    return PredictedCells.joined(list(_drawn_smears(bundle, smears, seed, threads, on_field)))


def validate_on_drawn_cells(bundle: Bundle, smears: int, seed: int, threads: int = 1) -> Validation:
    """Measure a bundle on drawn cells as a laboratory does on its own, each smear of another patient.

    It holds for drawn smears alone, and is of use for nothing but a demonstration.
    """
    each = []
    for number, smear in enumerate(_drawn_smears(bundle, smears, seed, threads)):
        found = smear.error_rates(number % 2, "")
        called = found.others_seen - found.others_cleared
        each.append(PatientCells(found.blasts_seen, found.blasts_called, found.others_seen, called))
    return Validation(
        figures=Laboratory.of_patients("drawn smears", Specimen.MARROW, each),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        operator="the demonstration",
        bundle=bundle.title,
        bundle_sha256=bundle.sha256,
    )


def _drawn_smears(
    bundle: Bundle, smears: int, seed: int, threads: int, on_field: OnField | None = None
) -> Iterator[PredictedCells]:
    for number in range(smears):
        (field,) = draw_patient([seed, number], blast_share=0.5, cells=_CELLS_A_SMEAR, fields=1).fields
        reader = SetReader(bundle, [], ReadingSettings(mpp=field.mpp), threads)
        found = reader.cells(field.pixels)
        height, width = field.pixels.shape[:2]
        whole = np.flatnonzero(~touching_border(field.boxes, (0, 0, width, height), 1.0))
        row = np.full(len(field.boxes), MISSED, np.intp)
        overlap = overlaps(field.boxes, found.boxes)[0]
        for cell, detection in zip(*linear_sum_assignment(-overlap), strict=True):
            row[cell] = detection if overlap[cell, detection] >= _MATCH_IOU else MISSED
        yield PredictedCells(
            true_types=tuple(field.cell_types[i] for i in whole),
            half=np.full(len(whole), number % 2, np.intp),
            row=row[whole],
            cells=found,
        )
        if on_field is not None:
            on_field(number + 1, smears)


def _is_counted(name: str) -> bool:
    return name in taxonomy() and taxonomy()[name].is_counted


def _in_the_middle(found: Cells, pixels: Pixels) -> int | None:
    """Return the detection that holds the picture's middle, the one nearest to it if several do."""
    middle = np.array([pixels.shape[1] / 2, pixels.shape[0] / 2])
    holds = (found.boxes[:, :2] <= middle).all(axis=1) & (found.boxes[:, 2:] >= middle).all(axis=1)
    if not holds.any():
        return None
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    distance = np.where(holds, np.hypot(*(centres - middle).T), np.inf)
    return int(distance.argmin())
