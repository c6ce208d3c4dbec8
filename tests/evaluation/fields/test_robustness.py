"""Changed fields: what is changed and by how much, and what a reading's changes amount to."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.cohorts import write_fields
from tests.evaluation.networks.named_cells import cells

from marrowscope.domain.cells import Cells
from marrowscope.evaluation.fields.changes import (
    FIELD_CHANGES,
    FieldChange,
    brightened,
    stained,
)
from marrowscope.evaluation.fields.reading import Pixels, spread
from marrowscope.evaluation.fields.robustness import RobustnessTest, evaluate_robustness
from marrowscope.models.bundle import load_bundle
from marrowscope.synth import draw_field


def test_figures_by_hand() -> None:
    # 4 and 6 cells, half of them blasts; after the change one field loses two cells, the other gains one.
    predictions = {1.0: [cells(2, 2), cells(3, 3, unfamiliar=5)], 2.0: [cells(2, 0), cells(3, 4)]}

    def read(fields: Sequence[Pixels], size: float) -> list[Cells]:
        assert fields[0].shape[0] == 8 * size
        return predictions[size]

    double = FieldChange("double", lambda pixels: pixels.repeat(2, axis=0).repeat(2, axis=1), 2.0)
    result = evaluate_robustness(read, [np.zeros((8, 8, 3), np.uint8)] * 2, [double])
    (changed,) = result.changed
    assert (result.unchanged.n_counted, result.unchanged.blast_share) == (10, 0.5)
    assert result.unchanged.unfamiliar == 0.5
    assert changed.count_change == pytest.approx(-0.1)
    assert changed.field_count_change == pytest.approx(0.3)
    assert changed.share_change == pytest.approx(5 / 9 - 0.5)
    assert result.worst_count_change == pytest.approx(0.1)
    assert result.worst_share_change == pytest.approx(5 / 9 - 0.5)


def test_fields_without_cells_have_no_change() -> None:
    result = evaluate_robustness(
        lambda fields, _: [cells(0, 0)] * len(fields), [np.zeros((8, 8, 3), np.uint8)]
    )
    assert result.worst_count_change is None
    assert result.to_json()["worst_share_change"] is None


def test_a_stain_changes_cells_and_leaves_the_glass() -> None:
    drawn = draw_field(3, width=480, height=360, cells=4)
    pixels = drawn.pixels
    assert np.abs(stained(pixels, 1, 1).astype(int) - pixels).max() <= 1
    more = stained(pixels, 1.15, 0.85)
    glass = pixels.min(axis=2) > np.percentile(pixels.min(axis=2), 90)
    assert np.median(more[glass], axis=0) == pytest.approx(np.median(pixels[glass], axis=0), abs=3)
    x0, y0, x1, y1 = drawn.boxes[0].astype(int)
    assert more[y0:y1, x0:x1, 0].mean() < pixels[y0:y1, x0:x1, 0].mean()  # haematoxylin takes red light


def test_haematoxylin_alone_grows_by_what_is_asked() -> None:
    amount = np.array([0.65, 0.70, 0.29]) * 0.8
    pixels = np.full((64, 64, 3), 240, np.uint8)
    pixels[20:40, 20:40] = (240 * np.exp(-amount)).round()
    more = stained(pixels, 1.5, 0.5)
    assert more[0, 0].tolist() == [240] * 3
    assert more[30, 30] == pytest.approx(240 * np.exp(-1.5 * amount), abs=2)


def test_light_is_clipped() -> None:
    assert brightened(np.array([[[100, 250, 0]]], np.uint8), 1.2).tolist() == [[[120, 255, 0]]]


def test_changes_keep_sizes_as_they_say() -> None:
    pixels = draw_field(1, width=320, height=240, cells=3).pixels
    for change in FIELD_CHANGES:
        changed = change.apply(pixels)
        assert changed.shape == (240 * change.size, 320 * change.size, 3)
        assert changed.dtype == np.uint8


def test_items_are_spread() -> None:
    assert spread(range(10), 3) == [0, 3, 6]
    assert spread(range(2), 3) == [0, 1]


def test_drawn_fields_are_read_alike_when_changed(tmp_path: Path) -> None:
    folder = tmp_path / "drawn"
    write_fields(folder, 2)
    result = RobustnessTest(folder, fields=2).measure(load_bundle())
    assert result.unchanged.n_counted >= 6
    assert len(result.changed) == len(FIELD_CHANGES)
    assert result.worst_count_change is not None
    assert result.worst_count_change <= 0.25
