"""Detectors of others on the same labelled fields: average precision, recall, processor time of one thread.

- *the predecessor's way*: our detector on the whole field as a square of 416 px, timed in PyTorch;
- *Otsu and watershed*: what is purple, cut where it is narrow (scikit-image);
- *ONNX*: any file with the outputs of YOLOv8 or YOLOv10 (`--peer-onnx`).

The fields are public sets in the folder that `MARROWSCOPE_DATA` names; without it, drawn ones. Scores are
those of `marrowscope evaluate detector`, and so is our scale: measured once, in a time that is not told.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from bench.figures import Options
from bench.speed.onnx_peer import OnnxPeer
from bench.speed.otsu import otsu_and_watershed
from PIL import Image

import marrowscope
from marrowscope.datasets.labelled import LabelledField, labelled_field
from marrowscope.evaluation.card.tests import DetectorTest
from marrowscope.evaluation.fields.reading import SetReader
from marrowscope.evaluation.networks.detector import score_detections
from marrowscope.evaluation.statistics.matching import Found
from marrowscope.models.bundle import Bundle
from marrowscope.models.detector import Detector
from marrowscope.pipeline import ReadingSettings, scale_sample
from marrowscope.synth import draw_field
from marrowscope.training.detector.yolox import YoloxNano

Pixels = npt.NDArray[np.uint8]
Finds = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Detect = Callable[[Pixels], Finds]

OURS = "marrowscope"
SETS = {"bccd": ("test", 0.5), "deepbionet": (None, 0.5), "allidb_validation": (None, 0.4)}
"""Folder of fields → official split, and overlap at which a box found a cell: ALL-IDB's follow the stain."""
_LEAST_SCORE = 0.02  # of boxes that are scored: average precision looks at sure and unsure ones
_SQUARE = 416


def measure(options: Options) -> dict[str, Any]:
    """Return the figures of every detector on every set."""
    bundle = marrowscope.load_bundle()
    data = Path(os.environ.get("MARROWSCOPE_DATA", "")) / "fields"
    has_data = "MARROWSCOPE_DATA" in os.environ and data.is_dir()
    drawn: AbstractContextManager[str] = nullcontext("") if has_data else TemporaryDirectory()
    with drawn as scratch:
        if has_data:
            sets = {name: (_public(data / name, split), iou) for name, (split, iou) in SETS.items()}
        else:
            sets = {"drawn, 1280 × 1024 px": (_drawn(Path(scratch), options.peer_fields), 0.5)}
        return {name: _compared(bundle, fields, iou, options) for name, (fields, iou) in sets.items()}


def _public(folder: Path, split: str | None) -> list[LabelledField]:
    return DetectorTest(folder, split=split).fields()


def _drawn(folder: Path, number: int) -> list[LabelledField]:
    fields = []
    for seed in range(number):
        field = draw_field(seed, width=1280, height=1024, cells=8)
        path = folder / f"{seed:03d}.png"
        Image.fromarray(field.pixels).save(path)
        rows = [(name, tuple(box), False) for name, box in zip(field.cell_types, field.boxes, strict=True)]
        fields.append(labelled_field(path, rows, str(seed), "drawn"))
    return fields


def _compared(
    bundle: Bundle, fields: Sequence[LabelledField], match_iou: float, options: Options
) -> dict[str, Any]:
    chosen = fields[:: max(1, len(fields) // options.peer_fields)][: options.peer_fields]
    images = [field.pixels() for field in chosen]
    detectors = _detectors(bundle, images, options)
    seconds: dict[str, list[float]] = {name: [] for name in detectors}
    found: dict[str, list[Found]] = {name: [] for name in detectors}
    for detect, _ in detectors.values():
        detect(images[0])  # warm
    for pixels in images:  # in turns, field by field
        for name, (detect, timed) in detectors.items():
            started = time.process_time()
            result = detect(pixels)
            spent = time.process_time() - started
            if timed is not None:
                started = time.process_time()
                timed(pixels)
                spent = time.process_time() - started
            seconds[name].append(spent)
            found[name].append(Found(*result))
    operating = dict.fromkeys(detectors, 0.25) | {OURS: bundle.detector.score_threshold}
    figures = {}
    for name, finds in found.items():
        scored = score_detections(
            chosen, finds, operating_score=operating[name], match_iou=match_iou
        ).to_json()
        figures[name] = {
            "ap": scored["ap_at_match"],
            "recall": scored["recall"],
            "precision": scored["precision"],
            "seconds a field": statistics.median(seconds[name]),
        }
    height, width = images[0].shape[:2]
    cells = sum(len(field.leukocytes()[0]) for field in chosen)
    return {
        "fields": len(chosen),
        "cells": cells,
        "pixels": f"{width} × {height}",
        "match iou": match_iou,
        "detectors": figures,
    }


def _detectors(
    bundle: Bundle, images: Sequence[Pixels], options: Options
) -> dict[str, tuple[Detect, Callable[[Pixels], object] | None]]:
    """Return each detector, and what its time is measured on where that is something else."""
    reader = SetReader(bundle, scale_sample(images), ReadingSettings(score_threshold=_LEAST_SCORE), 1)

    def ours(pixels: Pixels) -> Finds:
        found = reader.detect(pixels)
        return found.boxes, found.scores

    detectors: dict[str, tuple[Detect, Callable[[Pixels], object] | None]] = {
        OURS: (ours, None),
        "the predecessor's way": (_squeezed(bundle), _in_pytorch()),
        "Otsu and watershed": (otsu_and_watershed, None),
    }
    if options.peer_onnx is not None:
        detectors[options.peer_onnx.name] = (OnnxPeer(options.peer_onnx, options.peer_classes), None)
    return detectors


def _square(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).resize((_SQUARE, _SQUARE), Image.Resampling.BILINEAR))


def _squeezed(bundle: Bundle) -> Detect:
    detector = Detector(bundle)

    def detect(pixels: Pixels) -> Finds:
        found = detector(_square(pixels), _LEAST_SCORE)
        height, width = pixels.shape[:2]
        back = np.asarray([width / _SQUARE, height / _SQUARE] * 2, np.float32)
        return found.boxes * back, found.scores

    return detect


def _in_pytorch() -> Callable[[Pixels], object]:
    """Return the run of the same network in PyTorch; the weights do not matter to the time."""
    torch.set_num_threads(1)
    network = YoloxNano().eval()

    def run(pixels: Pixels) -> object:
        values = np.asarray(_square(pixels), np.float32).transpose(2, 0, 1)[None]
        with torch.no_grad():
            return network(torch.from_numpy(np.ascontiguousarray(values)))

    return run


def bars(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what is measured, its bar, and the figure: of ONNX files, where one was given."""
    others = {name for one in figures.values() for name in one["detectors"]}
    lines = []
    for name in sorted(other for other in others if other.endswith(".onnx")):
        told = []
        for title, one in figures.items():
            own, other = one["detectors"][OURS], one["detectors"][name]
            times = other["seconds a field"] / own["seconds a field"]
            told.append(f"{times:.1f} times, AP {_share(own['ap'])} to {_share(other['ap'])} ({title})")
        lines.append((f"{name} over our detector", "≥ 4 times, AP not lower", ", ".join(told)))
    return lines


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def text(figures: dict[str, Any]) -> str:
    """Return a table of the detectors on every set."""
    lines = [
        "| fields | cells | detector | average precision | recall | precision | a field, one thread |",
        "|---|---|---|---|---|---|---|",
    ]
    for title, one in figures.items():
        place = f"{title}: {one['fields']} of {one['pixels']} px, at overlap {one['match iou']:g}"
        lines += [
            f"| {place} | {one['cells']} | {name} | {_share(got['ap'])} | {_share(got['recall'])} | "
            f"{_share(got['precision'])} | {1000 * got['seconds a field']:.0f} ms |"
            for name, got in one["detectors"].items()
        ]
    return "\n".join(lines)
