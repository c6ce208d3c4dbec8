"""Megakaryocytes through the main job: candidates beside the count, in marrow alone."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marrowscope.domain.scale import Scale, ScaleSource
from marrowscope.synth.slide import Area, SyntheticSlide, draw_slide
from tests.cohorts import analyse, table

MPP = 0.2


@pytest.fixture(scope="module")
def field() -> SyntheticSlide:
    return draw_slide(8, mpp=MPP, areas=np.full((16, 20), Area.MONOLAYER, np.uint8), megakaryocytes=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, field: SyntheticSlide) -> Path:
    made = tmp_path_factory.mktemp("wide") / "P1"
    made.mkdir()
    Image.fromarray(field.pixels).save(made / "wide.png", dpi=(25_400 / MPP,) * 2)
    return made


def test_a_wide_field_gives_its_candidate_beside_the_count(
    folder: Path, field: SyntheticSlide, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    report = analyse(folder, out)
    (row,) = table(out / "megakaryocytes.csv")
    box = [int(row[side]) for side in ("x0", "y0", "x1", "y1")]
    np.testing.assert_allclose(box, field.megakaryocytes[0], atol=12 / MPP)
    assert (row["patient"], row["field"], row["confirmed"]) == ("P1", "wide.png", "")
    assert "megakaryocyte" not in (out / "cells.csv").read_text("utf-8")
    (patient,) = report.patients
    assert "megakaryocyte" not in {**patient.differential.counts, **patient.differential.excluded}
    page = (out / "report.html").read_text("utf-8")
    assert "1 unconfirmed candidate</b> on 0.06 mm² examined" in page
    assert "a person has to confirm each" in page
    written = {name: (out / name).read_bytes() for name in ("megakaryocytes.csv", "cells.csv")}
    again = analyse(folder, out, resume=True)
    assert {name: (out / name).read_bytes() for name in written} == written
    assert again.patients[0].megakaryocytes == patient.megakaryocytes


def test_in_blood_none_are_looked_for(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    analyse(folder, out, specimen="blood")
    assert not (out / "megakaryocytes.csv").exists()
    assert "<h3>Megakaryocytes" not in (out / "report.html").read_text("utf-8")


def test_by_a_disputed_scale_none_are_looked_for(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = analyse(folder, out, mpp=2 * MPP)
    assert "red cells" in report.patients[0].fields[0].scale.remark  # type: ignore[union-attr]  # it was read
    assert not (out / "megakaryocytes.csv").exists()


@pytest.mark.parametrize("source", ScaleSource)
def test_the_size_of_leukocytes_says_of_none_that_it_is_too_large(source: ScaleSource) -> None:
    is_own = source in {ScaleSource.LEUKOCYTES, ScaleSource.PATIENT, ScaleSource.ASSUMED}
    assert Scale(MPP, source).tells_large_cells is not is_own
