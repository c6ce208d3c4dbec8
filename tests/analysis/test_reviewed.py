"""A reader's answers over the networks': what counts, and that nothing of the networks is lost."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.exports.fake_report import KNOWN, patient

from marrowscope.analysis.patient import CountingSettings
from marrowscope.analysis.review import read_reviewed
from marrowscope.analysis.reviewed import AddedCell, Answer, added_cells, apply_answers
from marrowscope.domain.cells import FLAG_BORDER, FLAG_DELETED
from marrowscope.domain.decision import Basis, Verdict
from marrowscope.domain.patient import PatientReading
from marrowscope.domain.taxonomy import taxonomy

NETWORK = patient("a", blast_share=0.1, cells=300, fields=6)
SETTINGS = CountingSettings()
TYPES = [kind.id for kind in taxonomy()]


def read(
    answers: Mapping[str, Mapping[int, Answer]], added: Mapping[str, list[AddedCell]] | None = None
) -> PatientReading:
    return read_reviewed(NETWORK, answers, added or {}, SETTINGS, KNOWN)


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


def test_a_cell_drawn_over_a_band_around_the_picture_is_cut_as_at_the_edge() -> None:
    field = replace(NETWORK.fields[0], picture=(0, 120, 1600, 1080))
    drawn = [AddedCell((200, top, 300, top + 90), "blast") for top in (60, 300, 1000, 0)]
    cells = added_cells(drawn, field)
    assert cells.is_counted.tolist() == [False, True, False, False]
    assert [FLAG_BORDER in flags for flags in cells.flags] == [True, False, True, True]
    earlier = added_cells(drawn, replace(field, picture=None))
    assert earlier.is_counted.tolist() == [True, True, True, False]


def test_while_few_of_the_lot_are_reviewed_the_networks_reading_decides() -> None:
    field = NETWORK.fields[0]
    row = next(i for i, c in enumerate(field.cells) if c.is_counted and not c.is_blast)
    found = read({field.name: {row: Answer("myeloblast")}})
    assert found.decision == NETWORK.decision
    assert found.adjusted_interval == NETWORK.adjusted_interval
    assert found.blast_interval != NETWORK.blast_interval


def test_a_wholly_reviewed_count_decides_as_it_stands() -> None:
    every = {f.name: {i: Answer(c.cell_type) for i, c in enumerate(f.cells)} for f in NETWORK.fields}
    found = read(every)
    assert found.decision.decided_by is Basis.REVIEWED
    assert found.adjusted_interval == found.reviewed_interval == found.blast_interval
    assert "All counted cells are reviewed" in found.decision.why


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
