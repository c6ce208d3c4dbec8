"""Teaching with patients kept out by lot: who is drawn, what is compared, what the new bundle carries."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

from marrowscope.errors import DatasetError
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.feature_space import FeatureSpace
from marrowscope.training.adapting.adaptation import Adaptation
from marrowscope.training.adapting.seen_cells import TURNS, SeenCells
from marrowscope.training.adapting.teaching import PatientShare, Taught, draw_lot, teach

BOTH = PatientShare(3, 5)
KEPT_OUT = ("P1", "P4")


def patients(number: int, share: PatientShare = BOTH) -> dict[str, PatientShare]:
    return {f"P{i:02d}": share for i in range(number)}


def test_a_quarter_of_the_patients_is_kept_out_by_lot() -> None:
    drawn = draw_lot(patients(20), patients(20), seed=1)
    assert len(drawn) == len(set(drawn)) == 5
    assert drawn == draw_lot(patients(20), patients(20), seed=1)
    lots = {draw_lot(patients(20), patients(20), seed) for seed in range(40)}
    assert len(lots) > 30
    assert {name for lot in lots for name in lot} == set(patients(20))


def test_two_at_least_are_kept_out_and_two_at_least_are_learned_from() -> None:
    assert [len(draw_lot(patients(n), patients(n), 0)) for n in (4, 5, 8, 9)] == [2, 2, 2, 3]
    with pytest.raises(DatasetError, match="it takes 4"):
        draw_lot(patients(3), patients(3), 0)


def test_who_was_learned_from_is_not_drawn() -> None:
    unknown = {"P00", "P03"}
    assert {draw_lot(patients(9), unknown, seed) for seed in range(9)} == {("P00", "P03")}
    with pytest.raises(DatasetError, match="two others"):
        draw_lot(patients(9), {"P01"}, 0)


def test_both_sides_have_blasts_where_they_can() -> None:
    few = patients(12, PatientShare(0, 9)) | {"A": PatientShare(9, 0), "B": PatientShare(2, 2)}
    for seed in range(20):
        drawn = draw_lot(few, few, seed)
        assert len({"A", "B"} & set(drawn)) == 1


@pytest.fixture(scope="module")
def seen() -> SeenCells:
    """Cells of eight patients where the trunk would see them, of two types that go by each other's names."""
    bundle = load_bundle()
    space = FeatureSpace.load(bundle.folder / bundle.classifier.feature_space)
    rng = np.random.default_rng(5)
    before = Adaptation(bundle, bundle.classifier.types)
    drawn = space.drawn(rng, 4000)
    cells = before.turned(SeenCells(drawn[None], *_unknown(len(drawn))))[0]
    named = before.reader.named(before.before, cells)
    is_blast = before.reader.p_blast(before.before, cells) > 0.9
    types = bundle.classifier.types
    rows, kinds = [], []
    for kind, called in (("lymphocyte", "monocyte"), ("monocyte", "lymphocyte"), ("blast", None)):
        found = np.flatnonzero(is_blast if called is None else ~is_blast & (named == types.index(called)))[
            :48
        ]
        rows.append(found)
        kinds += [kind] * len(found)
    chosen = np.concatenate(rows)
    groups = np.array([f"P{i % 8}" for i in range(len(chosen))])
    return SeenCells(
        np.stack([drawn[chosen]] * TURNS), np.array(kinds), groups, rng.normal(200, 5, (len(chosen), 3))
    )


def _unknown(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.full(n, "leukocyte_not_blast"), np.full(n, "?"), np.zeros((n, 3))


@dataclass(frozen=True)
class Done:
    taught: Taught
    bundle: Bundle
    steps: list[tuple[int, int]]


@pytest.fixture(scope="module")
def done(seen: SeenCells, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The built-in bundle taught these cells but for two patients."""
    folder, steps = tmp_path_factory.mktemp("taught") / "new", []
    taught = teach(
        load_bundle(), seen, KEPT_OUT, folder, version="1", progress=lambda *step: steps.append(step)
    )
    return Done(taught, load_bundle(folder), steps)


def test_both_bundles_are_asked_about_patients_kept_out(seen: SeenCells, done: Done) -> None:
    taught, new, present = done.taught, done.bundle, load_bundle()
    assert taught.is_better
    assert (taught.learned, taught.asked) == (len(seen) * 6 // 8, len(seen) * 2 // 8)
    figures = {figure.name: figure for figure in taught.figures}
    types = figures["type_accuracy"]
    assert types.before.value == 0
    # Replayed cells go by the old names, against what is taught here: some are renamed, not all.
    assert types.gain.low is not None
    assert types.gain.low > 0
    assert types.gain.value == types.after.value
    assert types.n == int((~seen.is_blast & np.isin(seen.groups, KEPT_OUT)).sum())
    # Empty glass of one colour tells nothing of the cells.
    assert taught.background_balanced_accuracy is not None
    assert taught.background_balanced_accuracy < 0.75
    assert [kept.name for kept in taught.replay] == ["blasts", "others", "types"]
    assert sum(kept.n for kept in taught.replay[:2]) == 3000
    assert all(kept.share.low is not None for kept in taught.replay)
    assert (done.steps[0], done.steps[-1]) == ((0, 5), (5, 5))
    assert (new.name, new.version) == (present.name, "1")
    assert new.classifier.blast_threshold == taught.threshold_after
    low, high = new.classifier.uncertain_blast
    assert low <= new.classifier.blast_threshold <= high
    assert new.error_rates is not None
    assert new.error_rates.blasts_seen == figures["sensitivity"].n
    assert "not learned from" in new.error_rates.source
    assert new.laboratories == ()


def test_a_cell_kept_out_changes_nothing_that_is_learned(seen: SeenCells, done: Done, tmp_path: Path) -> None:
    """Whatever is said of it: the new bundle is the same, to the byte of its network."""
    lying = seen.kinds.copy()
    lying[np.isin(seen.groups, KEPT_OUT) & (seen.kinds == "monocyte")] = "lymphocyte"
    other = SeenCells(seen.turned, lying, seen.groups, seen.background)
    teach(load_bundle(), other, KEPT_OUT, tmp_path / "other", version="1")
    networks = [folder / "classifier.onnx" for folder in (done.bundle.folder, tmp_path / "other")]
    assert networks[0].read_bytes() == networks[1].read_bytes()
