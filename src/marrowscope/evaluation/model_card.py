"""Writes `metrics.json` and, from it and the bundle alone, `MODEL_CARD.md`: no figure is typed by hand."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from marrowscope.datasets.known_sets import describe_set
from marrowscope.errors import DatasetError
from marrowscope.evaluation.classification import ClassificationResult
from marrowscope.evaluation.detection import DetectionResult
from marrowscope.evaluation.patients import PatientsResult
from marrowscope.models.bundle import Bundle
from marrowscope.version import __version__

FORMAT = 1
METRICS, CARD = "metrics.json", "MODEL_CARD.md"
Role = Literal["held out", "external", "choosing"]
_KINDS = {DetectionResult: "detector", ClassificationResult: "classifier", PatientsResult: "patients"}


@dataclass(frozen=True)
class Evaluation:
    """One measured result: on which data, in which role, with a remark that stands beside its figures."""

    data: str
    role: Role
    result: DetectionResult | ClassificationResult | PatientsResult
    note: str = ""

    def to_json(self) -> dict[str, object]:
        """Give the entry as it stands in `metrics.json`."""
        return {
            "kind": _KINDS[type(self.result)],
            "data": self.data,
            "role": self.role,
            "note": self.note,
            "result": self.result.to_json(),
        }


def write_metrics(bundle: Bundle, evaluations: Sequence[Evaluation], folder: Path | None = None) -> Path:
    """Write all results of a bundle as `metrics.json` into a folder, the bundle's own by default.

    The bundle's list of digests must be renewed afterwards (`models.bundle.write_sums`).
    """
    document = {
        "format": FORMAT,
        "bundle": {"name": bundle.name, "version": bundle.version},
        "software": __version__,
        "networks": _digests(bundle),
        "evaluations": [evaluation.to_json() for evaluation in evaluations],
    }
    path = (folder or bundle.folder) / METRICS
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def write_model_card(bundle: Bundle, folder: Path | None = None) -> Path:
    """Write `MODEL_CARD.md` from a folder's `metrics.json`, the bundle's own by default.

    Raises
    ------
    DatasetError : there is no `metrics.json`, or it was measured with other networks
    """
    folder = folder or bundle.folder
    path = folder / CARD
    path.write_text(render_model_card(bundle, _read_metrics(folder / METRICS, bundle)), encoding="utf-8")
    return path


def render_model_card(bundle: Bundle, metrics: Mapping[str, Any]) -> str:
    """Give the card's text from the bundle's facts and a `metrics.json` document."""
    environment = Environment(
        loader=PackageLoader("marrowscope.evaluation"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, not HTML
        keep_trailing_newline=True,
    )
    environment.globals.update(figure=_figure, percent=_percent)
    kinds = {
        kind: [entry for entry in metrics["evaluations"] if entry["kind"] == kind] for kind in _KINDS.values()
    }
    return environment.get_template("MODEL_CARD.md.j2").render(
        bundle=asdict(bundle),
        software=metrics["software"],
        networks=metrics["networks"],
        training_sets=[describe_set(name) for name in bundle.trained_on],
        **kinds,
    )


def _read_metrics(path: Path, bundle: Bundle) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read ({error})") from error
    if document.get("networks") != _digests(bundle):
        raise DatasetError(f"{path}: was measured with other networks than {bundle.title}'s")
    return document


def _digests(bundle: Bundle) -> dict[str, str]:
    names = (bundle.detector.file, bundle.classifier.file)
    return {name: hashlib.sha256((bundle.folder / name).read_bytes()).hexdigest() for name in names}


def _figure(value: float | None, interval: Sequence[float] | None = None) -> str:
    """Print a share to three digits, with its interval if it has one; a dash where it is undefined."""
    if value is None:
        return "–"
    text = f"{value:.3f}"
    return text if interval is None else f"{text} ({interval[0]:.3f}–{interval[1]:.3f})"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
