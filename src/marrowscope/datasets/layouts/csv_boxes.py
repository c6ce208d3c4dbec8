"""Boxes in CSV files: ``image,x0,y0,x1,y1,label``, and the product's own ``cells.csv`` once reviewed.

Columns are found by name, whatever their order or capitals; comma, semicolon and tab separate, since
spreadsheets of half of Europe write the second (with a decimal comma). UTF-8.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from marrowscope.datasets.corrections import Annotation
from marrowscope.datasets.labelled import LabelledField, labelled_field
from marrowscope.datasets.names import normalise_label
from marrowscope.domain.patient import AT
from marrowscope.domain.taxonomy import REVIEWED_TYPE, taxonomy
from marrowscope.errors import DatasetError, InputError
from marrowscope.imaging.files.sources import FieldSource, PatientSource, discover
from marrowscope.imaging.files.spreadsheets import known_id, read_table
from marrowscope.imaging.names import natural_key, safe_name, safe_path, shown

BOX_COLUMNS = ("image", "x0", "y0", "x1", "y1", "label", "group", "ignore")
_SIDES = ("x0", "y0", "x1", "y1")
NEEDED = {
    "a boxes CSV": ("image", *_SIDES, "label"),
    "a cells.csv": ("patient", "field", *_SIDES, "cell_type"),
}
_YES = frozenset({"1", "true", "yes"})
NO_TYPE = "red_cell"
"""No type of the taxonomy, yet what a reviewer may see in a box."""


@dataclass(frozen=True)
class Row:
    """One line of a table: its number in the file and its values by column, stripped."""

    table: Path
    number: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "")

    def fault(self, text: str) -> DatasetError:
        """Return an error that names the line."""
        return DatasetError(f"{shown(self.table.name)}, line {self.number}: {text}")


def read_csv(
    table: Path,
    images: Path | None = None,
    *,
    source: str | None = None,
    keep_faulty: bool = False,
    keep_unreviewed: bool = False,
) -> list[LabelledField]:
    """Read the boxes of a CSV file; its columns decide which of the two kinds it is.

    A boxes CSV: ``image,x0,y0,x1,y1,label[,group][,ignore]``, boxes in pixels, `image` relative to `images`.
    A line without box and label names an image that holds no cell.

    A `cells.csv` of this software: `patient` is the group, `field` a path inside the patient's folder. With
    a column `reviewed_type` the reviewer's word counts, and cells without one are marked to be ignored:
    they are neither examples of their type nor of background. If no line is reviewed at all, an error
    says so.

    Parameters
    ----------
    table : the CSV file
    images : a boxes CSV: folder of the images, the CSV's own (or `images` beside it) when not given; a
        cells.csv: what was analysed, a folder per patient (or one patient's folder)
    keep_faulty : keep boxes that are empty or leave the image, for a check
    keep_unreviewed : take unreviewed cells by the type that the software gave

    Raises
    ------
    DatasetError : unreadable, other columns, a value that is no number, a type the taxonomy lacks, an image
        that is not there, or a path that leads out of the folder
    """
    rows = rows_of(table)
    columns = rows[0].values.keys() if rows else frozenset[str]()
    kind = next((kind for kind, needed in NEEDED.items() if {*needed} <= {*columns}), None)
    if kind is None:
        known = "; ".join(f"{name} has {','.join(needed)}" for name, needed in NEEDED.items())
        raise DatasetError(f"{shown(table.name)}: has no lines or not the columns needed ({known})")
    if kind == "a boxes CSV":
        beside = table.parent / "images"
        folder = images or (beside if beside.is_dir() else table.parent)
        name = source or (table.parent.name if table.name in {"annotations.csv", "boxes.csv"} else table.stem)
        return _fields(rows, lambda row: _image(row, folder), _box_label, name, keep_faulty)
    if images is None:
        raise DatasetError(
            f"{shown(table.name)}: lists cells of patients; give the folder of their images (--images)"
        )
    if REVIEWED_TYPE in columns and not keep_unreviewed and not any(row[REVIEWED_TYPE] for row in rows):
        raise DatasetError(f"{shown(table.name)}: no line has a {REVIEWED_TYPE}; nothing is reviewed yet")
    find = PatientImages(images)
    label = _cell_label(REVIEWED_TYPE in columns and not keep_unreviewed)
    return _fields(rows, find, label, source or shown(images.resolve().name), keep_faulty)


def _fields(
    rows: Iterable[Row],
    place: Callable[[Row], tuple[Path, str]],
    label: Callable[[Row], tuple[str, bool]],
    source: str,
    keep_faulty: bool,
) -> list[LabelledField]:
    """Gather the lines of each image; `place` gives path and group, `label` a label and whether to ignore."""
    annotations: dict[Path, list[Annotation]] = {}
    groups: dict[Path, str] = {}
    for row in rows:
        path, group = place(row)
        if groups.setdefault(path, group) != group:
            raise row.fault(f"{path.name} is in group {groups[path]!r} in a line before, in {group!r} here")
        found = annotations.setdefault(path, [])
        if any(row[side] for side in _SIDES):
            name, ignore = label(row)
            found.append((name, box_in(row), ignore))
    ordered = sorted(annotations, key=lambda path: natural_key(path.as_posix()))
    return [
        labelled_field(path, annotations[path], f"{source}/{groups[path]}", source, keep_faulty)
        for path in ordered
    ]


def rows_of(table: Path) -> list[Row]:
    """Return the lines of a table.

    Raises
    ------
    DatasetError : it cannot be read
    """
    try:
        return [Row(table, row.line, row.values) for row in read_table(table).rows]
    except InputError as error:
        raise DatasetError(str(error)) from error


def box_in(row: Row) -> Sequence[float]:
    """Return the box on a line."""
    try:
        box = [float(row[side].replace(",", ".")) for side in _SIDES]
    except ValueError as error:
        raise row.fault(
            f"a side of the box is no number: {', '.join(row[side] for side in _SIDES)}"
        ) from error
    if not np.isfinite(box).all():
        raise row.fault("a side of the box is not finite")
    return box


def _inside(row: Row, column: str) -> PurePosixPath:
    """Give the relative path a column names; one that leads out of its folder is refused."""
    path = PurePosixPath(row[column].replace("\\", "/"))
    if not path.parts:
        raise row.fault(f"{column} is missing")
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or "\0" in row[column]:
        raise row.fault(f"{column} {shown(row[column])!r} leads out of the folder of images; refused")
    return path


def _image(row: Row, folder: Path) -> tuple[Path, str]:
    inside = _inside(row, "image")
    path = folder / inside
    if not path.is_file():
        raise row.fault(f"there is no image {shown(row['image'])!r} in {shown(str(folder))}")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise row.fault(f"image {shown(row['image'])!r} leads out of the folder of images; refused")
    return path, row["group"] or inside.with_suffix("").as_posix()


class PatientImages:
    """Finds a patient's fields under the names of an analysis, or those of the copies that it exports."""

    def __init__(self, images: Path) -> None:
        self._folder = images
        found: Sequence[PatientSource] = discover([images])
        self._fields: dict[str, dict[str, FieldSource]] = {
            patient.patient: {field.name: field for field in patient.fields} for patient in found
        }

    def __call__(self, row: Row) -> tuple[Path, str]:
        """Return the image that a line of a `cells.csv` is of, and the patient."""
        given, name = _inside(row, "patient").as_posix(), _inside(row, "field").as_posix()
        patient = known_id(given, self._fields) or known_id(safe_name(given), self._fields)
        if patient is None:
            raise row.fault(f"there is no patient {given!r} in {shown(str(self._folder))}")
        fields = self._fields[patient]
        field = fields.get(known_id(name, fields) or known_id(safe_path(name), fields) or "")
        if field is None and name.rpartition(AT)[0] in self._fields[patient]:
            raise row.fault(f"{name!r} is a tile of a whole slide, from which cells cannot be cut here yet")
        if field is None:
            raise row.fault(f"patient {patient!r} has no field {name!r} in {shown(str(self._folder))}")
        if field.member is not None:
            raise row.fault(f"{name!r} of patient {patient!r} lies in an archive; unpack it first")
        return field.path, patient


def _box_label(row: Row) -> tuple[str, bool]:
    label = normalise_label(row["label"])
    if not label:
        raise row.fault("label is missing")
    return label, row["ignore"].lower() in _YES


def _cell_label(reviewed_only: bool) -> Callable[[Row], tuple[str, bool]]:
    def label(row: Row) -> tuple[str, bool]:
        return _cell_type(row, row[REVIEWED_TYPE] or row["cell_type"]), reviewed_only and not row[
            REVIEWED_TYPE
        ]

    return label


def _cell_type(row: Row, text: str) -> str:
    """Give the taxonomy's identifier of a type written as identifier, name or abbreviation."""
    known, name = taxonomy().named(text), normalise_label(text)
    if known is not None:
        return known.id
    if name in taxonomy() or name == NO_TYPE:
        return name
    near = difflib.get_close_matches(name, [known.id for known in taxonomy()], n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise row.fault(f"{shown(text)!r} is no cell type{hint}")
