"""Tiles cover everything and overlap enough."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.imaging.tiles import Tile, tile_grid


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(8, 80), st.data())
def test_every_pixel_is_covered_and_neighbours_overlap(
    width: int, height: int, tile: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, tile * 3 // 4))
    step = data.draw(st.integers(1, 8))
    seen = np.zeros((height, width), bool)
    tiles = tile_grid(width, height, tile, overlap, step)
    for t in tiles:
        assert 0 <= t.x0 < t.x1 <= width
        assert 0 <= t.y0 < t.y1 <= height
        assert (t.width, t.height) == (tiles[0].width, tiles[0].height)
        seen[t.y0 : t.y1, t.x0 : t.x1] = True
    assert seen.all()
    assert len(set(tiles)) == len(tiles)
    for side, length, starts in (
        (tiles[0].width, width, sorted({t.x0 for t in tiles})),
        (tiles[0].height, height, sorted({t.y0 for t in tiles})),
    ):
        assert side <= tile
        assert all(a + side - b >= overlap for a, b in pairwise(starts))
        # No smaller multiple of the step would do for as many tiles.
        smaller = (-(-side // step) - 1) * step
        assert len(starts) == 1 or smaller * len(starts) - overlap * (len(starts) - 1) < length


def test_a_small_field_is_one_tile() -> None:
    assert tile_grid(300, 200, 640, 96) == (Tile(0, 0, 300, 200),)
    assert tile_grid(640, 640, 640, 96) == (Tile(0, 0, 640, 640),)


def test_a_large_field_row_by_row() -> None:
    tiles = tile_grid(1000, 700, 640, 96, 32)
    assert [(t.x0, t.y0) for t in tiles] == [(0, 0), (424, 0), (0, 284), (424, 284)]
    assert {(t.width, t.height) for t in tiles} == {(576, 416)}


@pytest.mark.parametrize("sizes", [(0, 5, 4, 1), (5, 0, 4, 1), (5, 5, 0, 0), (5, 5, 4, 4), (5, 5, 4, -1)])
def test_nonsense_is_refused(sizes: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="cannot tile"):
        tile_grid(*sizes)
