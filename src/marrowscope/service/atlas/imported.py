"""Open sets of labelled cells as references: a few pictures of each type, with licence and citation.

Every set is a folder below ``atlas`` in the data folder: ``set.json`` and ``TYPE/NUMBER.jpg``. Copying the
data folder copies it; nothing of it is in the database.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from marrowscope.datasets.layouts.cells import LabelledCell, read_folder_per_type
from marrowscope.datasets.layouts.recognise import recognise_set
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import DatasetError, InputError
from marrowscope.exports.atomic import write_atomic
from marrowscope.imaging.jpeg import jpeg_bytes

SIDE_PX = 224
_ABOUT = "set.json"
_QUALITY = 90


@dataclass(frozen=True)
class SetInfo:
    """Where pictures come from: what must be told of them wherever they are shown."""

    id: str
    title: str
    licence: str
    citation: str


@dataclass(frozen=True)
class ImportedPicture:
    """A picture of an imported set, and its path."""

    about: SetInfo
    cell_type: str
    number: int
    path: Path


@dataclass(frozen=True)
class ImportedSet:
    """An imported set and how many pictures of each type it has."""

    about: SetInfo
    counts: dict[str, int]


def described(root: Path, title: str, licence: str, citation: str) -> SetInfo:
    """Describe a downloaded set: as it is known, or as it is told.

    Raises
    ------
    InputError
        There is no such folder; or the set is not known, and its title or licence was not told.
    """
    if not root.is_dir():
        raise InputError(f"there is no folder {root}")
    known = recognise_set(root)
    if known is not None:
        own = known.licence if known.licence_checked else f"{known.licence} (to be confirmed)"
        return SetInfo(known.id, title or known.title, licence or own, citation or known.citation)
    told = {"--title": title, "--licence": licence}
    missing = [option for option, value in told.items() if not value]
    if missing:
        raise InputError(
            f"{root} is none of the open sets that `marrowscope data list` names, and the page shows title "
            f"and licence beside a set's pictures: add {' and '.join(missing)}"
        )
    name = root.absolute().name
    return SetInfo("".join(c if c.isalnum() else "_" for c in name.lower()), title, licence, citation)


def import_set(root: Path, atlas: Path, about: SetInfo, per_type: int) -> Iterator[tuple[int, int]]:
    """Copy pictures of every type from a folder per type; yields how many are done of how many.

    The pictures are evenly spaced over each type's files, since neighbours are often of one patient. A set
    that was imported before is replaced.

    Raises
    ------
    InputError
        No folder is named after a cell type.
    DatasetError
        The folder is none, or an image cannot be read.
    """
    by_type: defaultdict[str, list[LabelledCell]] = defaultdict(list)
    for cell in read_folder_per_type(root):
        name = "segmented_neutrophil" if cell.cell_type == "neutrophil" else cell.cell_type
        if name in taxonomy():
            by_type[name].append(cell)
    if not by_type:
        raise InputError(f"{root}: no folder is named after a cell type")
    chosen = [
        (name, n, cell)
        for name, cells in by_type.items()
        for n, cell in enumerate(_spread(cells, per_type), 1)
    ]
    partial = atlas / f".{about.id}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    for done, (name, number, cell) in enumerate(chosen):
        yield done, len(chosen)
        write_atomic(partial / name / f"{number}.jpg", _picture(cell))
    write_atomic(partial / _ABOUT, json.dumps(asdict(about), ensure_ascii=False).encode())
    shutil.rmtree(atlas / about.id, ignore_errors=True)
    partial.rename(atlas / about.id)
    yield len(chosen), len(chosen)


def imported_sets(atlas: Path) -> list[ImportedSet]:
    """Return the imported sets, by identifier."""
    return [
        ImportedSet(
            about, {f.name: len(list(f.glob("*.jpg"))) for f in sorted(folder.iterdir()) if f.is_dir()}
        )
        for folder, about in _sets(atlas)
    ]


def imported_pictures(atlas: Path, cell_type: str) -> list[ImportedPicture]:
    """Return the imported pictures of a type, set by set."""
    return [
        ImportedPicture(about, cell_type, int(path.stem), path)
        for folder, about in _sets(atlas)
        for path in sorted((folder / cell_type).glob("*.jpg"), key=lambda path: int(path.stem))
    ]


def _sets(atlas: Path) -> Iterator[tuple[Path, SetInfo]]:
    for path in sorted(atlas.glob(f"[!.]*/{_ABOUT}")):
        yield path.parent, SetInfo(**json.loads(path.read_text("utf-8")))


def _spread(cells: Sequence[LabelledCell], number: int) -> list[LabelledCell]:
    number = min(number, len(cells))
    return [cells[int(i * len(cells) / number)] for i in range(number)]


def _picture(cell: LabelledCell) -> bytes:
    """Return the middle square of a cell's image as JPEG."""
    pixels = cell.pixels()
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(np.ascontiguousarray(pixels[top : top + side, left : left + side]))
    if min(square.size) < 1:
        raise DatasetError(f"{cell.path}: the image is empty")
    return jpeg_bytes(square.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS), _QUALITY)
