"""Pascal VOC: an XML file of boxes for each image, in a folder of their own or, by labelImg, beside."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from marrowscope.datasets.corrections import Annotation, Corrections, load_corrections
from marrowscope.datasets.labelled import LabelledField, labelled_field, list_images
from marrowscope.datasets.layouts.named_images import NamedImages
from marrowscope.datasets.layouts.recognise import recognise_set
from marrowscope.datasets.names import LEUKOCYTE, normalise_label
from marrowscope.errors import DatasetError, InputError
from marrowscope.imaging.files.spreadsheets import read_table
from marrowscope.imaging.names import natural_key


def read_voc(
    root: Path,
    split: str | None = None,
    *,
    source: str | None = None,
    corrections: str | None = "auto",
    keep_faulty: bool = False,
) -> list[LabelledField]:
    """Read Pascal VOC: `Annotations/*.xml`, `JPEGImages/*`, splits in `ImageSets/Main/<split>.txt`.

    Coordinates are taken as written (the sets at hand do not follow VOC's one-based rule). `corrections`
    names a table of known label faults to apply; `auto` applies the one of the set that the tree shows. A
    table `types.csv` (``image``, ``type``) names the type of the leukocyte of fields that hold just one.
    """
    source = source or root.name
    types = _types_of_single_leukocytes(root)
    folder = folder_in(root / "JPEGImages")
    images = {path.relative_to(folder).with_suffix("").as_posix(): path for path in list_images(folder)}
    folder_in(root / "Annotations")
    table = corrections_for(root, corrections)
    stems = sorted(images if split is None else _voc_split(root, split, table), key=natural_key)
    fields = []
    for stem in stems:
        if stem not in images:
            raise DatasetError(f"{root}: the {split} list names {stem}, which has no image")
        annotations = voc_annotations(root / "Annotations" / f"{stem}.xml")
        if table is not None:
            annotations = table.apply(stem, annotations)
        annotations = _with_type(annotations, types.get(stem))
        group = f"{source}/{table.group(stem) if table else stem}"
        fields.append(labelled_field(images[stem], annotations, group, source, keep_faulty))
    return fields


def read_labelimg(root: Path, *, source: str | None = None, keep_faulty: bool = False) -> list[LabelledField]:
    """Read what labelImg saved: `field.xml` beside `field.jpg`, anywhere below a folder.

    Images without an XML file nobody has looked at: they are left out.
    """
    name = source or root.resolve().name
    known = NamedImages(root)
    return [
        labelled_field(path, voc_annotations(labels), f"{name}/{known.group(path)}", name, keep_faulty)
        for path in list_images(root)
        if (labels := path.with_suffix(".xml")).is_file()
    ]


def folder_in(path: Path) -> Path:
    """Return a folder that a layout promises."""
    if not path.is_dir():
        raise DatasetError(f"{path}: no such folder")
    return path


def corrections_for(root: Path, name: str | None) -> Corrections | None:
    """Return the table of known faults that is to be applied, if any."""
    if name == "auto":
        known = recognise_set(root)
        name = known.corrections if known else None
    return load_corrections(name) if name else None


def _types_of_single_leukocytes(root: Path) -> dict[str, str]:
    """Read image → type; nothing where there is no table."""
    path = root / "types.csv"
    if not path.is_file():
        return {}
    try:
        rows = read_table(path).rows
    except InputError as error:
        raise DatasetError(str(error)) from error
    return {row.values.get("image", ""): normalise_label(row.values.get("type", "")) for row in rows}


def _with_type(annotations: list[Annotation], name: str | None) -> list[Annotation]:
    """Name the type of the one leukocyte of a field; of several, none is known to be it."""
    leukocytes = [index for index, (label, _, _) in enumerate(annotations) if label == LEUKOCYTE]
    if name is None or len(leukocytes) != 1:
        return annotations
    (only,) = leukocytes
    _, box, ignored = annotations[only]
    return [*annotations[:only], (name, box, ignored), *annotations[only + 1 :]]


def _voc_split(root: Path, split: str, corrections: Corrections | None) -> list[str]:
    listing = root / "ImageSets" / "Main" / f"{split}.txt"
    if not listing.is_file():
        raise DatasetError(f"{root}: has no split named {split!r}")
    stems = listing.read_text(encoding="utf-8").split()
    return corrections.split(split, stems) if corrections else stems


def voc_annotations(path: Path) -> list[Annotation]:
    """Return the boxes in a VOC file, none where there is no file."""
    if not path.is_file():
        return []
    try:
        tree = ET.parse(path)  # noqa: S314 - expat >= 2.4.1, which CPython bundles, bounds entity expansion
        return [_voc_annotation(entry) for entry in tree.iter("object")]
    except (ET.ParseError, ValueError, TypeError) as error:
        raise DatasetError(f"{path}: not a Pascal VOC annotation ({error})") from error


def _voc_annotation(entry: ET.Element) -> Annotation:
    box = [float(entry.findtext(f"bndbox/{key}") or "nan") for key in ("xmin", "ymin", "xmax", "ymax")]
    if np.isnan(box).any():
        raise ValueError("an object without a complete bndbox")
    # "difficult" is VOC's word for what counts neither way.
    return normalise_label(entry.findtext("name") or ""), box, entry.findtext("difficult") == "1"
