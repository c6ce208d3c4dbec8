"""Splits that keep together what belongs together: contiguous blocks of names, whole groups."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from marrowscope.datasets.layouts.cells import read_folder_per_type
from marrowscope.datasets.layouts.fields import read_fields
from marrowscope.datasets.layouts.recognise import recognise_layout
from marrowscope.errors import DatasetError
from marrowscope.imaging.names import natural_key


class Grouped(Protocol):
    """What can be split: it lies somewhere and belongs to a group."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def group(self) -> str:
        """What it belongs to: all of a group falls into one part."""


Item = TypeVar("Item", bound=Grouped)


def block_split(
    items: Sequence[Item],
    key: Callable[[Item], str],
    fractions: Mapping[str, float] | Sequence[float],
    seed: int | None = None,
) -> dict[str, list[Item]]:
    """Cut the items of each kind into contiguous blocks of names, numbers taken as numbers.

    Where file names follow the order of patients, a block holds few patients' cells and two blocks share
    at most the patient at their seam: the nearest thing to a patient-level split without patient names.

    Parameters
    ----------
    items : labelled cells or fields
    key : kind of an item; every kind is cut by the same fractions (stratified)
    fractions : part name -> share, summing to at most 1 (the rest is left out); a plain sequence names
        its parts `train`, `val`, `test` (two: `train`, `test`)
    seed : rotate each kind's blocks by a random offset, reproducibly; None keeps the first names first

    Returns
    -------
    part name -> items, in natural order of kind and name. Items of one group never part.
    """
    shares = _named(fractions)
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


def _named(fractions: Mapping[str, float] | Sequence[float]) -> dict[str, float]:
    if isinstance(fractions, Mapping):
        shares = dict(fractions)
    else:
        names = {1: ("train",), 2: ("train", "test"), 3: ("train", "val", "test")}.get(len(fractions))
        if names is None:
            raise DatasetError(f"a split of {len(fractions)} unnamed parts: name them")
        shares = dict(zip(names, fractions, strict=True))
    if any(share <= 0 for share in shares.values()) or sum(shares.values()) > 1 + 1e-9:
        raise DatasetError(f"fractions must be positive and sum to at most 1, got {shares}")
    return shares


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

    `images` tells where the images of a CSV or COCO file lie, if not beside it.

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
    return _named(shares)


def write_split(parts: Mapping[str, Sequence[SplitItem]], path: Path) -> None:
    """Write a split as CSV ``path,kind,group,part``, a row per image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("path", "kind", "group", "part"))
        for name, items in parts.items():
            table.writerows((item.path.as_posix(), item.kind, item.group, name) for item in items)
