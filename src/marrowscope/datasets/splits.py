"""Splits that keep together what belongs together: contiguous blocks of names, whole groups.

`PARTS` and `parts_of` are the one definition of which cells train, validate and test; training, composites
and evaluation all use it.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar

import numpy as np

from marrowscope.datasets.layouts.cells import LabelledCell, inner_sets, read_folder_per_type
from marrowscope.datasets.layouts.fields import read_fields
from marrowscope.datasets.layouts.recognise import recognise_layout
from marrowscope.errors import DatasetError, InputError
from marrowscope.imaging.files.spreadsheets import protected, read_table
from marrowscope.imaging.names import natural_key

PARTS = {"train": 0.70, "val": 0.15, "test": 0.15}
"""Parts of a labelled set and their shares, where the set has no list of its own."""

_LIST_WORDS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


class Grouped(Protocol):
    """What can be split: it lies somewhere and belongs to a group."""

    @property
    def path(self) -> Path:
        """Where its image lies."""

    @property
    def group(self) -> str:
        """What it belongs to (a patient, a slide): all of a group falls into one part."""


Item = TypeVar("Item", bound=Grouped)


def block_split(
    items: Sequence[Item],
    key: Callable[[Item], str],
    fractions: Mapping[str, float],
    seed: int | None = None,
) -> dict[str, list[Item]]:
    """Cut the items of each kind into contiguous blocks of names, numbers taken as numbers.

    Where file names follow the order of patients, a block holds few patients' cells and two blocks share
    at most the patient at their seam: the nearest thing to a patient-level split without patient names.

    Parameters
    ----------
    items : labelled cells or fields
    key : kind of an item; every kind is cut by the same fractions (stratified)
    fractions : part name -> share, summing to at most 1 (the rest is left out)
    seed : rotate each kind's blocks by a random offset, reproducibly; None keeps the first names first

    Returns
    -------
    part name -> items, in natural order of kind and name. Items of one group never part.
    """
    shares = _checked(fractions)
    parts: dict[str, list[Item]] = {name: [] for name in shares}
    rng = None if seed is None else np.random.default_rng(seed)
    by_kind: dict[str, list[Item]] = {}
    for item in items:
        by_kind.setdefault(key(item), []).append(item)
    assigned: dict[str, str] = {}
    for kind in sorted(by_kind):
        groups = _ordered_groups(by_kind[kind])
        if rng is not None:
            start = int(rng.integers(len(groups)))
            groups = groups[start:] + groups[:start]
        _deal(groups, shares, parts, assigned)
    return parts


def _deal(
    groups: list[list[Item]],
    shares: Mapping[str, float],
    parts: dict[str, list[Item]],
    assigned: dict[str, str],
) -> None:
    """Hand one kind's groups to the parts in order, each up to its share of the items."""
    total = sum(len(group) for group in groups)
    ends = np.cumsum(list(shares.values())) * total
    names = list(shares)
    seen = 0
    for group in groups:
        # A group belongs where its middle lies; one met under another kind stays where it went.
        index = int(np.searchsorted(ends, seen + len(group) / 2, side="left"))
        seen += len(group)
        name = assigned.get(group[0].group) or (names[index] if index < len(names) else "")
        if name:
            assigned[group[0].group] = name
            parts[name].extend(group)


def _ordered_groups(items: Sequence[Item]) -> list[list[Item]]:
    """Items of each group together, groups by the natural order of their first name."""
    groups: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda i: natural_key(i.path.as_posix())):
        groups.setdefault(item.group, []).append(item)
    return list(groups.values())


def _checked(fractions: Mapping[str, float]) -> dict[str, float]:
    shares = dict(fractions)
    if any(share <= 0 for share in shares.values()) or sum(shares.values()) > 1 + 1e-9:
        raise DatasetError(f"fractions must be positive and sum to at most 1, got {shares}")
    return shares


def parts_of(folder: Path, source: str | None = None) -> dict[str, list[LabelledCell]]:
    """Deal the single cells of a set, or of every set in a folder, into `PARTS`.

    A set's own list counts (`split_list`). Without one, every cell type of every source is cut into blocks
    of names (`block_split`), by the finest type its folder states, so that each part holds every type: blasts
    of two kinds in two folders are two types here, whatever the classifier calls both.

    Raises
    ------
    DatasetError
        There is no such folder, or its list cannot be used.
    """
    inner = [] if split_list(folder) else inner_sets(folder)
    if not inner:
        return in_parts(folder, read_folder_per_type(folder, source), lambda c: f"{c.source}/{c.cell_type}")
    parts: dict[str, list[LabelledCell]] = {name: [] for name in PARTS}
    for own in inner:
        for name, cells in parts_of(own, source or own.name).items():
            parts[name] += cells
    return parts


def labelled_part(folder: Path, part: str) -> list[LabelledCell]:
    """Read the single cells of one part of a set, or ``all`` of them.

    Raises
    ------
    DatasetError
        There is no such folder or part.
    """
    if part == "all":
        return read_folder_per_type(folder)
    if part not in PARTS:
        raise DatasetError(f"no part {part}: one of all, {', '.join(PARTS)}")
    return parts_of(folder)[part]


def in_parts(folder: Path, items: Sequence[Item], key: Callable[[Item], str]) -> dict[str, list[Item]]:
    """Deal images of a folder into `PARTS`: by the set's own list, else each kind (`key`) into blocks.

    An image that the list does not name belongs to no part.

    Raises
    ------
    DatasetError
        The list cannot be read, names none of the images, or puts a group into two parts.
    """
    table = split_list(folder)
    if table is None:
        return block_split(items, key, PARTS)
    listed = _read_list(table)
    parts: dict[str, list[Item]] = {name: [] for name in PARTS}
    part_of_group: dict[str, str] = {}
    for item in items:
        part = _listed_part(item.path, folder, listed)
        if part is None:
            continue
        if part_of_group.setdefault(item.group, part) != part:
            raise DatasetError(f"{table}: puts {item.group} into {part_of_group[item.group]} and {part}")
        parts[part].append(item)
    if not part_of_group and items:
        raise DatasetError(f"{table}: names none of the images in {folder}")
    return parts


def split_list(folder: Path) -> Path | None:
    """Give a set's own list of parts: ``<folder>_split.csv`` beside it, or ``split.csv`` in it; None without.

    It has the columns ``path`` (relative to the folder) and ``part`` (train, val or validation, test).
    """
    beside = folder.absolute().with_name(f"{folder.absolute().name}_split.csv")
    return next((table for table in (beside, folder / "split.csv") if table.is_file()), None)


def taken(items: Sequence[Item], part: tuple[float, float], root: Path) -> list[Item]:
    """Give the part (fractions from and to) of `items` by sorted file name.

    Raises
    ------
    DatasetError
        No item lies in it.
    """
    first, last = (round(len(items) * fraction) for fraction in part)
    if first >= last:
        raise DatasetError(f"{root}: no field in the part {part[0]:g} to {part[1]:g}")
    return sorted(items, key=lambda item: item.path.name)[first:last]


def _read_list(table: Path) -> dict[str, str]:
    """Read path -> part."""
    try:
        read = read_table(table)
    except InputError as error:
        raise DatasetError(str(error)) from error
    listed: dict[str, str] = {}
    for row in read.rows:
        number = row.line
        path, word = row.values.get("path", ""), row.values.get("part", "").lower()
        if not path or word not in _LIST_WORDS:
            raise DatasetError(
                f"{table}, line {number}: needs a path and a part, one of {', '.join(_LIST_WORDS)}"
            )
        name = PurePosixPath(path.replace("\\", "/")).as_posix()
        if listed.setdefault(name, _LIST_WORDS[word]) != _LIST_WORDS[word]:
            raise DatasetError(f"{table}, line {number}: {path} is in another part in a line before")
    return listed


def _listed_part(path: Path, folder: Path, listed: Mapping[str, str]) -> str | None:
    """Look an image up by its path relative to the folder, or as `write_split` names it."""
    names = (path.relative_to(folder), path, path.absolute())
    return next((listed[name.as_posix()] for name in names if name.as_posix() in listed), None)


@dataclass(frozen=True)
class SplitItem:
    """One image of a set: where it lies, what it is (its type, or its set), and what it must stay with."""

    path: Path
    kind: str
    group: str


def read_and_split(
    root: Path,
    layout: str,
    shares: Mapping[str, float],
    seed: int | None = None,
    images: Path | None = None,
) -> dict[str, list[SplitItem]]:
    """Read a set in any layout (`cells`: a folder per type) and split it; see `block_split`.

    `images` is the folder of the images of a CSV or COCO file, if not beside it.

    Raises
    ------
    DatasetError
        The set cannot be read, or the shares are none.
    """
    if layout == "cells" or (layout == "auto" and recognise_layout(root) == "cells"):
        items = [SplitItem(c.path, f"{c.source}/{c.cell_type}", c.group) for c in read_folder_per_type(root)]
    else:
        items = [SplitItem(f.path, f.source, f.group) for f in read_fields(root, layout, images=images)]
    if not items:
        raise DatasetError(f"{root}: holds nothing to split")
    return block_split(items, lambda item: item.kind, shares, seed)


def shares_of(text: str) -> dict[str, float]:
    """Read ``train=0.7,test=0.3``. Raises DatasetError when it is anything else."""
    try:
        named = [part.split("=") for part in text.split(",")]
        shares = {name.strip(): float(share) for name, share in named}
    except ValueError as error:
        raise DatasetError(f"parts must look like train=0.7,test=0.3, not {text!r}") from error
    return _checked(shares)


def write_split(parts: Mapping[str, Sequence[SplitItem]], path: Path) -> None:
    """Write a split as CSV ``path,kind,group,part``, a row per image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("path", "kind", "group", "part"))
        for name, items in parts.items():
            table.writerows(
                (protected(item.path.as_posix()), item.kind, protected(item.group), name) for item in items
            )
