"""Labels of another tool as reviews of an analysis: the type of a box goes to the cell it overlaps."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marrowscope.datasets.labelled import LabelledField
from marrowscope.datasets.layouts.csv_boxes import NEEDED, NO_TYPE, PatientImages, Row, box_in, rows_of
from marrowscope.domain.geometry import pair_by_overlap
from marrowscope.domain.taxonomy import REVIEWED_TYPE, taxonomy
from marrowscope.errors import DatasetError
from marrowscope.imaging.files.spreadsheets import protected
from marrowscope.imaging.names import shown

LEAST_OVERLAP = 0.3
"""Intersection over union of a labelled box and the cell it is of: people draw looser boxes than networks."""


@dataclass(frozen=True)
class Reviewed:
    """What became of the labels.

    Attributes
    ----------
    cells : in the table
    reviewed : cells that got a type
    without_cell : labels that overlap no cell
    no_type : labels that are no cell type
    """

    cells: int
    reviewed: int
    without_cell: int
    no_type: int


def write_reviewed(cells_csv: Path, labelled: Sequence[LabelledField], images: Path, out: Path) -> Reviewed:
    """Write a `cells.csv` again with the column `reviewed_type` filled in for cells that labels overlap.

    Pairs are made one to one, the best overlap first. Types that were reviewed before stay where no label
    says another.

    Parameters
    ----------
    cells_csv : of the analysis
    labelled : images with their labels, which lie below `images`
    images : what was analysed
    out : file to write

    Raises
    ------
    DatasetError
        The table is no `cells.csv`, an image is not among those analysed, no label matches, or the file
        exists.
    """
    if out.exists():
        raise DatasetError(f"{out}: exists; choose a new file")
    rows = rows_of(cells_csv)
    columns = list(rows[0].values) if rows else []
    if not {*NEEDED["a cells.csv"]} <= {*columns}:
        raise DatasetError(f"{shown(cells_csv.name)}: is no cells.csv of an analysis")
    by_image = _by_image(rows, PatientImages(images))
    named: dict[int, str] = {}
    without_cell = no_type = 0
    for field in labelled:
        own = by_image.get(field.path.resolve(), [])
        kept = [n for n, label in enumerate(field.labels) if _is_type(label) and not field.ignore[n]]
        no_type += len(field.labels) - len(kept)
        cells = np.array([box_in(row) for row in own], np.float32).reshape(-1, 4)
        pairs = pair_by_overlap(field.boxes[kept], cells, LEAST_OVERLAP)
        named.update({own[cell].number: field.labels[kept[label]] for label, cell in pairs})
        without_cell += len(kept) - len(pairs)
    if not named:
        raise DatasetError(f"no label overlaps a cell of {shown(cells_csv.name)}")
    columns += [] if REVIEWED_TYPE in columns else [REVIEWED_TYPE]
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(columns)
        for row in rows:
            texts = {**row.values, REVIEWED_TYPE: named.get(row.number, row[REVIEWED_TYPE])}
            table.writerow([protected(texts[column]) for column in columns])
    return Reviewed(len(rows), len(named), without_cell, no_type)


def _by_image(rows: Sequence[Row], find: PatientImages) -> dict[Path, list[Row]]:
    found: dict[Path, list[Row]] = {}
    for row in rows:
        path, _ = find(row)
        found.setdefault(path.resolve(), []).append(row)
    return found


def _is_type(label: str) -> bool:
    return label in taxonomy() or label == NO_TYPE
