"""Debris keeps its size, holds no nucleus, and is never boxed."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from marrowscope.training.composites.backgrounds import background_from
from marrowscope.training.composites.compose import Crowding, DenseComposer
from marrowscope.training.composites.cutouts import CLEAR, CutOut, cut_out
from marrowscope.training.composites.debris import (
    Pixels,
    ghost,
    parasite,
    precipitate,
    smudge,
)

EMPTY, CYTOPLASM, CHROMATIN = (240, 225, 215), (190, 180, 215), (85, 45, 130)
MPP = 0.13


@pytest.fixture(scope="module")
def cell() -> CutOut:
    image = Image.new("RGB", (256, 256), EMPTY)
    brush = ImageDraw.Draw(image)
    brush.ellipse((78, 78, 178, 178), fill=CYTOPLASM)
    brush.ellipse((95, 95, 160, 160), fill=CHROMATIN)
    pixels = np.asarray(image)
    return cut_out(pixels, pixels[..., 0] < EMPTY[0], MPP, "blast", "pbc")


@pytest.fixture(scope="module")
def patch(cell: CutOut) -> Pixels:
    picture, _ = cell.at_least(MPP)
    return np.asarray(picture)


def darkest(patch: Pixels) -> float:
    """Return the transmittance of the darkest twentieth of what is solid."""
    return float(np.percentile(patch[patch[..., 3] > 127][:, :3].mean(axis=1), 5) / CLEAR)


@pytest.mark.parametrize("seed", range(8))
def test_a_ghost_holds_no_nucleus_but_keeps_the_cells_outline(patch: Pixels, seed: int) -> None:
    made = ghost(np.random.default_rng(seed), patch)
    assert darkest(made) > 1.5 * darkest(patch)
    area = (made[..., 3] > 127).sum() / (patch[..., 3] > 127).sum()
    assert 0.7 < area < 1.3


@pytest.mark.parametrize("seed", range(8))
def test_a_smudge_is_paler_than_the_nucleus_it_was(patch: Pixels, seed: int) -> None:
    made = smudge(np.random.default_rng(seed), patch)
    assert made.shape == patch.shape
    assert (made[..., 3] > 127).any()
    assert darkest(made) > 1.2 * darkest(patch)


@pytest.mark.parametrize("mpp", [0.06, 0.13, 0.4])
def test_specks_of_dye_are_small_and_dark_at_every_scale(mpp: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        made = precipitate(rng, mpp)
        solid = made[..., 3] > 127
        assert np.sqrt(solid.sum()) * mpp < 12.0
        if solid.any():
            assert made[solid][:, :3].mean() / CLEAR < 0.6


@pytest.mark.parametrize("mpp", [0.1, 0.2, 0.4])
def test_a_parasite_fits_into_a_red_cell_at_every_scale(mpp: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        solid = parasite(rng, mpp)[..., 3] > 60
        assert solid.any()
        assert max(np.ptp(np.flatnonzero(solid.any(axis=axis))) for axis in (0, 1)) * mpp < 8.5


def test_debris_has_no_box(cell: CutOut) -> None:
    image = Image.new("RGB", (640, 480), EMPTY)
    background = background_from(np.asarray(image), 0.127)
    composer = DenseComposer(
        [cell], [background], plain_share=0.0, crowdings=(Crowding(1.0, (0.0, 0.0), 0.0),)
    )
    fields = [composer.compose(np.random.default_rng(seed), 320, 0.2) for seed in range(12)]
    assert all(len(boxes) == 0 for _, boxes, _ in fields)
    assert any(np.ptp(pixels.astype(int).sum(axis=2)) > 100 for pixels, _, _ in fields), (
        "nothing was laid at all"
    )
