"""Detection metrics against cases computed by hand and against the reference implementation."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from marrowscope.datasets.layouts.fields import LabelledField
from marrowscope.evaluation.networks.detector import evaluate_detector, score_detections
from marrowscope.evaluation.statistics.bootstrap import group_bootstrap
from marrowscope.evaluation.statistics.matching import (
    Found,
    Truth,
    average_precision,
    match_fields,
)

pytest.importorskip("pycocotools", reason="the `train` extra is not installed")

BOX = [[10.0, 10, 50, 50]]


def field(boxes: list[list[float]], ignore: list[bool] | None = None, group: str = "a") -> LabelledField:
    n = len(boxes)
    flags = np.array(ignore or [False] * n, dtype=bool)
    columns = np.array(boxes, np.float32).reshape(-1, 4)
    return LabelledField(Path("field.png"), columns, ("leukocyte",) * n, flags, group, "made up")


def found(boxes: list[list[float]], scores: list[float]) -> Found:
    return Found(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32))


def random_case(rng: np.random.Generator, n_fields: int = 30) -> tuple[list[LabelledField], list[Found]]:
    """Fields of cells at random, some ignored; detections are jittered cells and false ones."""
    fields, detections = [], []
    for i in range(n_fields):
        n = int(rng.integers(0, 8))
        corner = rng.uniform(0, 400, (n, 2))
        boxes = np.hstack([corner, corner + rng.uniform(20, 120, (n, 2))])
        fields.append(field(boxes.tolist(), (rng.random(n) < 0.15).tolist(), f"g{i // 3}"))
        jittered = boxes[rng.random(n) < 0.9]
        jittered = jittered + rng.uniform(-9, 9, jittered.shape)
        false = rng.uniform(0, 300, (int(rng.integers(0, 3)), 2))
        all_boxes = np.vstack([jittered, jittered[:1] + 3, np.hstack([false, false + 50])])
        detections.append(Found(all_boxes.astype(np.float32), rng.random(len(all_boxes)).astype(np.float32)))
    return fields, detections


def test_perfect_detections_score_one() -> None:
    fields = [field(BOX, group="a"), field([[0, 0, 9, 9], [70, 70, 90, 99]], group="b")]
    perfect = [Found(f.boxes, np.full(len(f.boxes), 0.9, np.float32)) for f in fields]
    result = score_detections(fields, perfect, operating_score=0.5)
    assert result.ap50.value == pytest.approx(1)
    assert result.ap == pytest.approx(1)
    assert (result.recall.value, result.precision.value) == (1, 1)
    assert (result.n_boxes, result.n_found, result.doubled, result.false_positives_per_field.value) == (
        3,
        3,
        0,
        0,
    )


def test_no_detections_score_nothing() -> None:
    result = score_detections([field(BOX)], [found([], [])], operating_score=0.5)
    assert (result.ap50.value, result.recall.value, result.precision.value) == (0, 0, None)
    assert result.curve == ()


def test_fields_without_cells_define_false_finds_only() -> None:
    result = score_detections(
        [field([]), field([])], [found(BOX, [0.8]), found(BOX, [0.2])], operating_score=0.5
    )
    assert (result.ap50.value, result.recall.value, result.ap) == (None, None, None)
    assert result.false_positives_per_field.value == 0.5
    assert result.precision.value == 0


def test_average_precision_by_hand() -> None:
    # Ranked hit, miss, hit over 4 cells: precision 1 up to recall 0.25, 2/3 up to 0.5, 0 beyond.
    expected = (26 * 1 + 25 * 2 / 3) / 101
    assert average_precision(np.array([True, False, True]), 4) == pytest.approx(expected)
    fields = [field([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]])]
    detections = [found([[0, 0, 10, 10], [90, 0, 99, 10], [20, 0, 30, 10]], [0.9, 0.8, 0.7])]
    result = score_detections(fields, detections, operating_score=0.75)
    assert result.ap50.value == pytest.approx(expected)
    assert (result.recall.value, result.precision.value) == (0.25, 0.5)
    assert [(p.recall, p.precision) for p in result.curve] == [
        (0.25, 1),
        (0.25, 0.5),
        (0.5, pytest.approx(2 / 3)),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_agrees_with_the_reference(seed: int) -> None:
    fields, detections = random_case(np.random.default_rng(seed))
    result = score_detections(fields, detections, operating_score=0.3)
    matches = match_fields([Truth(*f.leukocytes()) for f in fields], detections, 0.5)
    own = average_precision(matches.is_hit, len(matches.cell_field))
    assert result.ap50.value == pytest.approx(own, abs=1e-6)
    assert result.ap50.low is not None
    assert result.ap50.high is not None
    assert result.ap50.low <= own <= result.ap50.high


def test_a_second_box_on_a_cell_is_false_and_said_to_be_a_double() -> None:
    result = score_detections(
        [field(BOX)], [found([BOX[0], [11, 11, 50, 50]], [0.9, 0.8])], operating_score=0.5
    )
    assert (result.doubled, result.false_positives_per_field.value, result.precision.value) == (1, 1, 0.5)


def test_ignored_cells_count_neither_way() -> None:
    fields = [field([BOX[0], [60, 60, 90, 90]], [False, True])]
    both = score_detections(fields, [found([BOX[0], [60, 60, 90, 90]], [0.9, 0.95])], operating_score=0.5)
    one = score_detections(fields, [found(BOX, [0.9])], operating_score=0.5)
    for result in (both, one):
        assert (result.n_boxes, result.precision.value) == (1, 1)
        assert result.ap50.value == pytest.approx(1)


def test_looser_match_accepts_boxes_of_another_kind() -> None:
    loose = [found([[10, 10, 50, 28]], [0.9])]  # 45 % of the cell
    result = score_detections([field(BOX)], loose, operating_score=0.5, match_iou=0.4)
    assert (result.ap50.value, result.recall.value) == (0, 1)
    assert result.ap_at_match == pytest.approx(1)


def test_recall_is_told_per_size() -> None:
    result = score_detections(
        [field([[0, 0, 20, 20], [0, 50, 100, 150]])], [found([[0, 50, 100, 150]], [0.9])], operating_score=0.5
    )
    assert [(s.low_px, s.n_cells, s.recall) for s in result.recall_per_size] == [(0, 1, 0), (64, 1, 1)]


def test_detector_sees_rgb_pixels_and_json_carries_the_contract(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48), (255, 0, 0)).save(tmp_path / "f.png")
    one = LabelledField(
        tmp_path / "f.png", np.array(BOX, np.float32), ("blast",), np.zeros(1, bool), "g", "s"
    )

    def detect(pixels: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        assert pixels.shape == (48, 64, 3)
        assert pixels[0, 0].tolist() == [255, 0, 0]
        return np.array(BOX, np.float32), np.ones(1, np.float32)

    told: list[tuple[int, int]] = []
    result = evaluate_detector(detect, [one], operating_score=0.5, on_field=lambda *a: told.append(a))
    assert told == [(1, 1)]
    assert {"ap50", "ap", "recall", "precision", "n_boxes", "n_fields"} <= result.to_json().keys()


def test_bootstrap_resamples_groups_not_items() -> None:
    values = np.repeat([0.0, 1.0], 500)

    def mean(weights: npt.NDArray[np.float64]) -> float:
        return float(np.average(values, weights=weights)) if weights.sum() else float("nan")

    by_group = group_bootstrap(mean, ["a"] * 500 + ["b"] * 500)
    by_item = group_bootstrap(mean, [str(i) for i in range(1000)])
    assert (by_group.value, by_group.low, by_group.high) == (0.5, 0, 1)
    assert by_item.low is not None
    assert by_item.low > 0.45
    assert group_bootstrap(mean, ["a"] * 1000).low is None
