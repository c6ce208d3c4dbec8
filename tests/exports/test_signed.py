"""Signed names beside the networks': the same cells counted by either name, agreement beyond chance."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from marrowscope.analysis.patient import CountingSettings, read_patient
from marrowscope.domain.cells import Cells
from marrowscope.domain.patient import FieldReading, FieldStatus, PatientReading
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.exports.html import render
from marrowscope.exports.pictures import NoPictures
from marrowscope.exports.signed import broadest, signed_names
from marrowscope.exports.tables import CELL_COLUMNS, write_cells_csv
from marrowscope.exports.workbook import write_workbook

from .fake_report import report

PAIRS = [
    *[("myeloblast", "blast")] * 6,
    *[("blast", "lymphocyte")] * 4,
    *[("reactive_lymphocyte", "lymphocyte")] * 5,
    *[("smudge_cell", "blast")] * 1,
    *[("monocyte", "platelet")] * 2,
    (None, "eosinophil"),
]
"""Signed and network's names."""


def single(number: int, signed: str | None, network: str) -> FieldReading:
    kind = taxonomy()[network]
    cells = Cells(
        boxes=np.array([[50, 50, 150, 150]], np.float32),
        scores=np.ones(1, np.float32),
        cell_types=(network,),
        probability=np.ones(1, np.float32),
        p_blast=np.array([kind.is_blast], np.float32),
        is_blast=np.array([kind.is_blast]),
        is_counted=np.array([kind.is_counted]),
        flags=((),),
    )
    name = f"{signed or 'slide'}/{number}.jpg"
    return FieldReading(name, FieldStatus.READ, cells, is_single_cell=True, signed_type=signed)


def patient(settings: CountingSettings | None = None) -> PatientReading:
    fields = [single(number, *pair) for number, pair in enumerate(PAIRS)]
    return read_patient("P1", fields, settings or CountingSettings())


def test_the_same_cells_are_counted_by_either_name() -> None:
    names = signed_names(patient())
    assert names is not None
    assert names.signed.counts == {
        "blast": 4, "myeloblast": 6, "monocyte": 2, "reactive_lymphocyte": 5
    }  # fmt: skip
    assert names.signed.excluded == {"smudge_cell": 1}
    assert names.network.counts == {"blast": 7, "lymphocyte": 9}
    assert names.network.excluded == {"platelet": 2}
    assert names.signed_blasts is not None
    assert names.network_blasts is not None
    assert names.signed_blasts.estimate == pytest.approx(10 / 17)
    assert names.network_blasts.estimate == pytest.approx(7 / 16)
    assert [(row.cell_type.id, row.signed, row.network) for row in names.rows] == [
        ("blast", 10, 7), ("monocyte", 2, 0), ("lymphocyte", 5, 9)
    ]  # fmt: skip
    assert sum(row.signed_percent for row in names.rows) == pytest.approx(100)


def test_a_finer_name_agrees_with_its_broader_one() -> None:
    names = signed_names(patient())
    assert names is not None
    assert (names.agreement.agreed, names.agreement.cells) == (11, 18)
    assert broadest("proerythroblast") == "erythroblast"
    # By the signed names blast 10, lymphocyte 5, monocyte 2, smudge 1; by the networks': 7, 9, platelet 2.
    chance = (10 * 7 + 5 * 9) / 18**2
    assert names.agreement.kappa is not None
    assert names.agreement.kappa.estimate == pytest.approx((11 / 18 - chance) / (1 - chance))


def test_types_set_to_count_as_blasts_do_so_under_both_names() -> None:
    names = signed_names(patient(CountingSettings(equivalents=("monocyte",))))
    assert names is not None
    assert (names.signed.blasts, names.network.blasts) == (12, 7)


def test_signed_names_leave_the_networks_count_alone() -> None:
    unsigned = [replace(field, signed_type=None) for field in patient().fields]
    alone = read_patient("P1", unsigned, CountingSettings())
    assert alone.differential == patient().differential
    assert alone.decision == patient().decision
    assert signed_names(alone) is None


def test_without_signed_names_files_are_as_before(tmp_path: Path) -> None:
    unsigned = [replace(field, signed_type=None) for field in patient().fields]
    cohort = report([read_patient("P1", unsigned, CountingSettings())])
    write_cells_csv(cohort, tmp_path / "cells.csv")
    assert (tmp_path / "cells.csv").read_text("utf-8").splitlines()[0] == ",".join(CELL_COLUMNS)
    assert "Signed names" not in render(cohort, NoPictures())


def test_page_and_workbook_show_both(tmp_path: Path) -> None:
    cohort = report([patient()])
    page = render(cohort, NoPictures())
    shown = page.split("<h3>Signed names")[1].split("<h3>")[0]
    for text in ("58.8", "43.8", "11 of 18 cells named alike", "Cohen&#39;s kappa"):
        assert text.replace("&#39;", "'") in shown.replace("&#39;", "'")
    write_workbook(cohort, tmp_path / "patients.xlsx")
    rows = [
        [cell.value for cell in row if cell.value is not None]
        for row in openpyxl.load_workbook(tmp_path / "patients.xlsx")["P1"].iter_rows()
    ]
    assert ["Blasts", 10, 58.82, 7, 43.75] in rows
    assert ["Named alike", 11] in rows
