"""Labelled cells: one centred cell an image, the folder's name is its type."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from marrowscope.datasets.known_sets import LEFT_OUT, KnownSet
from marrowscope.datasets.labelled import list_images, read_pixels, read_with_scale
from marrowscope.datasets.layouts.recognise import label_folder, recognise_set
from marrowscope.datasets.names import NOT_BLAST, normalise_label
from marrowscope.domain.taxonomy import BLAST, taxonomy
from marrowscope.errors import DatasetError
from marrowscope.imaging.files.formats import IMAGE_SUFFIXES

GROUP_MARK = "@"  # in a file's name, between the group and the rest

_NEUTROPHIL = "neutrophil"  # without more, public sets mean the mature one


@dataclass(frozen=True)
class LabelledCell:
    """One image of one cell. `cell_type` is the folder's name, normalised; `group` as for fields."""

    path: Path
    cell_type: str
    group: str
    source: str

    @property
    def is_blast(self) -> bool:
        """Whether the type is a blast by any of its names."""
        return self.taxonomy_type == BLAST

    @property
    def taxonomy_type(self) -> str:
        """The classifier's name of the type: every kind of blast is `blast`."""
        if self.cell_type in taxonomy() and taxonomy()[self.cell_type].is_blast:
            return BLAST
        return "segmented_neutrophil" if self.cell_type == _NEUTROPHIL else self.cell_type

    def type_among(self, types: Collection[str]) -> str | None:
        """Name the type as one of `types`: itself, or the nearest broader type.

        None for a blast, and where no more is known than that the cell is no blast.

        Raises
        ------
        DatasetError
            Neither the type nor a broader one is among them.
        """
        if self.is_blast or self.cell_type == NOT_BLAST:
            return None
        own = self.taxonomy_type
        broader = [kind.id for kind in taxonomy().ancestors(own)] if own in taxonomy() else []
        found = next((name for name in (own, *broader) if name in types), None)
        if found is None:
            raise DatasetError(f"{self.path}: {own} is no cell type the classifier knows")
        return found

    def pixels(self) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB."""
        return read_pixels(self.path)

    def with_scale(self) -> tuple[npt.NDArray[np.uint8], float | None]:
        """(H, W, 3) uint8 RGB, and micrometres per pixel where the file states it."""
        return read_with_scale(self.path)


def read_folder_per_type(root: Path, source: str | None = None) -> list[LabelledCell]:
    """Read `root/<type>/**` images, or `root/<source>/<type>/**` where types lie a level deeper.

    The public sets of `known_sets` are recognised by their trees, folders in folders included; their own
    codes become types of the taxonomy, images whose label names no single type are left out, and patients are
    given where known.

    What stands before an ``@`` in a file's name is its group, as `convert` writes it: the patient, or the
    field the cell was cut from. Without one every image is its own group; split such sets by name blocks
    (`splits.block_split`), since neighbouring numbers are often the same patient.
    """
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder")
    known = recognise_set(root)
    if known is not None and known.layout == "cells":
        return _read_known(root, known, source or root.name)
    folders = _folders(root)
    if not folders:
        raise DatasetError(f"{root}: holds no folder per cell type")
    if _are_sets(folders):
        return [cell for folder in folders for cell in read_folder_per_type(folder, source or folder.name)]
    name = source or root.name
    return [
        LabelledCell(path, normalise_label(folder.name), f"{name}/{_group(folder, path)}", name)
        for folder in folders
        for path in list_images(folder)
    ]


def inner_sets(root: Path) -> list[Path]:
    """Give the folders of a root that are sets of their own; none where it holds a folder per type."""
    if not root.is_dir() or recognise_set(root) is not None:
        return []
    folders = _folders(root)
    return folders if _are_sets(folders) else []


def _read_known(root: Path, known: KnownSet, source: str) -> list[LabelledCell]:
    cells = []
    for path in list_images(root):
        inside = path.relative_to(root)
        folder = label_folder(known, inside.parts[:-1])
        cell_type = LEFT_OUT if folder is None else known.type_of(folder, path.name)
        if cell_type != LEFT_OUT:
            group = known.group_of(inside.as_posix()) or inside.with_suffix("").as_posix()
            cells.append(LabelledCell(path, cell_type, f"{source}/{group}", source))
    return cells


def _group(folder: Path, path: Path) -> str:
    group, mark, _ = path.stem.partition(GROUP_MARK)
    return group if mark and group else f"{folder.name}/{path.stem}"


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def _are_sets(folders: Sequence[Path]) -> bool:
    return bool(folders) and all(_holds_only_folders(folder) for folder in folders)


def _holds_only_folders(folder: Path) -> bool:
    """Whether no image lies directly in a folder that has folders; a list or a read-me may lie there."""
    entries = [p for p in folder.iterdir() if not p.name.startswith(".")]
    return any(p.is_dir() for p in entries) and not any(p.suffix.lower() in IMAGE_SUFFIXES for p in entries)
