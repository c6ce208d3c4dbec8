"""Drawn cells as examples."""

import numpy as np
import pytest

from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import InputError
from marrowscope.synth.atlas import ATLAS_TYPES, SIDE_PX, VIEWS, draw_view
from marrowscope.synth.cell import NUCLEATED_TYPES
from marrowscope.synth.finer import FINER_RECIPES


def test_every_drawn_type_is_one_of_the_taxonomy() -> None:
    assert all(name in taxonomy() for name in ATLAS_TYPES)
    stages = {"promyelocyte", "myelocyte", "metamyelocyte", "band_neutrophil", "segmented_neutrophil"}
    assert stages | {"proerythroblast", "orthochromic_erythroblast", "plasma_cell"} <= {*ATLAS_TYPES}


def test_smears_and_training_are_drawn_as_before() -> None:
    assert not {*FINER_RECIPES} & {*NUCLEATED_TYPES}


@pytest.mark.parametrize("cell_type", ["blast", "plasma_cell", "smudge_cell", "platelet"])
def test_views_differ_and_are_always_the_same(cell_type: str) -> None:
    first, second = draw_view(cell_type, 0), draw_view(cell_type, 1)
    assert first.shape == (SIDE_PX, SIDE_PX, 3)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, draw_view(cell_type, 0))


def test_a_drawn_cell_is_darker_in_the_middle_than_the_glass_around_it() -> None:
    view = draw_view("lymphocyte", 0).astype(int)
    middle = view[SIDE_PX // 2 - 20 : SIDE_PX // 2 + 20, SIDE_PX // 2 - 20 : SIDE_PX // 2 + 20]
    assert middle.mean() < np.percentile(view, 90) - 60


@pytest.mark.parametrize(("cell_type", "number"), [("artefact", 0), ("blast", VIEWS), ("blast", -1)])
def test_what_cannot_be_drawn_is_refused(cell_type: str, number: int) -> None:
    with pytest.raises(InputError, match="no drawn view"):
        draw_view(cell_type, number)
