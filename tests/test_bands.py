"""Fields within bands that are no picture, as screenshots have: a cell that a band cuts is not counted."""

from pathlib import Path

import numpy as np
from PIL import Image

import marrowscope
from marrowscope.domain.cells import FLAG_BORDER
from marrowscope.domain.scale import Scale, ScaleSource
from marrowscope.models.bundle import load_bundle
from marrowscope.pipeline import FieldReader, ReadingSettings
from marrowscope.synth import draw_field
from tests.cohorts import analyse


def test_cells_cut_by_a_band_are_cut() -> None:
    reader, scale = FieldReader(load_bundle(), ReadingSettings()), Scale(0.1, ScaleSource.GIVEN)
    drawn = draw_field(8, width=900, height=900, cells=12)
    middle = np.sort((drawn.boxes[:, 1] + drawn.boxes[:, 3]) / 2)
    top, bottom = round(middle[1]), round(middle[-2])  # each through a cell
    padded = np.zeros_like(drawn.pixels)
    padded[top:bottom] = drawn.pixels[top:bottom]
    cells = reader.name(padded, reader.detect(padded, scale.mpp), scale)
    at_band = (cells.boxes[:, 1] < top + 8) | (cells.boxes[:, 3] > bottom - 8)
    in_middle = (cells.boxes[:, 1] > top + 40) & (cells.boxes[:, 3] < bottom - 40)
    inside = in_middle & (cells.boxes[:, 0] > 40) & (cells.boxes[:, 2] < 860)
    is_border = np.array([FLAG_BORDER in flags for flags in cells.flags])
    assert at_band.sum() >= 2
    assert inside.sum() >= 3
    assert is_border[at_band].all()
    assert not is_border[inside].any()
    assert not cells.is_counted[at_band].any()


def test_the_reading_keeps_where_the_picture_is(tmp_path: Path) -> None:
    drawn = draw_field(8, width=640, height=400, cells=6)
    padded = np.zeros((640, 640, 3), np.uint8)
    padded[100:500] = drawn.pixels
    Image.fromarray(padded).save(tmp_path / "1.png")
    ((field,),) = (each.fields for each in analyse(tmp_path, tmp_path / "out", mpp=0.1).patients)
    assert field.picture == (0, 100, 640, 500)
    assert field.is_cut(np.array([[200, 60, 260, 130], [200, 200, 260, 260]], np.float32)).tolist() == [
        True,
        False,
    ]
    (opened,) = marrowscope.open(tmp_path / "out").patients
    assert opened.fields[0].picture == field.picture
