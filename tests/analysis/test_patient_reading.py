"""What must hold of every reading: order does not matter, counts add up, odd counts are handled."""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rates import VALIDATED

from marrowscope.analysis.patient import CountingSettings, read_patient
from marrowscope.analysis.shares import type_shares
from marrowscope.domain.cells import FLAG_BORDER, FLAG_UNFAMILIAR, Cells
from marrowscope.domain.decision import Verdict
from marrowscope.domain.differential import count
from marrowscope.domain.patient import FieldReading, FieldStatus, PatientReading
from marrowscope.domain.rates import NOTHING_KNOWN, BlastKind, KnownErrors
from marrowscope.domain.scale import Scale, ScaleSource
from marrowscope.domain.taxonomy import taxonomy

Row = tuple[str, float, bool]  # cell type, blast probability, unfamiliar

TYPES = st.sampled_from(["blast", "lymphocyte", "monocyte", "erythroblast", "unclassified", "platelet"])
ROWS = st.lists(st.tuples(TYPES, st.floats(0, 1, width=32), st.booleans()), max_size=25)
SMEARS = st.lists(ROWS, min_size=1, max_size=12)


def field(name: str, rows: Sequence[Row], flags: tuple[str, ...] = ()) -> FieldReading:
    n = len(rows)
    names = tuple(name for name, _, _ in rows)
    return FieldReading(
        name,
        FieldStatus.READ,
        Cells(
            boxes=np.zeros((n, 4), np.float32),
            scores=np.ones(n, np.float32),
            cell_types=names,
            probability=np.ones(n, np.float32),
            p_blast=np.array([p for _, p, _ in rows], np.float32),
            is_blast=np.array([name == "blast" for name in names], bool),
            is_counted=np.array([taxonomy()[name].is_counted and not flags for name in names], bool),
            flags=tuple(flags + (FLAG_UNFAMILIAR,) * strange for _, _, strange in rows),
        ),
        scale=Scale(0.1, ScaleSource.METADATA),
    )


def reading(fields: Sequence[FieldReading], known: KnownErrors = VALIDATED) -> PatientReading:
    return read_patient("p", fields, CountingSettings(), known)


def figures(patient: PatientReading) -> tuple[object, ...]:
    return (
        patient.differential,
        patient.blast_interval,
        patient.adjusted_interval,
        patient.clustering,
        patient.decision,
        patient.alternatives,
        type_shares(patient.differential, patient.fields),
    )


def of_type(name: str, number: int, p_blast: float = 0.0) -> list[Row]:
    return [(name, p_blast, False)] * number


@settings(max_examples=40)
@given(SMEARS, st.integers(0, 1000))
def test_order_of_cells_and_fields_changes_no_figure(smear: list[list[Row]], seed: int) -> None:
    mixed = random.Random(seed)  # noqa: S311 - an order, no secret
    shuffled = [mixed.sample(rows, len(rows)) for rows in mixed.sample(smear, len(smear))]
    one = reading([field(str(i), rows) for i, rows in enumerate(smear)])
    other = reading([field(str(i), rows) for i, rows in enumerate(shuffled)])
    assert figures(one) == figures(other)


@settings(max_examples=40)
@given(SMEARS, SMEARS)
def test_merged_slides_are_counted_together(first: list[list[Row]], second: list[list[Row]]) -> None:
    a = [field(f"slide 1/{i}", rows) for i, rows in enumerate(first)]
    b = [field(f"slide 2/{i}", rows) for i, rows in enumerate(second)]
    apart = [count(cell for f in slide for cell in f.cells) for slide in (a, b)]
    together = reading([*a, *b]).differential
    assert together.counted == sum(d.counted for d in apart)
    assert together.blasts == sum(d.blasts for d in apart)
    for name in taxonomy():
        assert together.counts.get(name.id, 0) == sum(d.counts.get(name.id, 0) for d in apart)


@settings(max_examples=40)
@given(SMEARS, st.sampled_from(["lymphocyte", "unclassified", "platelet"]))
def test_one_more_cell_that_is_no_blast_never_raises_the_share(smear: list[list[Row]], kind: str) -> None:
    before = reading([field(str(i), rows) for i, rows in enumerate(smear)])
    more = [[*smear[0], *of_type(kind, 1)], *smear[1:]]
    after = reading([field(str(i), rows) for i, rows in enumerate(more)])
    for was, now in (
        (before.blast_interval, after.blast_interval),
        (before.adjusted_interval, after.adjusted_interval),
    ):
        if was is not None and now is not None:
            assert now.estimate <= was.estimate + 1e-9


@settings(max_examples=60)
@given(SMEARS)
def test_every_figure_is_a_share(smear: list[list[Row]]) -> None:
    patient = reading([field(str(i), rows) for i, rows in enumerate(smear)])
    rows = type_shares(patient.differential, patient.fields)
    intervals = [patient.blast_interval, patient.adjusted_interval, *(row.interval for row in rows)]
    for interval in intervals:
        if interval is not None:
            assert 0 <= interval.low <= interval.estimate <= interval.high <= 1
    counted = patient.differential.counted
    assert round(sum(row.percent for row in rows), 6) == (100 if counted else 0)
    assert all(row.effective <= counted for row in rows)


@pytest.mark.parametrize("known", [VALIDATED, NOTHING_KNOWN])
def test_nothing_to_count(known: KnownErrors) -> None:
    for fields in ([], [field("a", [])], [field("a", of_type("platelet", 300))]):
        patient = reading(fields, known)
        assert patient.decision.verdict is Verdict.INSUFFICIENT
        assert patient.blast_interval is patient.adjusted_interval is None
        assert type_shares(patient.differential, patient.fields) == ()
    cut = reading([field("a", of_type("blast", 300), (FLAG_BORDER,))], known)
    assert cut.decision.verdict is Verdict.INSUFFICIENT
    assert cut.differential.excluded == {"border": 300}


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("blast", Verdict.POSITIVE),
        ("lymphocyte", Verdict.NEGATIVE),
        ("unclassified", Verdict.NEGATIVE),  # the rates were measured with such cells among the others
    ],
)
def test_one_kind_only(kind: str, verdict: Verdict) -> None:
    p_blast = 1.0 if kind == "blast" else 0.0
    patient = reading([field(str(i), of_type(kind, 20, p_blast)) for i in range(25)])
    assert patient.decision.verdict is verdict
    (row,) = type_shares(patient.differential, patient.fields)
    assert row.percent == 100


def test_images_chosen_among_those_of_their_files_are_told_of_on_the_patient() -> None:
    note = "of several images in the file, the sharpest of 3 planes was read"
    fields = [replace(field(str(i), of_type("lymphocyte", 20)), notes=(note,) * (i < 2)) for i in range(3)]
    assert f"On 2 fields, {note}." in reading(fields).flags


def test_cells_that_gather_on_fields_widen_the_interval_and_it_is_said() -> None:
    blasts = [3] * 40 + [2] * 10
    rows = [[*of_type("blast", number), *of_type("lymphocyte", 10 - number)] for number in blasts]
    spread = [field(str(i), cells) for i, cells in enumerate(rows)]
    gathered = [field(str(i), of_type("blast" if i < 14 else "lymphocyte", 10)) for i in range(50)]
    even, lumped = reading(spread), reading(gathered)
    assert even.decision.verdict is Verdict.POSITIVE
    assert lumped.decision.verdict is Verdict.INDETERMINATE
    for one, other in (
        (even.blast_interval, lumped.blast_interval),
        (even.adjusted_interval, lumped.adjusted_interval),
    ):
        assert one is not None
        assert other is not None
        assert one.estimate == pytest.approx(other.estimate, abs=0.001)
        assert one.high - one.low < other.high - other.low
    assert "As cells of one field resemble each other" in lumped.decision.reasons[1]


@pytest.mark.parametrize(
    ("kind", "number", "told"),
    [
        ("promyelocyte", 30, True),
        ("promyelocyte", 10, False),
        ("monocyte", 40, True),
        ("monocyte", 10, False),
    ],
)
def test_what_may_be_promyelocytic_is_not_excluded(kind: str, number: int, *, told: bool) -> None:
    fields = [field("a", [*of_type(kind, 2 * number), *of_type("lymphocyte", 200 - 2 * number)])]
    found = reading(fields)
    assert any("APL" in text for text in found.limits) is told
    assert any("neither monocytic nor" in text for text in found.limits) is (told and kind == "monocyte")


def test_types_taught_from_one_laboratory_are_to_be_checked_where_they_occur() -> None:
    rows = [*of_type("plasma_cell", 3), *of_type("smudge_cell", 2), *of_type("lymphocyte", 200)]
    known = KnownErrors(experimental=("plasma_cell", "smudge_cell", "promonocyte"))
    (told,) = [text for text in reading([field("a", rows)], known).limits if "one laboratory alone" in text]
    assert told.endswith("checked by eye: plasma cell (3), smudge cell (2).")
    healthy = reading([field("a", of_type("lymphocyte", 200))], known)
    assert not any("one laboratory alone" in text for text in healthy.limits)


def test_what_the_networks_do_not_name_and_were_not_measured_on_is_told() -> None:
    known = KnownErrors(
        types=("lymphocyte", "erythroblast", "segmented_neutrophil"),
        blast_kinds=(BlastKind("myeloblast", 100, 90),),
    )
    told = " ".join(reading([field("a", of_type("lymphocyte", 300))], known).limits)
    assert "do not name: promyelocyte" in told
    assert "proerythroblast" not in told
    assert "the networks called 90 of 100 myeloblasts (90.0 %) blasts. Not measured: lymphoblasts" in told
    assert reading([field("a", of_type("lymphocyte", 300))], NOTHING_KNOWN).limits == ()


def test_a_smear_unlike_the_training_is_told() -> None:
    strange = reading([field("a", [("lymphocyte", 0.0, True)] * 60 + of_type("lymphocyte", 240))])
    assert any("20 % of the cells look unlike" in flag for flag in strange.flags)
    assert reading([field("a", of_type("lymphocyte", 300))]).flags == ()


def test_equivalents_count_as_blasts_keep_their_name_and_forgo_the_correction() -> None:
    rows = [*of_type("blast", 60), *of_type("monocyte", 90), *of_type("lymphocyte", 350)]
    fields = [field("a", rows)]
    plain = reading(fields)
    settings = CountingSettings(equivalents=("monocyte",))
    counted = read_patient("p", fields, settings, VALIDATED)
    assert (plain.differential.blasts, plain.decision.verdict) == (60, Verdict.NEGATIVE)
    assert (counted.differential.blasts, counted.decision.verdict) == (150, Verdict.INDETERMINATE)
    assert counted.differential.counts == plain.differential.counts
    assert counted.adjusted_interval is None
    assert any("Counted as blasts by setting: monocyte" in flag for flag in counted.flags)
    assert "are called blasts or count as blasts" in counted.decision.reasons[1]


def test_the_recommended_number_is_a_setting() -> None:
    fields = [field("a", of_type("lymphocyte", 300))]
    for target, told in ((500, True), (300, False)):
        decision = read_patient("p", fields, CountingSettings(target=target), VALIDATED).decision
        assert any(f"{target} are recommended" in reason for reason in decision.reasons) == told
