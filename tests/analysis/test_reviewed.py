"""A reader's answers over the networks': what counts, and that nothing of the networks is lost."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.exports.fake_report import RATES, patient

from marrowscope.analysis.correction import corrected_share
from marrowscope.analysis.patient import CountingSettings
from marrowscope.analysis.reviewed import AddedCell, Answer, apply_answers, read_reviewed, remaining_rates
from marrowscope.domain.cells import FLAG_BORDER, FLAG_DELETED, Cells
from marrowscope.domain.decision import Verdict
from marrowscope.domain.patient import PatientReading
from marrowscope.domain.rates import ErrorRates
from marrowscope.domain.taxonomy import taxonomy

NETWORK = patient("a", blast_share=0.1, cells=300, fields=6)
SETTINGS = CountingSettings()
TYPES = [kind.id for kind in taxonomy()]


def read(
    answers: Mapping[str, Mapping[int, Answer]], added: Mapping[str, list[AddedCell]] | None = None
) -> PatientReading:
    return read_reviewed(NETWORK, answers, added or {}, SETTINGS, RATES)


def test_without_answers_the_count_is_the_networks_to_the_last_digit() -> None:
    found = read({})
    assert found.differential == NETWORK.differential
    assert found.blast_interval == NETWORK.blast_interval
    assert found.adjusted_interval == NETWORK.adjusted_interval
    assert found.decision == NETWORK.decision
    assert found.flags == NETWORK.flags
    assert found.review is not None
    assert found.review.cells == 0


def test_an_answer_moves_one_cell_and_leaves_the_networks_word() -> None:
    field = NETWORK.fields[0]
    row = next(i for i, c in enumerate(field.cells) if c.is_counted and not c.is_blast)
    before = field.cells.cell_types[row]
    found = read({field.name: {row: Answer("myeloblast")}})
    assert found.differential.blasts == NETWORK.differential.blasts + 1
    assert found.differential.counted == NETWORK.differential.counted
    assert found.differential.counts["myeloblast"] == 1
    assert found.differential.counts.get(before, 0) == NETWORK.differential.counts[before] - 1
    assert field.cells.cell_types[row] == before
    assert found.review is not None
    assert found.review.network is NETWORK
    assert (found.review.named, found.review.deleted, found.review.added) == (1, 0, 0)


def test_a_cell_cut_by_the_edge_stays_out_whatever_its_name() -> None:
    field = next(f for f in NETWORK.fields if any(FLAG_BORDER in words for words in f.cells.flags))
    row = next(i for i, words in enumerate(field.cells.flags) if FLAG_BORDER in words)
    named = apply_answers(field.cells, {row: Answer("blast")})
    assert named.is_blast[row]
    assert not named.is_counted[row]
    assert apply_answers(field.cells, {row: Answer("blast")}, count_border_cells=True).is_counted[row]


def test_a_persons_answer_settles_the_networks_doubt() -> None:
    field = next(f for f in NETWORK.fields if "unclassified" in f.cells.cell_types)
    row = field.cells.cell_types.index("unclassified")
    named = apply_answers(field.cells, {row: Answer("monocyte")})
    assert "uncertain" in field.cells.flags[row]
    assert "uncertain" not in named.flags[row]


def test_deleted_and_added_cells_leave_the_numbers_of_all_others() -> None:
    field = NETWORK.fields[1]
    row = next(i for i, c in enumerate(field.cells) if c.is_counted)
    drawn = [
        AddedCell((200, 200, 300, 300), "blast"),
        AddedCell((400, 400, 500, 500), "blast", is_deleted=True),
        AddedCell((0, 300, 90, 390), "blast"),
    ]
    found = read({field.name: {row: Answer(is_deleted=True)}}, {field.name: drawn})
    cells = found.fields[1].cells
    n = len(field.cells)
    assert len(cells) == n + 3
    assert np.array_equal(cells.boxes[:n], field.cells.boxes)
    assert FLAG_DELETED in cells.flags[row]
    assert cells.is_counted[n:].tolist() == [True, False, False]
    assert FLAG_BORDER in cells.flags[n + 2]
    assert found.differential.counted == NETWORK.differential.counted
    assert found.review is not None
    assert (found.review.named, found.review.deleted, found.review.added) == (0, 1, 2)


def test_errors_survive_only_where_nobody_looked() -> None:
    network = [field.cells for field in NETWORK.fields]
    called = [
        {i: Answer(c.cell_type) for i, c in enumerate(cells) if c.is_counted and c.is_blast}
        for cells in network
    ]
    left = remaining_rates(RATES, network, called)
    assert left is not None
    assert left.others_cleared == left.others_seen  # every blast looked at: no false alarm is left
    assert left.blasts_called == RATES.blasts_called  # a blast missed among the others still is
    every = [{i: Answer(c.cell_type) for i, c in enumerate(cells)} for cells in network]
    assert remaining_rates(RATES, network, every) is None
    assert remaining_rates(None, network, called) is None


@pytest.mark.parametrize("looked_at", [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (0.9, 0.2)])
def test_the_corrected_share_is_right_whatever_was_looked_at(looked_at: tuple[float, float]) -> None:
    """Counted with sensitivity 0.9 and specificity 0.95, a share of the called blasts and others reviewed."""
    rng = np.random.default_rng(11)
    rates = ErrorRates(900, 1000, 1900, 2000, "drawn")
    estimates, covered = [], []
    for _ in range(150):
        truth = rng.random(500) < 0.2
        called = np.where(truth, rng.random(500) < 0.9, rng.random(500) < 0.05)
        seen = rng.random(500) < np.where(called, *looked_at)
        types = tuple("blast" if mark else "lymphocyte" for mark in called)
        ones, all_true = np.ones(500, np.float32), np.ones(500, bool)
        cells = Cells(np.zeros((500, 4), np.float32), ones, types, ones, ones, called, all_true, ((),) * 500)
        answers = {int(row): Answer("blast" if truth[row] else "lymphocyte") for row in np.flatnonzero(seen)}
        blasts = int(apply_answers(cells, answers).is_blast.sum())
        found = corrected_share(blasts, 500, remaining_rates(rates, [cells], [answers])).interval
        assert found is not None
        estimates.append(found.estimate)
        covered.append(found.low <= 0.2 <= found.high)
    assert np.mean(estimates) == pytest.approx(0.2, abs=0.006)
    assert np.mean(covered) >= 0.91


def test_a_wholly_reviewed_count_is_not_corrected() -> None:
    every = {f.name: {i: Answer(c.cell_type) for i, c in enumerate(f.cells)} for f in NETWORK.fields}
    found = read(every)
    assert found.adjusted_interval is None
    assert found.blast_interval is not None
    assert not any("corrected" in flag for flag in found.flags)


def test_naming_blasts_turns_the_decision() -> None:
    every = {
        f.name: {i: Answer("blast") for i, c in enumerate(f.cells) if c.is_counted} for f in NETWORK.fields
    }
    assert NETWORK.decision.verdict is not Verdict.POSITIVE
    assert read(every).decision.verdict is Verdict.POSITIVE


_steps = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 20),
        st.one_of(st.none(), st.builds(Answer, st.sampled_from(TYPES)), st.just(Answer(is_deleted=True))),
    ),
    max_size=30,
)


@settings(max_examples=25)
@given(_steps)
def test_any_way_to_the_same_answers_gives_the_same_count(
    steps: list[tuple[int, int, Answer | None]],
) -> None:
    """Answers laid over one after the other, taken back and given anew, end where the last ones lead."""
    last: dict[str, dict[int, Answer]] = {}
    for position, row, answer in steps:
        field = NETWORK.fields[position]
        if row < len(field.cells):
            last.setdefault(field.name, {})[row] = answer or Answer()
            read_now = apply_answers(field.cells, last[field.name])
            assert len(read_now) == len(field.cells)
    final = {
        name: {row: answer for row, answer in told.items() if answer.is_given} for name, told in last.items()
    }
    one, other = read(last), read(final)
    assert one.differential == other.differential
    assert one.decision == other.decision
    assert one.blast_interval == other.blast_interval
    assert one.adjusted_interval == other.adjusted_interval


def test_one_field_without_a_scale_can_be_drawn_into() -> None:
    found = read({}, {NETWORK.fields[0].name: [AddedCell((10, 10, 60, 60), "platelet")]})
    assert found.differential.excluded["platelet"] == NETWORK.differential.excluded.get("platelet", 0) + 1
    assert found.differential.counted == pytest.approx(NETWORK.differential.counted)
