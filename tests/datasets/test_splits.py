"""Folder-per-type readers, block splits and the parts of a set: nothing shared, numbers in order."""

import csv
import re
import tomllib
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image
from tests.conftest import REPOSITORY

from marrowscope.datasets.layouts.cells import LabelledCell, read_folder_per_type
from marrowscope.datasets.splits import (
    SplitItem,
    block_split,
    labelled_part,
    parts_of,
    read_and_split,
    taken,
    write_split,
)
from marrowscope.errors import DatasetError
from marrowscope.imaging.files.spreadsheets import read_table


def cells_of(kind: str, n: int, per_group: int = 1) -> list[LabelledCell]:
    return [LabelledCell(Path(f"{kind}_{i}.jpg"), kind, f"{kind}{i // per_group}", "lab") for i in range(n)]


def test_blocks_are_contiguous_in_numeric_order_and_stratified() -> None:
    cells = cells_of("blast", 20) + cells_of("monocyte", 10)
    parts = block_split(cells[::-1], lambda cell: cell.cell_type, {"train": 0.6, "val": 0.2, "test": 0.2})
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
    parts = block_split(cells, lambda cell: cell.cell_type, {"train": 0.5, "test": 0.5}, seed=3)
    assert not {cell.group for cell in parts["train"]} & {cell.group for cell in parts["test"]}


def test_the_same_seed_gives_the_same_split() -> None:
    cells = cells_of("blast", 50)
    first, again, other = (
        block_split(cells, lambda cell: cell.cell_type, {"train": 0.8, "test": 0.2}, seed)
        for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other


def test_shares_may_leave_a_rest_but_not_exceed_the_whole() -> None:
    parts = block_split(cells_of("blast", 10), lambda cell: cell.cell_type, {"few": 0.3})
    assert len(parts["few"]) == 3
    with pytest.raises(DatasetError, match="at most 1"):
        block_split([], str, {"train": 0.8, "test": 0.5})


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


def folder_of(root: Path, kinds: dict[str, int]) -> Path:
    """A folder per type with so many tiny images each, numbered."""
    for kind, n in kinds.items():
        (root / kind).mkdir(parents=True)
        for number in range(n):
            Image.new("RGB", (8, 8)).save(root / kind / f"{number}.png")
    return root


def names_of(parts: dict[str, list[LabelledCell]]) -> dict[str, list[str]]:
    return {name: [f"{c.path.parent.name}/{c.path.stem}" for c in cells] for name, cells in parts.items()}


def test_without_a_list_every_type_of_every_set_is_cut_into_blocks(tmp_path: Path) -> None:
    folder_of(tmp_path / "one", {"myeloblast": 20, "monoblast": 20, "monocyte": 20})
    folder_of(tmp_path / "two", {"monocyte": 20})
    parts = parts_of(tmp_path)
    assert {name: len(cells) for name, cells in parts.items()} == {"train": 56, "val": 12, "test": 12}
    # Both kinds of blasts, one type to the classifier, stand in every part.
    for cells in parts.values():
        found = {(cell.source, cell.cell_type) for cell in cells}
        assert found == {
            ("one", "myeloblast"), ("one", "monoblast"), ("one", "monocyte"), ("two", "monocyte")
        }  # fmt: skip
    assert labelled_part(tmp_path, "val") == parts["val"]
    assert len(labelled_part(tmp_path, "all")) == 80
    with pytest.raises(DatasetError, match="no part dev: one of all, train, val, test"):
        labelled_part(tmp_path, "dev")


@pytest.mark.parametrize("beside", [True, False])
def test_a_sets_own_list_counts(tmp_path: Path, beside: bool) -> None:
    folder = folder_of(tmp_path / "set", {"blast": 4, "monocyte": 4})
    table = tmp_path / "set_split.csv" if beside else folder / "split.csv"
    table.write_text(
        "path,part\nblast/3.png,train\nblast/0.png,Validation\nmonocyte/1.png,test\nnot/there.png,val\n"
    )
    expected = {"train": ["blast/3"], "val": ["blast/0"], "test": ["monocyte/1"]}
    assert names_of(parts_of(folder)) == expected
    assert names_of(parts_of(tmp_path)) == expected  # as one set of a folder of sets, too


def test_what_split_writes_is_a_list(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "set", {"blast": 10})
    write_split(read_and_split(folder, "cells", {"test": 0.5, "train": 0.5}), folder / "split.csv")
    assert names_of(parts_of(folder))["test"] == [f"blast/{i}" for i in range(5)]


def test_a_list_holds_no_formula(tmp_path: Path) -> None:
    write_split({"test": [SplitItem(Path("-blast/=0.png"), "blast", "=P")]}, tmp_path / "split.csv")
    (row,) = read_table(tmp_path / "split.csv").rows
    assert (row.values["path"], row.values["group"]) == ("-blast/=0.png", "=P")
    assert (tmp_path / "split.csv").read_text("utf-8").splitlines()[1] == "'-blast/=0.png,blast,'=P,test"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "path,part\nblast/0.png,dev\n",
            "line 2: needs a path and a part, one of train, val, validation, test",
        ),
        ("file,part\nblast/0.png,train\n", "line 2: needs a path"),
        ("path,part\nblast/0.png,train\nblast/0.png,test\n", "line 3: blast/0.png is in another part"),
        ("path,part\nother/0.png,train\n", "names none of the images"),
        ("path,part\nblast/P@0.png,train\nblast/P@1.png,test\n", "puts set/P into train and test"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(tmp_path: Path, rows: str, message: str) -> None:
    folder = folder_of(tmp_path / "set", {"blast": 2})
    for number in range(2):
        Image.new("RGB", (8, 8)).save(folder / "blast" / f"P@{number}.png")
    (folder / "split.csv").write_text(rows)
    with pytest.raises(DatasetError, match=message):
        parts_of(folder)


def test_what_a_recipe_takes_and_what_a_plan_takes_make_the_whole() -> None:
    items = cells_of("field", 153)
    trained, tested = (taken(items, part, Path("set")) for part in ((0.0, 0.6667), (0.6667, 1.0)))
    assert sorted(item.path for item in (*trained, *tested)) == sorted(item.path for item in items)
    assert not {item.group for item in trained} & {item.group for item in tested}
    with pytest.raises(DatasetError, match=r"no field in the part 0\.5 to 0\.5"):
        taken(items, (0.5, 0.5), Path("set"))


def test_the_shipped_recipe_trains_on_no_field_the_plan_tests() -> None:
    recipe = tomllib.loads((REPOSITORY / "runs" / "detector.toml").read_text("utf-8"))
    plan = tomllib.loads((REPOSITORY / "runs" / "evaluation.toml").read_text("utf-8"))
    fractions = {(s["path"], s.get("split")): s.get("take", [0, 1]) for s in recipe["source"]}
    fractions |= {(recipe["composites"]["backgrounds"], None): recipe["composites"]["take"]}
    shared = [
        (entry, fractions[entry["data"], entry.get("split")])
        for entry in plan["evaluation"]
        if (entry["data"], entry.get("split")) in fractions and entry["role"] == "held out"
    ]
    assert len(shared) == 2
    assert all(trained[1] <= entry["take"][0] for entry, trained in shared)


def test_shares_of_parts_are_stated_once() -> None:
    """A second definition of the split would part from this one some day."""
    shares = re.compile(r"0?\.70?\b[^\n]*0?\.15\b[^\n]*0?\.15\b")
    sources = (REPOSITORY / "src" / "marrowscope").rglob("*.py")
    homes = {path.name for path in sources if shares.search(path.read_text("utf-8"))}
    assert homes == {"splits.py"}


def test_real_cells(shared_data: Path) -> None:
    parts = parts_of(shared_data / "cells")
    assert {cell.source for cells in parts.values() for cell in cells} >= {"lmu", "pbc"}
    groups = [{cell.group for cell in cells} for cells in parts.values()]
    assert all(groups)
    assert all(not one & other for one, other in combinations(groups, 2))
    blasts = [cell.path.stem for cell in parts["test"] if cell.is_blast]
    assert min(blasts) > max(cell.path.stem for cell in parts["train"] if cell.is_blast)
    with (shared_data / "cells" / "pbc_split.csv").open() as stream:
        stated = sorted(row["path"] for row in csv.DictReader(stream) if row["part"] == "test")
    found = [c.path.relative_to(shared_data / "cells/pbc") for c in parts["test"] if c.source == "pbc"]
    assert sorted(path.as_posix() for path in found) == stated
