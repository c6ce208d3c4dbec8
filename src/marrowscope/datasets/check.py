"""Checks a labelled set before anything is trained or evaluated on it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from marrowscope.datasets.contact_sheet import draw_contact_sheet
from marrowscope.datasets.duplicates import Fingerprint, exact_duplicates, fingerprint, near_duplicates
from marrowscope.datasets.known_sets import LEFT_OUT, KnownSet
from marrowscope.datasets.layouts.cells import read_folder_per_type
from marrowscope.datasets.layouts.fields import (
    LAYOUTS,
    LabelledField,
    labelled_field,
    list_images,
    read_fields,
    read_voc,
)
from marrowscope.datasets.layouts.recognise import label_folder, recognise_layout, recognise_set
from marrowscope.datasets.names import LEUKOCYTE, NOT_BLAST
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import DatasetError
from marrowscope.imaging.names import natural_key

_SPLIT_FOLDER = re.compile(r"(train|val|test)(id|idation|[ab]|ing)?|fold\d+")  # without separators
_LABELS_OF_FIELDS = frozenset({LEUKOCYTE, NOT_BLAST, "red_cell", "platelet", "blast"})
_FAINT_PX = 1.0  # how far a box may stand out of its image before it is a fault


@dataclass(frozen=True)
class Problem:
    """One fault: what `kind`, `where` (relative to the set), `detail` for people, `is_error` or a warning."""

    kind: str
    where: str
    detail: str
    is_error: bool


@dataclass(frozen=True)
class CheckReport:
    """What a set holds and what is wrong with it."""

    root: Path
    layout: str
    known_set: KnownSet | None
    n_images: int
    n_boxes: int
    class_counts: dict[str, int]
    split_counts: dict[str, int]
    sizes: dict[str, int]
    problems: tuple[Problem, ...]
    contact_sheet: Path | None

    @property
    def is_clean(self) -> bool:
        """Whether nothing but warnings was found."""
        return not any(problem.is_error for problem in self.problems)

    def to_json(self) -> dict[str, object]:
        """Give the report for programs."""
        return {
            "root": str(self.root),
            "layout": self.layout,
            "known_set": None if self.known_set is None else self.known_set.id,
            "n_images": self.n_images,
            "n_boxes": self.n_boxes,
            "class_counts": self.class_counts,
            "split_counts": self.split_counts,
            "sizes": self.sizes,
            "is_clean": self.is_clean,
            "problem_counts": dict(Counter(problem.kind for problem in self.problems)),
            "problems": [vars(problem) for problem in self.problems],
            "contact_sheet": None if self.contact_sheet is None else str(self.contact_sheet),
        }


def check_dataset(
    root: Path,
    layout: str = "auto",
    *,
    images: Path | None = None,
    contact_sheet: Path | None = None,
    on_image: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """Check images, labels, duplicates and splits of a set.

    Parameters
    ----------
    root : the set's folder
    layout : `voc`, `yolo`, `coco`, `csv`, `unlabelled`, `cells` (a folder per cell type), or `auto`
    images : where the images of a CSV or COCO file lie, if not beside it
    contact_sheet : where to draw a sheet of examples, if wanted
    on_image : called with (images done, images)

    Raises
    ------
    DatasetError : unknown layout, there is no such folder, or it holds no image
    """
    if layout not in {"auto", "cells", *LAYOUTS}:
        raise DatasetError(f"unknown layout {layout!r}: one of auto, cells, {', '.join(LAYOUTS)}")
    known = recognise_set(root) if layout == "auto" else None
    layout = recognise_layout(root) if layout == "auto" else layout
    problems: list[Problem] = []
    fields = _read(root, layout, images, problems)
    if not fields:
        if problems:
            fields = read_fields(root, "unlabelled")
        else:
            raise DatasetError(f"{root}: holds no image")
    seen, prints, sizes = _look_at_images(root, fields, problems, on_image)
    splits = _splits(root, layout, fields)
    class_counts = Counter(label for field in fields for label in field.labels)
    problems += _stray_labels(root, layout, fields)
    problems += _left_out(root, known)
    problems += _label_problems(class_counts)
    problems += _duplicate_problems(root, seen, prints, splits)
    problems += _group_problems(fields, splits)
    return CheckReport(
        root=root,
        layout=layout,
        known_set=known,
        n_images=len(fields),
        n_boxes=0 if layout == "cells" else sum(len(field.boxes) for field in fields),
        class_counts=dict(sorted(class_counts.items())),
        split_counts=dict(sorted(Counter(splits.values()).items())),
        sizes=dict(sizes.most_common()),
        problems=tuple(problems),
        contact_sheet=None if contact_sheet is None else draw_contact_sheet(seen, contact_sheet),
    )


def _look_at_images(
    root: Path,
    fields: Sequence[LabelledField],
    problems: list[Problem],
    on_image: Callable[[int, int], None] | None,
) -> tuple[list[LabelledField], list[Fingerprint], Counter[str]]:
    """Decode every image: the fields that could be read, their fingerprints, how often each size occurs."""
    seen: list[LabelledField] = []
    prints: list[Fingerprint] = []
    sizes: Counter[str] = Counter()
    for done, field in enumerate(fields, start=1):
        where = _relative(field.path, root)
        opened = _open(field.path)
        if isinstance(opened, str):
            problems.append(Problem("broken image", where, opened, True))
        else:
            size, printed = opened
            sizes[f"{size[0]}x{size[1]}"] += 1
            seen.append(field)
            prints.append(printed)
            problems += _box_problems(field, where, size)
        if on_image is not None:
            on_image(done, len(fields))
    return seen, prints, sizes


def _read(root: Path, layout: str, images: Path | None, problems: list[Problem]) -> list[LabelledField]:
    """Fields with all their faults; labels that cannot be read at all are a problem, not an end."""
    try:
        if layout == "cells":
            return [
                labelled_field(c.path, [(c.cell_type, (0, 0, 1, 1), False)], c.group, c.source, True)
                for c in read_folder_per_type(root)
            ]
        return read_fields(root, layout, images=images, keep_faulty=True)
    except DatasetError as error:
        if not root.exists():
            raise
        problems.append(Problem("unreadable labels", "", str(error), True))
        return []


def _open(path: Path) -> tuple[tuple[int, int], Fingerprint] | str:
    """Size and fingerprint of a wholly decoded image, or why it cannot be read."""
    if not path.is_file():
        return "no such file"
    try:
        with Image.open(path) as image:
            image.load()
            return image.size, fingerprint(path, image)
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        return str(error)


def _box_problems(field: LabelledField, where: str, size: tuple[int, int]) -> Iterator[Problem]:
    width, height = size
    for box, label in zip(field.boxes, field.labels, strict=True):
        text = f"{label} at {', '.join(f'{v:.0f}' for v in box)} in {width}x{height}"
        x0, y0, x1, y1 = (float(v) for v in box)
        if not np.isfinite(box).all() or x1 <= x0 or y1 <= y0:
            yield Problem("empty box", where, text, True)
        elif min(x0, y0) < -_FAINT_PX or x1 > width + _FAINT_PX or y1 > height + _FAINT_PX:
            yield Problem("box out of bounds", where, text, True)
    if len(field.boxes) > 1:
        repeated = len(field.boxes) - len(np.unique(field.boxes, axis=0))
        if repeated:
            yield Problem("repeated box", where, f"boxes that stand twice: {repeated}", False)


def _label_problems(class_counts: Counter[str]) -> Iterator[Problem]:
    for label, n in sorted(class_counts.items()):
        if label not in _LABELS_OF_FIELDS and label not in taxonomy():
            yield Problem(
                "unknown label", "", f"{label!r}, {n} times, is no cell type of the taxonomy", False
            )


def _stray_labels(root: Path, layout: str, fields: Sequence[LabelledField]) -> Iterator[Problem]:
    """Label files without an image, images without a label file."""
    folder, suffix = {"voc": ("Annotations", ".xml"), "yolo": ("labels", ".txt")}.get(layout, ("", ""))
    if not folder:
        return
    labels = {path.stem for path in (root / folder).rglob(f"*{suffix}")}
    images = {field.path.stem for field in fields}
    for stem in sorted(labels - images, key=natural_key):
        yield Problem("label without image", f"{folder}/{stem}{suffix}", "no image of that name", False)
    for stem in sorted(images - labels, key=natural_key):
        yield Problem("image without label file", stem, f"no {folder}/{stem}{suffix}", False)


def _left_out(root: Path, known: KnownSet | None) -> Iterator[Problem]:
    """Images of a public set whose labels name no one type: they are not read."""
    if known is None or known.layout != "cells":
        return
    counts: Counter[str] = Counter()
    for path in list_images(root):
        label = label_folder(known, path.relative_to(root).parts[:-1])
        if label is None or known.type_of(label, path.name) == LEFT_OUT:
            counts[label or "no label"] += 1
    for label, n in sorted(counts.items()):
        yield Problem("left out", label, f"{n} images whose label names no one cell type", False)


def _splits(root: Path, layout: str, fields: Sequence[LabelledField]) -> dict[Path, str]:
    """Split of each image: from VOC's lists, else from a folder named train, val, test or as a fold."""
    if layout == "voc":
        splits = {}
        for name in ("train", "val", "test"):
            if (root / "ImageSets" / "Main" / f"{name}.txt").is_file():
                splits.update({field.path: name for field in read_voc(root, name, keep_faulty=True)})
        return splits
    found = {}
    for field in fields:
        for part in Path(_relative(field.path, root)).parts[:-1]:
            split = _SPLIT_FOLDER.fullmatch(re.sub(r"[\W_]", "", part.lower()))
            if split:
                found[field.path] = split[1] or split[0]
    return found


def _duplicate_problems(
    root: Path, fields: Sequence[LabelledField], prints: Sequence[Fingerprint], splits: dict[Path, str]
) -> Iterator[Problem]:
    """Duplicates: an error where they stand in different splits, else a warning."""
    for group in exact_duplicates(prints):
        members = [fields[i] for i in group]
        names = ", ".join(_relative(field.path, root) for field in members[1:])
        is_leak = len({splits.get(field.path) for field in members}) > 1
        kind = "duplicate across splits" if is_leak else "exact duplicate"
        yield Problem(kind, _relative(members[0].path, root), f"the same file as {names}", is_leak)
    for i, j, correlation in near_duplicates(prints):
        first, second = fields[i], fields[j]
        is_leak = splits.get(first.path) != splits.get(second.path)
        kind = "near duplicate across splits" if is_leak else "near duplicate"
        detail = f"looks like {_relative(second.path, root)} (correlation {correlation:.3f})"
        yield Problem(kind, _relative(first.path, root), detail, is_leak)


def _group_problems(fields: Sequence[LabelledField], splits: dict[Path, str]) -> Iterator[Problem]:
    by_group: dict[str, set[str]] = {}
    for field in fields:
        if field.path in splits:
            by_group.setdefault(field.group, set()).add(splits[field.path])
    for group, names in sorted(by_group.items()):
        if len(names) > 1:
            yield Problem("group across splits", group, f"in {', '.join(sorted(names))}", True)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
