"""Synthetic cells and fields: same seed same pixels, truth around what was drawn, plausible sizes."""

import numpy as np
import pytest

from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import InputError
from marrowscope.synth import (
    CELL_TYPES,
    NUCLEATED_TYPES,
    BlastLook,
    Stain,
    draw_cell,
    draw_field,
    draw_stain,
)
from marrowscope.synth.cell import lay_cell

PLAUSIBLE_UM = {
    "blast": (8, 21), "promyelocyte": (13, 26), "myelocyte": (10, 21), "metamyelocyte": (9.5, 19),
    "band_neutrophil": (9.5, 18), "segmented_neutrophil": (9, 18), "eosinophil": (10, 19),
    "basophil": (8.5, 17),
    "monocyte": (11, 25), "lymphocyte": (7, 15), "erythroblast": (6.5, 15), "platelet": (1, 6),
}  # fmt: skip


def clean_stain() -> Stain:
    """A slide without noise: what is dark is a cell."""
    stain = draw_stain(np.random.default_rng(5))
    return Stain(stain.background, stain.absorbances, noise=0.0, vignetting=0.0, blur_um=0.1)


def test_every_type_is_in_the_taxonomy() -> None:
    assert set(CELL_TYPES) <= {cell_type.id for cell_type in taxonomy()}
    assert set(NUCLEATED_TYPES) == set(CELL_TYPES) - {"platelet"}


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_cell_of_every_type_is_drawn_at_its_size(cell_type: str) -> None:
    low, high = PLAUSIBLE_UM[cell_type]
    for seed in range(8):
        cell = draw_cell(np.random.default_rng(seed), cell_type, 0.1, stain=clean_stain())
        sides = (cell.box[2:] - cell.box[:2]) * cell.mpp
        assert low <= sides.min()
        assert sides.max() <= high
        assert cell.pixels.shape == (*cell.coverage.shape, 3)
        assert cell.pixels.dtype == np.uint8
        inside = cell.pixels[cell.coverage > 0.9].mean()
        assert inside < cell.pixels[cell.coverage == 0].mean() - 15


@pytest.mark.parametrize("cell_type", NUCLEATED_TYPES)
def test_box_encloses_the_nucleus(cell_type: str) -> None:
    for seed in range(8):
        cell = draw_cell(np.random.default_rng(seed), cell_type, 0.2)
        rows, columns = np.nonzero(cell.nucleus)
        assert len(rows) > 0
        x0, y0, x1, y1 = cell.box
        assert x0 <= columns.min()
        assert columns.max() < x1
        assert y0 <= rows.min()
        assert rows.max() < y1


def test_blast_nucleus_fills_its_cell_and_a_neutrophils_does_not() -> None:
    def mean_share(cell_type: str) -> float:
        cells = [lay_cell(np.random.default_rng(seed), cell_type, 0.2) for seed in range(12)]
        return float(np.mean([cell.nucleus.sum() / (cell.coverage > 0.5).sum() for cell in cells]))

    assert mean_share("blast") > 0.62
    assert mean_share("lymphocyte") > 0.62
    assert 0.18 < mean_share("segmented_neutrophil") < 0.45


def test_pixel_size_scales_the_cell() -> None:
    fine = draw_cell(np.random.default_rng(1), "lymphocyte", 0.1)
    coarse = draw_cell(np.random.default_rng(1), "lymphocyte", 0.2)
    sides = [float(np.mean((cell.box[2:] - cell.box[:2]) * cell.mpp)) for cell in (fine, coarse)]
    assert sides[0] == pytest.approx(sides[1], rel=0.15)


def test_field_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    fields = [draw_field(seed, width=400, height=300, cells=4) for seed in (7, 7, 8)]
    assert np.array_equal(fields[0].pixels, fields[1].pixels)
    assert np.array_equal(fields[0].boxes, fields[1].boxes)
    assert fields[0].cell_types == fields[1].cell_types
    assert not np.array_equal(fields[0].pixels, fields[2].pixels)


def test_field_depends_on_nothing_drawn_before() -> None:
    first = draw_field(3, width=320, height=320, cells=3, mpp=0.2)
    draw_field(4, width=320, height=320, cells=5, mpp=0.13)
    assert np.array_equal(first.pixels, draw_field(3, width=320, height=320, cells=3, mpp=0.2).pixels)


def test_boxes_lie_in_the_field_around_dark_cells() -> None:
    field = draw_field(11, width=640, height=480, cells=10, red_cells=0.0, stain=clean_stain())
    assert field.pixels.shape == (480, 640, 3)
    assert field.boxes.shape == (10, 4)
    assert field.boxes.dtype == np.float32
    assert field.boxes.min() >= 0
    assert (field.boxes.max(axis=0) <= (640, 480, 640, 480)).all()
    green = field.pixels[..., 1].astype(float)
    outside = np.ones(green.shape, dtype=bool)
    for x0, y0, x1, y1 in field.boxes.astype(int):
        assert np.percentile(green[y0:y1, x0:x1], 20) < 0.6 * np.percentile(green, 95)
        outside[max(y0 - 2, 0) : y1 + 2, max(x0 - 2, 0) : x1 + 2] = False
    # Without red cells only platelets and specks lie outside the boxes.
    assert np.mean(green[outside] < 0.6 * np.percentile(green, 95)) < 0.01


def test_crowded_cells_hardly_overlap() -> None:
    field = draw_field(2, cells=30, crowding=0.8)
    centres = (field.boxes[:, :2] + field.boxes[:, 2:]) / 2
    distance = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1)) + np.eye(30) * 1e6
    assert distance.min() > 50  # px of 0.1 µm: 5 µm


def test_composition_decides_the_types() -> None:
    field = draw_field(1, width=640, height=480, cells=9, composition={"blast": 3.0, "lymphocyte": 1.0})
    assert set(field.cell_types) <= {"blast", "lymphocyte"}
    exact = draw_field(1, width=640, height=480, cell_types=["basophil", "eosinophil"])
    assert exact.cell_types == ("basophil", "eosinophil")


def test_field_without_cells_has_no_boxes() -> None:
    field = draw_field(1, width=320, height=256, cells=0, smudges=1)
    assert field.boxes.shape == (0, 4)
    assert field.cell_types == ()


def test_stain_and_blasts_can_be_kept_over_fields() -> None:
    rng = np.random.default_rng(0)
    stain, look = draw_stain(rng), BlastLook.draw(rng)
    backgrounds = [
        np.percentile(
            draw_field(seed, width=300, height=300, cells=2, stain=stain, blast_look=look).pixels,
            90,
            axis=(0, 1),
        )
        for seed in (1, 2)
    ]
    assert np.abs(np.subtract(*backgrounds)).max() < 25


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"composition": {"unicorn": 1.0}}, "unicorn"),
        ({"composition": {"platelet": 1.0}}, "platelet"),
        ({"composition": {}}, "composition"),
        ({"composition": {"blast": 0.0}}, "composition"),
        ({"cells": 900}, "do not fit"),
    ],
)
def test_what_cannot_be_drawn_is_told(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"width": 320, "height": 256, "cells": 2}
    with pytest.raises(InputError, match=message):
        draw_field(1, **(arguments | change))  # type: ignore[arg-type]  # wrong on purpose


def test_cell_that_cannot_be_drawn_is_told() -> None:
    with pytest.raises(InputError, match="pixel size"):
        draw_cell(np.random.default_rng(0), "blast", 0.0)
    with pytest.raises(InputError, match="unicorn"):
        draw_cell(np.random.default_rng(0), "unicorn", 0.1)
