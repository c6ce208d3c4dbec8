"""From probabilities to names, and what is said of a cell and of a smear."""

from dataclasses import replace

import numpy as np
import pytest

from marrowscope.analysis.patient import CountingSettings, read_patient
from marrowscope.domain.cells import CellPredictions, Cells, Detections
from marrowscope.domain.patient import FieldReading, FieldStatus
from marrowscope.domain.scale import SCALE_DISPUTED, Scale, ScaleSource
from marrowscope.models.bundle import load_bundle
from marrowscope.models.naming import name_cells

SETTINGS = load_bundle().classifier
LYMPHOCYTE = 1 + SETTINGS.types.index("lymphocyte")
PLATELET = 1 + SETTINGS.types.index("platelet")


def named(
    *columns: dict[int, float], unfamiliar: int = 0, border: int = 0, count_border: bool = False
) -> Cells:
    """Name cells of given probabilities (column -> share), the first ones unfamiliar or at the border."""
    n = len(columns)
    probabilities = np.zeros((n, 1 + len(SETTINGS.types)), np.float32)
    for row, shares in enumerate(columns):
        left = [c for c in range(probabilities.shape[1]) if c not in shares]
        probabilities[row, left] = (1 - sum(shares.values())) / len(left)
        for column, share in shares.items():
            probabilities[row, column] = share
    boxes = np.tile(np.array([[10, 10, 40, 40]], np.float32), (n, 1))
    return name_cells(
        Detections(boxes, np.ones(n, np.float32)),
        CellPredictions(probabilities, np.arange(n) < unfamiliar),
        SETTINGS,
        np.arange(n) < border,
        count_border_cells=count_border,
    )


def test_a_blast_from_the_threshold_on_a_type_if_certain_else_unclassified() -> None:
    cells = named({0: 0.999}, {0: 0.0, LYMPHOCYTE: 0.9}, {0: 0.0})
    assert cells.cell_types == ("blast", "lymphocyte", "unclassified")
    assert cells.is_blast.tolist() == [True, False, False]
    assert cells.is_counted.all()
    assert cells.flags == ((), (), ("uncertain",))


def test_the_second_guess_is_the_likeliest_type_other_than_the_name() -> None:
    cells = named({0: 0.999, LYMPHOCYTE: 0.0006}, {0: 0.2, LYMPHOCYTE: 0.7}, {0: 0.0, PLATELET: 0.2})
    assert cells.cell_types == ("blast", "lymphocyte", "unclassified")
    assert cells.second_types == ("lymphocyte", "blast", "platelet")
    assert np.allclose(cells.second_probability, [0.0006, 0.2, 0.2])
    assert cells[1].second_type == "blast"


def test_a_cell_in_the_uncertain_range_is_flagged_whatever_it_is_called() -> None:
    settings = replace(SETTINGS, blast_threshold=0.6, uncertain_blast=(0.2, 0.8))
    p_blast = np.array([0.19, 0.2, 0.59, 0.61, 0.8], np.float32)
    probabilities = np.zeros((5, 1 + len(settings.types)), np.float32)
    probabilities[:, 0], probabilities[:, LYMPHOCYTE] = p_blast, 1 - p_blast
    cells = name_cells(
        Detections(np.tile(np.array([10, 10, 40, 40], np.float32), (5, 1)), np.ones(5, np.float32)),
        CellPredictions(probabilities, np.zeros(5, bool)), settings, np.zeros(5, bool),
    )  # fmt: skip
    assert cells.cell_types == ("lymphocyte", "lymphocyte", "lymphocyte", "blast", "blast")
    unsure = ("uncertain_blast",)
    assert cells.flags == ((), unsure, unsure, unsure, ())


def test_platelets_are_not_counted_and_doubtful_cells_are() -> None:
    cells = named({0: 0.0, PLATELET: 0.9}, {0: 0.0, PLATELET: 0.4, LYMPHOCYTE: 0.45})
    assert cells.cell_types == ("platelet", "unclassified")
    assert cells.is_counted.tolist() == [False, True]


def test_cut_and_unfamiliar_cells_are_flagged() -> None:
    cells = named({0: 0.999}, {0: 0.999}, {0: 0.999}, unfamiliar=2, border=1)
    assert cells.flags == (("border", "unfamiliar"), ("unfamiliar",), ())
    assert cells.is_counted.tolist() == [False, True, True]
    assert named({0: 0.999}, border=1, count_border=True).is_counted.all()


@pytest.mark.parametrize(("strange", "said"), [(3, False), (12, True)])
def test_a_smear_of_strange_cells_is_called_unlike_the_training(strange: int, said: bool) -> None:
    cells = named(*[{0: 0.0, LYMPHOCYTE: 0.9}] * 40, unfamiliar=strange)
    field = FieldReading("f", FieldStatus.READ, cells, scale=Scale(0.1, ScaleSource.RED_CELLS))
    flags = read_patient("p", [field], CountingSettings()).flags
    assert any("unlike those the networks learned from" in flag for flag in flags) == said


def test_one_field_of_disputed_scale_is_told_with_the_reason() -> None:
    cells = named({0: 0.999})
    right = Scale(0.1, ScaleSource.METADATA)
    disputed = replace(right, remark="the file states 1 µm per pixel; 0.1 is used, from the red cells")
    fields = [FieldReading(f"{n}", FieldStatus.READ, cells, scale=right) for n in range(30)]
    fields.append(FieldReading("odd", FieldStatus.READ, cells, scale=disputed, flags=(SCALE_DISPUTED,)))
    flags = read_patient("p", fields, CountingSettings()).flags
    assert f"Scale of 1 field: {disputed.remark}." in flags
    assert not any("scale disputed" in flag for flag in flags)  # said once
