"""Correction tables for faults in public labels, and how they are applied."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from marrowscope.errors import DatasetError

Annotation = tuple[str, Sequence[float], bool]  # label, x0 y0 x1 y1 in pixels, ignore
SAME_BOX_IOU = 0.9  # tables repeat coordinates of the original labels; rounding is all that may differ
_ACTIONS = frozenset({"add", "ignore", "relabel", "drop"})


@dataclass(frozen=True)
class BoxCorrection:
    """One fault: a box to add, to add as ignored, to give the label `label`, or to drop.

    A box to drop is one at that place whose label is not `label`, which is what stands there truly.
    """

    image: str
    action: str
    box: tuple[float, float, float, float]
    label: str
    why: str


@dataclass(frozen=True)
class Corrections:
    """All corrections to one public set; image names are stems."""

    boxes: tuple[BoxCorrection, ...]
    groups: Mapping[str, str]
    moved_to_split: Mapping[str, str]

    def apply(self, image: str, annotations: Sequence[Annotation]) -> list[Annotation]:
        """Correct the faults among an image's annotations; what is corrected already stays as it is.

        Raises
        ------
        DatasetError : a box to relabel is not among the labels (another version of the set)
        """
        corrected = list(annotations)
        for fault in self.boxes:
            if fault.image == image:
                _apply(fault, corrected)
        return corrected

    def group(self, image: str) -> str:
        """Name the group of an image: its own name unless the table ties it to others."""
        return self.groups.get(image, image)

    def split(self, name: str, listed: Sequence[str]) -> list[str]:
        """Take moved images out of the official split `name`, or put them in."""
        if not self.moved_to_split or name not in {"train", "val", "test"}:
            return list(listed)
        stay = [image for image in listed if self.moved_to_split.get(image, name) == name]
        return stay + [i for i, to in self.moved_to_split.items() if to == name and i not in stay]


@cache
def load_corrections(name: str) -> Corrections:
    """Read the table of a public set, by the set's name (`bccd`)."""
    try:
        text = files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DatasetError(f"no correction table named {name!r}") from error
    table = tomllib.loads(text)
    boxes = tuple(
        BoxCorrection(row["image"], row["action"], tuple(row["box"]), row.get("label", ""), row["why"])
        for row in table.get("box", ())
    )
    if any(fault.action not in _ACTIONS or len(fault.box) != 4 for fault in boxes):
        raise DatasetError(f"correction table {name!r}: an entry with an unknown action or an incomplete box")
    groups = {image: row["images"][0] for row in table.get("group", ()) for image in row["images"]}
    moved = {row["image"]: row["to"] for row in table.get("split", ())}
    return Corrections(boxes, groups, moved)


def box_iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes ``x0, y0, x1, y1``; 0 where both are empty."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / union if union > 0 else 0.0


def _apply(fault: BoxCorrection, annotations: list[Annotation]) -> None:
    same = [label for label, box, _ in annotations if box_iou(box, fault.box) > SAME_BOX_IOU]
    if fault.action in {"add", "ignore"}:
        if fault.label not in same:
            annotations.append((fault.label, fault.box, fault.action == "ignore"))
        return
    for index, (label, box, ignore) in enumerate(annotations):
        if label != fault.label and box_iou(box, fault.box) > SAME_BOX_IOU:
            if fault.action == "drop":
                del annotations[index]
            else:
                annotations[index] = (fault.label, box, ignore)
            return
    if fault.action == "relabel" and fault.label not in same:
        raise DatasetError(
            f"{fault.image}: no box at {fault.box} to {fault.action}: another version of the set?"
        )
