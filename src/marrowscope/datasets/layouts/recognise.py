"""Recognises by its tree the layout of a folder, and which public set it is, if any."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from marrowscope.datasets.known_sets import KnownSet, known_sets
from marrowscope.datasets.labelled import image_size
from marrowscope.datasets.names import normalise_label
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import DatasetError
from marrowscope.imaging.files.formats import IMAGE_SUFFIXES

_FILE_LAYOUTS = {".json": "coco", ".csv": "csv"}
_SAMPLE = 20  # image names looked at in each folder
_NAMES_ALIKE = 0.9  # share of them that must look like the set's


@dataclass(frozen=True)
class _ImageFolder:
    """A folder that holds images: the folders that lead to it, some of its images' names in order."""

    parts: tuple[str, ...]
    names: tuple[str, ...]


def recognise_layout(root: Path) -> str:
    """Name of the layout of a folder (or a COCO or CSV file).

    `voc`, `yolo`, `coco`, `csv`; `cells` where every image lies in some sub-folder, taken for its type;
    else `unlabelled`. The marks of a public set take precedence over the general shape of the tree.

    Raises
    ------
    DatasetError : there is no such folder, or a file is of another kind
    """
    if root.is_file() and root.suffix.lower() in _FILE_LAYOUTS:
        return _FILE_LAYOUTS[root.suffix.lower()]
    if root.is_file():
        raise DatasetError(f"{root}: neither a folder nor a COCO (.json) or CSV (.csv) file")
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder")
    known = recognise_set(root)
    return known.layout if known else _layout(root, list(_image_folders(root)))


def recognise_set(root: Path) -> KnownSet | None:
    """Give the public set that a folder looks like, by the names of its folders and images."""
    if not root.is_dir():
        return None
    folders = list(_image_folders(root))
    layout = _layout(root, folders)
    if not folders:
        return None
    for known in known_sets().values():
        if known.layout == "cells":
            # Boxes of the one cell of each image may lie beside the folders.
            if layout in {"cells", "unlabelled", "csv"} and _is_tree_of(known, folders):
                return known
        elif _is_set_of_fields(known, root, layout, folders):
            return known
    return None


def identify_set(root: Path) -> str:
    """Give the identifier of the public set a folder looks like; else the folder's name stands for it."""
    known = recognise_set(root)
    return root.absolute().name if known is None else known.id


def label_folder(known: KnownSet, parts: Sequence[str]) -> str | None:
    """Give the innermost of the folders leading to an image that is one of the set's labels."""
    return next((part for part in reversed(parts) if part in known.labels), None)


def coco_file(root: Path) -> Path | None:
    """Give the COCO annotation file of a folder, if it holds one."""
    found = sorted(root.glob("*coco*.json")) or sorted(root.glob("annotations*.json"))
    return found[0] if found else None


def csv_file(root: Path) -> Path | None:
    """Give the boxes CSV of a folder, if it holds one."""
    return next((root / name for name in ("annotations.csv", "boxes.csv") if (root / name).is_file()), None)


def _layout(root: Path, folders: Sequence[_ImageFolder]) -> str:
    if (root / "Annotations").is_dir() and (root / "JPEGImages").is_dir():
        return "voc"
    if (root / "labels").is_dir() and (root / "images").is_dir():
        return "yolo"
    if coco_file(root):
        return "coco"
    if csv_file(root):
        return "csv"
    return "cells" if folders and all(folder.parts for folder in folders) else "unlabelled"


def _image_folders(root: Path) -> Iterator[_ImageFolder]:
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        names = sorted(name for name in files if Path(name).suffix.lower() in IMAGE_SUFFIXES)
        if names:
            step = max(1, len(names) // _SAMPLE)
            yield _ImageFolder(Path(folder).relative_to(root).parts, tuple(names[::step]))


def _is_tree_of(known: KnownSet, folders: Sequence[_ImageFolder]) -> bool:
    """Whether every image lies below one of the set's labels, and names or labels are all the set's."""
    found = {label_folder(known, folder.parts) for folder in folders}
    if None in found or not all(re.match(known.marks.folder, "/".join(one.parts)) for one in folders):
        return False
    return found == set(known.labels) or _names_alike(known, folders)


def _is_set_of_fields(known: KnownSet, root: Path, layout: str, folders: Sequence[_ImageFolder]) -> bool:
    marks = known.marks
    if not (known.layout == layout or (known.layout == "unlabelled" and layout == "cells")):
        return False
    if marks.categories:
        return _types_named(root) >= marks.categories
    if not _names_alike(known, folders):
        return False
    return not marks.size or image_size(root.joinpath(*folders[0].parts, folders[0].names[0])) == marks.size


def _names_alike(known: KnownSet, folders: Sequence[_ImageFolder]) -> bool:
    if not known.marks.file:
        return False
    names = [name for folder in folders for name in folder.names]
    alike = sum(re.fullmatch(known.marks.file, name) is not None for name in names)
    return alike >= _NAMES_ALIKE * len(names)


def _types_named(root: Path) -> int:
    """Count the categories of a folder's COCO file that are types of the taxonomy."""
    path = coco_file(root)
    try:
        categories = json.loads(path.read_text(encoding="utf-8"))["categories"] if path else []
        return len({normalise_label(entry["name"]) for entry in categories if _is_type(entry["name"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0


def _is_type(name: str) -> bool:
    return normalise_label(name) in taxonomy()
