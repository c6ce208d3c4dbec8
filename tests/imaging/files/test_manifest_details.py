"""A manifest states details of cases beside paths."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marrowscope.domain.case.details import NOTHING_STATED, CaseDetails
from marrowscope.domain.case.specimen import Specimen
from marrowscope.errors import InputError
from marrowscope.imaging.files.sources import discover


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / name / "field.png")
    return tmp_path


def write(folder: Path, *lines: str) -> Path:
    manifest = folder / "manifest.csv"
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return manifest


def test_columns_beside_the_path_state_details(folder: Path) -> None:
    head = "patient,path,Specimen,site,collected,comment"
    manifest = write(folder, head, '1,a,bone marrow,sternum,2026-01-03,"one\ntwo"', "2,b,,,,")
    first, second = discover([], manifest=manifest)
    assert first.details == CaseDetails(
        Specimen.MARROW, site="sternum", collected="2026-01-03", comment="one\ntwo"
    )
    assert second.details == NOTHING_STATED


def test_lines_of_one_patient_that_contradict_each_other_are_told(folder: Path) -> None:
    manifest = write(folder, "patient,path,specimen", "1,a,blood", "1,b,marrow")
    (patient,) = discover([], manifest=manifest)
    assert patient.details.specimen is Specimen.BLOOD
    assert "the manifest gives different values of specimen; the first is used" in patient.problems


def test_what_cannot_be_so_is_refused_with_its_line(folder: Path) -> None:
    manifest = write(folder, "patient,path,specimen", "1,a,marrow", "2,b,liver")
    with pytest.raises(InputError, match=r"manifest manifest.csv, line 3: specimen must be marrow or blood"):
        discover([], manifest=manifest)
