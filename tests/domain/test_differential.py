"""Counting: what is in the denominator and what is not."""

from hypothesis import given
from hypothesis import strategies as st

from marrowscope.domain.cells import Cell
from marrowscope.domain.differential import MyeloidErythroid, count, myeloid_to_erythroid

KINDS = ["blast", "lymphocyte", "erythroblast", "segmented_neutrophil", "unclassified", "platelet"]


def cell(kind: str, *, at_border: bool = False) -> Cell:
    return Cell(
        box=(0, 0, 1, 1),
        score=1.0,
        cell_type=kind,
        probability=0.9,
        p_blast=0.9 if kind == "blast" else 0.1,
        is_blast=kind == "blast",
        is_counted=kind != "platelet" and not at_border,
        flags=("border",) if at_border else (),
    )


cells = st.lists(st.builds(cell, st.sampled_from(KINDS), at_border=st.booleans()))


def test_a_known_differential() -> None:
    found = count([cell("blast"), cell("blast", at_border=True), cell("lymphocyte"), cell("platelet")])
    assert (found.cells, found.counted, found.blasts, found.blast_share) == (4, 2, 1, 0.5)
    assert dict(found.counts) == {"blast": 1, "lymphocyte": 1}
    assert dict(found.excluded) == {"border": 1, "platelet": 1}


@given(cells, st.randoms())
def test_order_never_matters_and_nothing_is_lost(rows: list[Cell], random: object) -> None:
    found = count(rows)
    assert found == count(sorted(rows, key=lambda c: (c.cell_type, c.flags)))
    assert found.cells == len(rows)
    if found.counted:
        assert abs(sum(found.share(kind) or 0 for kind in KINDS) - 1) < 1e-12


@given(cells)
def test_another_cell_that_is_no_blast_never_raises_the_share(rows: list[Cell]) -> None:
    before, after = count(rows).blast_share, count([*rows, cell("lymphocyte")]).blast_share
    assert after is not None
    assert before is None or after <= before


def test_nothing_counted_has_no_share() -> None:
    assert count([]).blast_share is None
    assert count([cell("platelet")]).share("blast") is None


def test_myeloid_to_erythroid_leaves_blasts_and_lymphocytes_out() -> None:
    rows = [cell(k) for k in ("segmented_neutrophil",) * 6 + ("erythroblast",) * 2 + ("blast", "lymphocyte")]
    assert myeloid_to_erythroid(count(rows)) == MyeloidErythroid(6, 2)
    assert MyeloidErythroid(6, 2).ratio == 3
    assert myeloid_to_erythroid(count(rows[:6])) is None
