"""One rule says which cells enter the differential, and nobody else writes it."""

import ast
from pathlib import Path

import pytest

import marrowscope
from marrowscope.domain.counting import counts_in_differential
from marrowscope.domain.taxonomy import ARTEFACT, UNCLASSIFIED, taxonomy

RULE = Path("domain/counting.py")
"""The one module that may ask the taxonomy whether a type counts, beside those listed in `READERS`."""

READERS = {
    Path("models/naming.py"),  # sums the probabilities of types that count
    Path("domain/differential.py"),  # gives the reason why a cell was left out
    Path("evaluation/counts/cells.py"),  # labelled cells of types that count
    Path("evaluation/networks/classifier.py"),  # the same
    Path("evaluation/networks/left_out.py"),  # the same
}


@pytest.mark.parametrize("kind", list(taxonomy()), ids=lambda kind: kind.id)
def test_a_whole_cell_counts_as_its_type_does(kind: object) -> None:
    cell_type = getattr(kind, "id", "")
    for count_border_cells in (False, True):
        counts = counts_in_differential(cell_type, at_border=False, count_border_cells=count_border_cells)
        assert counts == taxonomy()[cell_type].is_counted


def test_a_cut_cell_counts_where_cut_cells_do() -> None:
    assert not counts_in_differential("blast", at_border=True, count_border_cells=False)
    assert counts_in_differential("blast", at_border=True, count_border_cells=True)
    assert not counts_in_differential(ARTEFACT, at_border=True, count_border_cells=True)


def test_an_unclassified_cell_counts_unless_it_is_likelier_a_platelet() -> None:
    for is_nucleated in (False, True):
        counts = counts_in_differential(
            UNCLASSIFIED, at_border=False, count_border_cells=False, is_nucleated=is_nucleated
        )
        assert counts == is_nucleated
    assert counts_in_differential("blast", at_border=False, count_border_cells=False, is_nucleated=False)


def test_the_rule_is_written_once() -> None:
    package = Path(marrowscope.__file__).parent
    askers = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            # The taxonomy's own answer, `taxonomy()[...].is_counted`; columns of the same name are results.
            if isinstance(node, ast.Attribute) and node.attr == "is_counted" and _is_of_a_type(node.value):
                askers.add(path.relative_to(package))
    assert askers == {RULE, *READERS}  # an entry that is no longer needed goes, too


def _is_of_a_type(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and "taxonomy" in ast.dump(node.value)
