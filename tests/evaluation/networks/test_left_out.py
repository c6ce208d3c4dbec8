"""Laboratories left out: figures of one, means and worst of several, the range for a further one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.rates import BlastKind, Laboratory, PatientCells
from marrowscope.errors import DatasetError
from marrowscope.evaluation.networks.left_out import (
    LeftOutCells,
    LeftOutResult,
    figures_of,
    further,
    read_left_out,
    share_errors,
)
from marrowscope.evaluation.networks.measured import write_measured

NAMES = ("lymphocyte", "segmented_neutrophil", "smudge_cell")


def cells(patients: int = 12, of_each: int = 60) -> LeftOutCells:
    """Draw patients of which a third are blasts; a tenth of them missed, no other cell called."""
    n = patients * of_each
    is_blast = np.arange(n) % 3 == 0
    types = np.where(is_blast, -1, np.arange(n) % 2)
    missed = is_blast & (np.arange(n) % 30 == 0)
    p_blast = np.where(is_blast & ~missed, 0.9, 0.1)
    groups = tuple(f"p{row // of_each}" for row in range(n))
    taught = frozenset({0, 1})
    return LeftOutCells("a", is_blast, types, p_blast, types.clip(0), groups, 0.5, NAMES, taught, 0.5)


def test_counts_and_shares_of_a_laboratory() -> None:
    read = cells()
    figures = figures_of([read])
    assert (figures["blasts"], figures["blasts_called"]) == (240, 216)
    assert (figures["others"], figures["others_called"], figures["groups"]) == (480, 0, 12)
    assert "by_patient" not in figures
    assert figures_of([read], "patients")["by_patient"] == [[20, 18, 40, 0]] * 12
    assert figures["sensitivity"]["value"] == pytest.approx(0.9)
    assert figures["balanced_accuracy"]["value"] == pytest.approx(0.95)
    assert figures["types_macro_f1"]["value"] == 1
    assert "smudges_called" not in figures  # there are none
    # Two of a patient's twenty blasts are missed and named lymphocytes: 18 of 60 instead of 20 of 60.
    np.testing.assert_allclose(share_errors(read), -100 * 2 / 60)
    assert figures["share_bias"]["value"] == pytest.approx(-3.3333, abs=1e-3)
    assert figures["share_error"]["value"] == pytest.approx(3.3333, abs=1e-3)


def test_what_is_not_counted_is_no_error_of_the_count() -> None:
    read = cells()
    smudges = replace(read, types=np.where(~read.is_blast, 2, -1), p_blast=np.full(len(read.types), 0.9))
    figures = figures_of([smudges])
    assert (figures["others"], figures["others_called"]) == (0, 0)
    assert figures["smudges_called"]["value"] == 1


def test_a_laboratory_without_blasts_has_its_types_measured() -> None:
    read = cells()
    healthy = replace(read, is_blast=np.zeros(len(read.types), bool), types=read.types.clip(0))
    assert "types_macro_f1" in figures_of([healthy])
    assert "auc" not in figures_of([healthy])


def test_mean_and_worst_leave_out_what_is_apart(tmp_path: Path) -> None:
    def laboratory(auc: float) -> dict[str, dict[str, float]]:
        return {"auc": {"value": auc}, "share_error": {"value": 10 * (1 - auc)}}

    result = LeftOutResult(
        {"a": laboratory(0.9), "b": laboratory(0.8), "c": laboratory(0.5)}, ("c",), recipes=3, steps=10
    )
    found = result.to_json()
    assert found["mean"]["auc"] == pytest.approx(0.85)
    assert found["worst"] == pytest.approx({"auc": 0.8, "share_error": 2.0})
    write_measured(result.to_json(), tmp_path / "folds.json")
    assert read_left_out(tmp_path / "folds.json") == result
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(DatasetError, match="no figures of laboratories left out"):
        read_left_out(tmp_path / "other.json")


def test_rates_and_kinds_of_blasts_for_a_bundle() -> None:
    def laboratory(name: str, groups_are: str, **kind: object) -> dict[str, object]:
        counts = {"blasts": 10, "blasts_called": 9, "others": 30, "others_called": 2, "groups": 4}
        return {"name": name, "specimen": "blood", "groups_are": groups_are, **kind, **counts}

    result = LeftOutResult(
        {
            "a": laboratory(
                "A", "patients", blast_kind="myeloblast", by_patient=[[4, 4, 9, 0], [6, 5, 21, 2]]
            ),
            "b": laboratory("B", "fields", blast_kind="myeloblast"),
            "c": laboratory("C", "cells"),
            "d": laboratory("D", "patients", blast_kind="lymphoblast"),
        },
        ("d",),
        recipes=1,
        steps=10,
    )
    assert result.rates() == (
        Laboratory("A", Specimen.BLOOD, 10, 9, 30, 2, (PatientCells(4, 4, 9, 0), PatientCells(6, 5, 21, 2))),
        Laboratory("B", Specimen.BLOOD, 10, 9, 30, 2),
        Laboratory("C", Specimen.BLOOD, 10, 9, 30, 2),
    )
    assert result.blast_kinds() == (BlastKind("myeloblast", 20, 18),)


def test_a_further_laboratory_lies_in_its_range_as_often_as_said() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(1000):
        *known, new = 1 / (1 + np.exp(-rng.normal(1.5, 0.8, 5)))
        low, high = further(known) or (1.0, 0.0)
        inside += low <= new <= high
    assert 0.93 < inside / 1000 < 0.97
    assert further([0.9, 0.8]) is None
