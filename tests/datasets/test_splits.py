"""Folder-per-type readers and block splits: nothing shared, numbers in order, reproducible."""

from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image

from marrowscope.datasets.layouts.cells import LabelledCell, read_folder_per_type
from marrowscope.datasets.splits import block_split
from marrowscope.errors import DatasetError


def cells_of(kind: str, n: int, per_group: int = 1) -> list[LabelledCell]:
    return [LabelledCell(Path(f"{kind}_{i}.jpg"), kind, f"{kind}{i // per_group}", "lab") for i in range(n)]


def test_blocks_are_contiguous_in_numeric_order_and_stratified() -> None:
    cells = cells_of("blast", 20) + cells_of("monocyte", 10)
    parts = block_split(cells[::-1], lambda cell: cell.cell_type, (0.6, 0.2, 0.2))
    names = [cell.path.stem for cell in parts["train"]]
    assert names == [f"blast_{i}" for i in range(12)] + [f"monocyte_{i}" for i in range(6)]
    assert [len(part) for part in parts.values()] == [18, 6, 6]


def test_parts_share_neither_item_nor_group() -> None:
    cells = cells_of("blast", 103, per_group=7)
    for seed in (None, 1, 2):
        parts = block_split(cells, lambda cell: cell.cell_type, {"a": 0.5, "b": 0.3, "c": 0.2}, seed)
        assert sum(len(part) for part in parts.values()) == len(cells)
        groups = [{cell.group for cell in part} for part in parts.values()]
        assert not groups[0] & groups[1]
        assert not groups[1] & groups[2]
        assert not groups[0] & groups[2]
        assert all(groups)


def test_a_group_met_under_two_kinds_stays_together() -> None:
    cells = [LabelledCell(Path(f"{k}{i}.png"), k, f"patient{i}", "lab") for k in "ab" for i in range(10)]
    parts = block_split(cells, lambda cell: cell.cell_type, (0.5, 0.5), seed=3)
    assert not {cell.group for cell in parts["train"]} & {cell.group for cell in parts["test"]}


def test_the_same_seed_gives_the_same_split() -> None:
    cells = cells_of("blast", 50)
    first, again, other = (
        block_split(cells, lambda cell: cell.cell_type, (0.8, 0.2), seed) for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other


def test_shares_may_leave_a_rest_but_not_exceed_the_whole() -> None:
    parts = block_split(cells_of("blast", 10), lambda cell: cell.cell_type, {"few": 0.3})
    assert len(parts["few"]) == 3
    with pytest.raises(DatasetError, match="at most 1"):
        block_split([], str, (0.8, 0.5))


def test_folders_are_types_also_one_level_deeper(tmp_path: Path) -> None:
    for folder in ("lab/Myeloblast", "lab/monocyte", "other/monocyte"):
        (tmp_path / folder).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / folder / "x_1.png")
    cells = read_folder_per_type(tmp_path)
    assert [(cell.source, cell.cell_type) for cell in cells] == [
        ("lab", "myeloblast"),
        ("lab", "monocyte"),
        ("other", "monocyte"),
    ]
    assert cells[0].is_blast
    assert cells[0].taxonomy_type == "blast"
    assert cells[0].pixels().shape == (8, 8, 3)
    with pytest.raises(DatasetError, match="no folder per cell type"):
        read_folder_per_type(tmp_path / "lab" / "monocyte")


def test_real_cells(shared_data: Path) -> None:
    cells = read_folder_per_type(shared_data / "cells")
    assert {cell.source for cell in cells} >= {"lmu", "pbc"}
    parts = block_split(cells, lambda cell: f"{cell.source}/{cell.cell_type}", (0.7, 0.15, 0.15))
    assert sum(len(part) for part in parts.values()) == len(cells) > 0
    groups = [{cell.group for cell in part} for part in parts.values()]
    assert all(not one & other for one, other in combinations(groups, 2))
    blasts = [cell.path.stem for cell in parts["test"] if cell.is_blast]
    assert min(blasts) > max(cell.path.stem for cell in parts["train"] if cell.is_blast)
