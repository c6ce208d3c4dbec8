"""What reading a field costs, stage by stage, and over what its networks alone cost.

Drawn fields of two kinds are read, or the images of a folder, with one thread. Every figure is processor
time, and what is compared is measured in turns in one run, so that other work on the machine weighs on both.

- *bare networks* run on the very tensors that the reading gave them;
- *the predecessor's way* runs the same two architectures in PyTorch: the detector on the field as a square
  of 416 px, EfficientNet-B3 on every cell of ours at 300 px, one at a time (needs the extra `train`).
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from bench.figures import Options
from PIL import Image

import marrowscope
from marrowscope import pipeline
from marrowscope.imaging.files.sources import FieldSource, discover
from marrowscope.models.runtime import Network
from marrowscope.pipeline import FieldReader, FieldTask, ReadingSettings, load_field
from marrowscope.synth import draw_field

KINDS = {"224 px, 1 cell": (224, 224, 1, 40), "5 megapixels, 20 cells": (2592, 1944, 20, 4)}
"""Title → width, height, cells, and number of the drawn fields."""
STAGES = {
    "to the detector's scale": (pipeline, "at_working_scale"),
    "quality": (pipeline, "assess"),
    "find cells": (pipeline, "detect_scaled"),
    "name cells": (FieldReader, "name"),
    "annotated picture": (pipeline, "_annotated"),
    "sheet of cells": (pipeline, "sheet_of"),
}
SHOWN = ("decode", *STAGES, "the rest")


@dataclass
class Times:
    """Processor seconds of one kind of field, each a list of turns."""

    fields: int = 0
    cells: int = 0
    scale: list[float] = field(default_factory=list)
    reading: list[float] = field(default_factory=list)
    without_pictures: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    predecessor: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SHOWN})

    def figures(self) -> dict[str, Any]:
        """Return medians and ratios."""
        middle = {
            name: statistics.median(getattr(self, name))
            for name in ("scale", "reading", "without_pictures", "bare", "predecessor")
            if getattr(self, name)
        }
        ratios = {
            "reading / bare networks": middle["reading"] / middle["bare"],
            "without pictures / bare networks": middle["without_pictures"] / middle["bare"],
        }
        if "predecessor" in middle:
            ratios["predecessor / reading"] = middle["predecessor"] / middle["reading"]
        stages = {name: statistics.median(turns) / self.fields for name, turns in self.stages.items()}
        return {
            "fields": self.fields,
            "cells": self.cells,
            "seconds a field": middle["reading"] / self.fields,
            "seconds of bare networks a field": middle["bare"] / self.fields,
            "seconds a scale": middle["scale"],
            **ratios,
            "stages, seconds a field": stages,
        }


def measure(options: Options) -> dict[str, Any]:
    """Return the figures of each kind of field."""
    with TemporaryDirectory() as scratch:
        folders = {options.images.name: options.images} if options.images else _drawn(Path(scratch))
        return {title: _measure(folder, options.turns).figures() for title, folder in folders.items()}


def _drawn(scratch: Path) -> dict[str, Path]:
    folders = {}
    for title, (width, height, cells, number) in KINDS.items():
        folder = scratch / str(width)
        folder.mkdir()
        for seed in range(number):
            pixels = draw_field(seed, width=width, height=height, cells=cells).pixels
            Image.fromarray(pixels).save(folder / f"{seed:03d}.jpg", quality=93)
        folders[title] = folder
    return folders


def _measure(folder: Path, turns: int) -> Times:
    bundle, times = marrowscope.load_bundle(), Times()
    reader = FieldReader(bundle, ReadingSettings(), threads=1)
    (patient,) = discover([folder])
    tasks = [FieldTask("", FieldSource(each.name, each.path), "") for each in patient.fields]
    runs: list[tuple[Network, npt.NDArray[np.float32]]] = []
    with _recording(runs):
        scales = reader.measure_patient(tasks)
        tasks = [FieldTask("", task.source, "", scales) for task in tasks]
        runs.clear()
        found = [reader.read(task, load_field(task, reader.settings.limits)).reading for task in tasks]
    times.fields, times.cells = len(tasks), sum(len(reading.cells) for reading in found)
    predecessor = _predecessor(tasks, [reading.cells.boxes for reading in found])
    plain = reader.with_settings(ReadingSettings(pictures=False))
    unused: dict[str, list[float]] = {name: [] for name in SHOWN}
    for _ in range(turns):
        times.scale.append(_seconds(lambda: reader.measure_patient(tasks)))
        times.reading.append(_read(reader, tasks, times.stages))
        times.without_pictures.append(_read(plain, tasks, unused))
        times.bare.append(_seconds(lambda: [network(batch) for network, batch in runs]))
        if predecessor is not None:
            times.predecessor.append(_seconds(predecessor))
    return times


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


@contextmanager
def _recording(runs: list[tuple[Network, npt.NDArray[np.float32]]]) -> Iterator[None]:
    """Keep what every network is given."""
    call = Network.__call__

    def recorded(network: Network, batch: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        runs.append((network, batch.copy()))
        return call(network, batch)

    Network.__call__ = recorded  # type: ignore[assignment,method-assign]  # for as long as the recording lasts
    try:
        yield
    finally:
        Network.__call__ = call  # type: ignore[method-assign]  # as it was


def _read(reader: FieldReader, tasks: Sequence[FieldTask], stages: dict[str, list[float]]) -> float:
    """Read all fields; return the seconds, and add those of each stage."""
    spent = dict.fromkeys(SHOWN, 0.0)
    whole = 0.0
    with _timed(spent):
        for task in tasks:
            started = time.process_time()
            image = load_field(task, reader.settings.limits)
            spent["decode"] += time.process_time() - started
            reader.read(task, image)
            whole += time.process_time() - started
    spent["the rest"] = whole - sum(spent.values())
    for name, seconds in spent.items():
        stages[name].append(seconds)
    return whole


@contextmanager
def _timed(spent: dict[str, float]) -> Iterator[None]:
    before = {name: getattr(owner, attribute) for name, (owner, attribute) in STAGES.items()}

    def watched(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            started = time.process_time()
            try:
                return work(*arguments, **options)
            finally:
                spent[name] += time.process_time() - started

        return timed

    for name, (owner, attribute) in STAGES.items():
        setattr(owner, attribute, watched(name, before[name]))
    try:
        yield
    finally:
        for name, (owner, attribute) in STAGES.items():
            setattr(owner, attribute, before[name])


def _predecessor(
    tasks: Sequence[FieldTask], boxes: Sequence[npt.NDArray[np.float32]]
) -> Callable[[], None] | None:
    """Return what reads these fields as the predecessor did; the weights do not matter to the time."""
    if find_spec("torch") is None:
        return None
    import torch  # noqa: PLC0415  (an extra)

    from marrowscope.training.classifier.net import CellClassifier  # noqa: PLC0415  (needs torch)
    from marrowscope.training.detector.yolox import YoloxNano  # noqa: PLC0415  (needs torch)

    torch.set_num_threads(1)
    detector, classifier = YoloxNano().eval(), CellClassifier(2).eval()

    def tensor(image: Image.Image, side: int) -> torch.Tensor:
        small = np.asarray(image.resize((side, side)), np.float32)
        return torch.from_numpy(np.ascontiguousarray(small.transpose(2, 0, 1)[None]))

    def read() -> None:
        with torch.no_grad():
            for task, found in zip(tasks, boxes, strict=True):
                with Image.open(task.source.path) as picture:  # type: ignore[attr-defined]  # a file here
                    image = picture.convert("RGB")
                detector(tensor(image, 416))
                for x0, y0, x1, y1 in found.tolist():
                    classifier(tensor(image.crop((int(x0), int(y0), int(x1) + 1, int(y1) + 1)), 300) / 255)

    return read


def bars(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what is measured, its bar, and the figure."""

    def each(name: str) -> str:
        return ", ".join(f"{one[name]:.2f} ({title})" for title, one in figures.items() if name in one)

    return [
        ("reading over its bare networks", "≤ 1.2", each("reading / bare networks")),
        ("the same with `--no-pictures`", "≤ 1.2", each("without pictures / bare networks")),
        ("the predecessor's way over reading", "≥ 5", each("predecessor / reading")),
    ]


def text(figures: dict[str, Any]) -> str:
    """Return a table of the stages."""
    lines = [f"| a field, one thread | {' | '.join(figures)} |", "|---|" + "---|" * len(figures)]

    def row(name: str, cells: Iterable[str]) -> None:
        lines.append(f"| {name} | {' | '.join(cells)} |")

    kinds = list(figures.values())
    row("all", (f"{1000 * one['seconds a field']:.0f} ms" for one in kinds))
    for stage in SHOWN:
        row(f"· {stage}", (f"{1000 * one['stages, seconds a field'][stage]:.1f} ms" for one in kinds))
    row("its bare networks", (f"{1000 * one['seconds of bare networks a field']:.0f} ms" for one in kinds))
    row("the scale of a patient, once", (f"{one['seconds a scale']:.2f} s" for one in kinds))
    return "\n".join(lines)
