"""Measuring a bundle as the main job uses it, set by set, after a plan."""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from marrowscope.datasets.cells import read_folder_per_type
from marrowscope.datasets.fields import LabelledField, read_fields, recognise_layout
from marrowscope.datasets.splits import block_split
from marrowscope.errors import DatasetError
from marrowscope.evaluation.classification import ClassificationResult, evaluate_classifier
from marrowscope.evaluation.detection import DetectionResult, evaluate_detector
from marrowscope.evaluation.model_card import Evaluation, Role
from marrowscope.evaluation.shown_cells import ShownCell, cells_of_fields, cells_of_folders
from marrowscope.imaging.decode import FieldImage
from marrowscope.models.bundle import Bundle
from marrowscope.models.classifier import Classifier
from marrowscope.pipeline import FieldReader, ReadingSettings

PARTS = {"train": 0.70, "val": 0.15, "test": 0.15}
"""The split of cells by contiguous blocks of names, the same in training."""

_SCALE_SAMPLE = 12  # fields on which the scale of a set is measured
_LEAST_SCORE = 0.01  # low enough for the whole precision-recall curve

OnField = Callable[[int, int], None]


@dataclass(frozen=True)
class DetectorTest:
    """Which fields a detector is measured on, and how.

    Attributes
    ----------
    data : the set's folder
    layout, split : how to read it
    last : only the last so many fields by name, a part held out of training
    last_share : the same as a share of the set
    mpp : micrometres per pixel; measured as the main job does when None
    match_iou : overlap that counts as found
    """

    data: Path
    layout: str = "auto"
    split: str | None = None
    last: int | None = None
    last_share: float = 1.0
    mpp: float | None = None
    match_iou: float = 0.5

    def fields(self) -> list[LabelledField]:
        """Read the fields of the test.

        Raises
        ------
        DatasetError
            There are none.
        """
        found = sorted(read_fields(self.data, self.layout, self.split), key=lambda f: f.path.name)
        wanted = round(len(found) * self.last_share) if self.last is None else self.last
        if not found or not wanted:
            raise DatasetError(f"{self.data} holds no fields")
        return found[-wanted:]


def measure_detector(
    bundle: Bundle, test: DetectorTest, threads: int = 1, on_field: OnField | None = None
) -> DetectionResult:
    """Measure the detector on labelled fields, at the scale the main job would find."""
    chosen = test.fields()
    reader = FieldReader(bundle, ReadingSettings(mpp=test.mpp, score_threshold=_LEAST_SCORE), threads)
    step = max(len(chosen) / _SCALE_SAMPLE, 1)
    sample = [chosen[int(i * step)] for i in range(min(_SCALE_SAMPLE, len(chosen)))]
    scales = reader.measure_scales([FieldImage(field.pixels(), None) for field in sample])

    def detect(pixels: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        size = pixels.shape[1], pixels.shape[0]
        scale = scales.get(size) or reader.scale_of(FieldImage(pixels, None))
        found = reader.detect(pixels, scale.mpp)
        return found.boxes, found.scores

    return evaluate_detector(
        detect,
        chosen,
        operating_score=bundle.detector.score_threshold,
        match_iou=test.match_iou,
        on_field=on_field,
    )


def measure_classifier(
    bundle: Bundle,
    data: Path,
    part: str = "all",
    *,
    mpp: float | None = None,
    threads: int = 1,
    on_batch: Callable[[int], None] | None = None,
) -> ClassificationResult:
    """Measure the classifier on labelled cells.

    Parameters
    ----------
    bundle : a verified bundle
    data : a folder with a sub-folder per cell type, or a set of fields with labelled boxes
    part : ``all``, or a part of the split by blocks of names
    mpp : micrometres per pixel; without it fields are measured and single cells named without their size
    threads : processor threads
    on_batch : told the number of cells done

    Raises
    ------
    DatasetError
        There is no such folder, part or cell.
    """
    settings = bundle.classifier
    return evaluate_classifier(
        Classifier(bundle, threads),
        _shown_cells(data, part, settings.input_px, settings.context, mpp),
        blast_threshold=settings.blast_threshold,
        type_threshold=settings.type_threshold,
        on_batch=on_batch,
    )


def measure_plan(
    bundle: Bundle, plan: Path, data_root: Path, threads: int, say: Callable[[str], None]
) -> list[Evaluation]:
    """Carry out the evaluations of a plan (TOML, folders relative to `data_root`), one after the other.

    Raises
    ------
    DatasetError
        The plan cannot be read, or a set of it is not there.
    """
    return [_evaluation(bundle, entry, data_root, threads, say) for entry in _entries(plan)]


def _evaluation(
    bundle: Bundle, entry: dict[str, Any], data_root: Path, threads: int, say: Callable[[str], None]
) -> Evaluation:
    entry = dict(entry)
    kind, name, role, note = (entry.pop(key, "") for key in ("kind", "data", "role", "note"))
    say(f"{kind} on {name} ...")
    result: DetectionResult | ClassificationResult
    if kind == "detector":
        known = {field.name for field in fields(DetectorTest)}
        if unknown := sorted(set(entry) - known):
            raise DatasetError(f"the plan's entry for {name} has unknown settings: {', '.join(unknown)}")
        result = measure_detector(bundle, DetectorTest(data_root / name, **entry), threads)
    elif kind == "classifier":
        result = measure_classifier(
            bundle, data_root / name, entry.get("part", "all"), mpp=entry.get("mpp"), threads=threads
        )
    else:
        raise DatasetError(f"the plan's entry for {name} is neither detector nor classifier")
    return Evaluation(_title(name, entry), _role(role), result, note)


def _entries(plan: Path) -> list[dict[str, Any]]:
    try:
        entries: list[dict[str, Any]] = tomllib.loads(plan.read_text("utf-8"))["evaluation"]
    except (OSError, KeyError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"{plan} is no plan of evaluations: {error}") from error
    return entries


def _role(role: str) -> Role:
    for known in ("held out", "external", "choosing"):
        if role == known:
            return known
    raise DatasetError(f"role {role!r} is none of held out, external, choosing")


def _title(name: str, entry: dict[str, Any]) -> str:
    part = entry.get("split") or entry.get("part")
    if "last" in entry:
        part = f"last {entry['last']} fields"
    if "last_share" in entry:
        part = f"last {100 * entry['last_share']:.0f} % of the fields"
    return name if part is None else f"{name} ({part})"


def _shown_cells(
    data: Path, part: str, size_px: int, context: float, mpp: float | None
) -> Iterator[ShownCell]:
    if not data.exists():
        raise DatasetError(f"no such folder: {data}")
    if data.is_file() or recognise_layout(data) not in {"cells", "unlabelled"}:
        return cells_of_fields(read_fields(data), size_px, context, mpp)
    cells: Sequence[Any] = read_folder_per_type(data)
    if part != "all":
        parts = block_split(cells, lambda cell: f"{cell.source}/{cell.cell_type}", PARTS)
        if part not in parts:
            raise DatasetError(f"no part {part}: one of all, {', '.join(parts)}")
        cells = parts[part]
    return cells_of_folders(cells, size_px, context, mpp)
