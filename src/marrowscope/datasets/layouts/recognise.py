"""Recognises by its tree the layout of a folder, and which public set it is, if any."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from marrowscope.datasets.known_sets import KnownSet, known_sets
from marrowscope.datasets.labelled import image_size, read_json
from marrowscope.datasets.layouts.cvat import FILE as CVAT
from marrowscope.datasets.layouts.label_studio import is_label_studio
from marrowscope.datasets.layouts.qupath import SUFFIX as QUPATH
from marrowscope.datasets.layouts.qupath import is_qupath
from marrowscope.datasets.names import normalise_label
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import DatasetError
from marrowscope.imaging.files.formats import IMAGE_SUFFIXES

_FILE_LAYOUTS = {".csv": "csv", ".xml": "cvat", QUPATH: "qupath"}
_SAMPLE = 20  # image names looked at in each folder
_NAMES_ALIKE = 0.9  # share of them that must look like the set's


@dataclass(frozen=True)
class _ImageFolder:
    """A folder that holds images: the folders that lead to it, some of its images' names in order."""

    parts: tuple[str, ...]
    names: tuple[str, ...]


def recognise_layout(root: Path) -> str:
    """Name of the layout of a folder, or of a file of labels.

    `voc`, `yolo`, `coco`, `csv`; `qupath`, `cvat`, `labelstudio`, `labelimg` after the tool; `cells` where
    every image lies in some sub-folder, taken for its type; else `unlabelled`. The marks of a public set take
    precedence over the general shape of the tree.

    Raises
    ------
    DatasetError : there is no such folder, or a file is of another kind
    """
    if root.is_file() and root.suffix.lower() == ".json":
        return _json_layout(root)
    if root.is_file() and root.suffix.lower() in _FILE_LAYOUTS:
        return _FILE_LAYOUTS[root.suffix.lower()]
    if root.is_file():
        raise DatasetError(f"{root}: neither a folder nor a file of labels (.json, .geojson, .xml, .csv)")
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
    for pattern in ("*coco*.json", "annotations*.json", "annotations/instances_*.json"):
        found = sorted(root.glob(pattern))
        if found:
            return found[0]
    return None


def coco_images(file: Path) -> Path:
    """Give the folder of the images of a COCO file: `images` beside it, or beside the folder it lies in."""
    around = [file.parent / "images"]
    if file.parent.name == "annotations":  # as COCO itself and CVAT have it
        around.append(file.parent.parent / "images")
    return next((folder for folder in around if folder.is_dir()), file.parent)


def _json_layout(file: Path) -> str:
    """Tell the tools apart that write JSON; what is of none of them is taken for COCO."""
    document = read_json(file)
    if is_label_studio(document):
        return "labelstudio"
    return "qupath" if is_qupath(document) else "coco"


def csv_file(root: Path) -> Path | None:
    """Give the boxes CSV of a folder, if it holds one."""
    return next((root / name for name in ("annotations.csv", "boxes.csv") if (root / name).is_file()), None)


def _layout(root: Path, folders: Sequence[_ImageFolder]) -> str:
    signs = {
        "voc": (root / "Annotations").is_dir() and (root / "JPEGImages").is_dir(),
        "yolo": (root / "labels").is_dir() and (root / "images").is_dir(),
        "coco": coco_file(root) is not None,
        "csv": csv_file(root) is not None,
        "cvat": (root / CVAT).is_file(),
        "qupath": next(root.rglob(f"*{QUPATH}"), None) is not None,
        "labelimg": _is_labelimg(root, folders),
        "cells": bool(folders) and all(folder.parts for folder in folders),
    }
    return next((layout for layout, is_there in signs.items() if is_there), "unlabelled")


def _is_labelimg(root: Path, folders: Sequence[_ImageFolder]) -> bool:
    """Whether an XML file lies beside one of the images looked at."""
    return any(
        root.joinpath(*folder.parts, name).with_suffix(".xml").is_file()
        for folder in folders
        for name in folder.names
    )


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
