"""The log of a training run: a line of JSON a record, and the same as a picture."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from marrowscope.evaluation.plots.networks import save

METRICS = "metrics.jsonl"
CURVES = "curves.png"
_SMOOTHED_OVER = 15  # records: single batches are noise

Progress = Callable[[dict[str, Any]], None]


class RunLog:
    """Appends records to ``metrics.jsonl`` in the run's folder and passes them on.

    Parameters
    ----------
    folder : of the run
    progress : receives every record, too
    """

    def __init__(self, folder: Path, progress: Progress | None = None) -> None:
        self.folder = folder
        self._progress = progress

    def start_anew(self) -> None:
        """Forget an earlier run of the same folder."""
        (self.folder / METRICS).unlink(missing_ok=True)

    def forget_after(self, step: int) -> None:
        """Drop the records of later steps: a run resumed at `step` takes them again."""
        path = self.folder / METRICS
        lines = path.read_text("utf-8").splitlines(keepends=True) if path.is_file() else []
        path.write_text("".join(line for line in lines if json.loads(line)["step"] <= step), "utf-8")

    def write(self, record: dict[str, Any]) -> None:
        """Append one record."""
        with (self.folder / METRICS).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
        if self._progress is not None:
            self._progress(record)

    def draw(self) -> Path:
        """Draw losses and figures over the steps so far into ``curves.png``; return its path."""
        lines = (self.folder / METRICS).read_text("utf-8").splitlines()
        losses, figures = curves([json.loads(line) for line in lines])
        plot = Figure(figsize=(9, 3.6), layout="constrained")
        left, right = plot.subplots(1, 2)
        for name, (steps, values) in losses.items():
            left.plot(steps, _smooth(values), label=name, linewidth=1)
        left.set(xlabel="step", title="losses", yscale="log")
        for name, (steps, values) in figures.items():
            right.plot(steps, values, "o-", label=name, markersize=3, linewidth=1)
        right.set(xlabel="step", title="figures of held-out images")
        for axes in (left, right):
            axes.grid(alpha=0.3)
            if axes.lines:
                axes.legend(fontsize=7)
        return save(plot, self.folder / CURVES)


Curves = dict[str, tuple[list[int], list[float]]]


def curves(records: list[dict[str, Any]]) -> tuple[Curves, Curves]:
    """Sort the numbers of records by name: losses, and figures between 0 and 1 of held-out images."""
    losses: Curves = {}
    figures: Curves = {}
    for record in records:
        trains = "loss" in record
        for name, value in _numbers(record):
            if trains and (name.endswith("loss") or name in {"box", "objectness", "class"}):
                _add(losses, name, record["step"], max(value, 1e-4))
            elif not trains and name not in {"step", "seconds"} and 0 <= value <= 1:
                _add(figures, name, record["step"], value)
    return losses, {name: curve for name, curve in figures.items() if _is_figure(name)}


def _is_figure(name: str) -> bool:
    return not name.startswith(("blast_t", "type_t", "test_"))  # thresholds and temperatures are no figures


def _numbers(record: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Give every number of a nested record with its name; of a list, the first."""
    for key, value in record.items():
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, dict):
            yield from _numbers(first, f"{prefix}{key} ")
        elif isinstance(first, int | float) and not isinstance(first, bool):
            yield prefix + key, float(first)


def _add(found: Curves, name: str, step: int, value: float) -> None:
    steps, values = found.setdefault(name, ([], []))
    steps.append(step)
    values.append(value)


def _smooth(values: list[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Average each value with those before it, over a window; the curve keeps its length."""
    summed = np.concatenate([[0.0], np.cumsum(values)])
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - _SMOOTHED_OVER, 0)
    return np.asarray((summed[last] - summed[first]) / (last - first))
