"""Writes `metrics.json` and, from it and the bundle alone, `MODEL_CARD.md`: no figure is typed by hand."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from marrowscope.datasets.known_sets import describe_set
from marrowscope.errors import DatasetError
from marrowscope.evaluation.counts.patients import PatientsResult
from marrowscope.evaluation.counts.virtual import VirtualResult
from marrowscope.evaluation.fields.robustness import RobustnessResult
from marrowscope.evaluation.fields.shares import FieldSharesResult
from marrowscope.evaluation.networks.adapting import AdaptingResult
from marrowscope.evaluation.networks.classifier import ClassificationResult
from marrowscope.evaluation.networks.detector import DetectionResult
from marrowscope.evaluation.networks.digests import network_digests
from marrowscope.evaluation.networks.left_out import LeftOutResult
from marrowscope.models.bundle import Bundle
from marrowscope.models.feature_space import USUAL_SHARE
from marrowscope.version import __version__

FORMAT = 2
METRICS, CARD = "metrics.json", "MODEL_CARD.md"
Role = Literal["held out", "external", "choosing"]
Result = (
    DetectionResult
    | ClassificationResult
    | FieldSharesResult
    | RobustnessResult
    | AdaptingResult
    | PatientsResult
    | VirtualResult
    | LeftOutResult
)
_KINDS: dict[type[Result], str] = {
    DetectionResult: "detector",
    ClassificationResult: "classifier",
    FieldSharesResult: "field_shares",
    RobustnessResult: "robustness",
    AdaptingResult: "adapting",
    PatientsResult: "patients",
    VirtualResult: "virtual",
    LeftOutResult: "left_out",
}


@dataclass(frozen=True)
class Evaluation:
    """One measured result.

    Attributes
    ----------
    data : the set and which part of it, for print
    role : what the set is to the bundle
    result : what was measured
    note : a remark that stands beside the figures
    dataset : the set's folder, by which its licence and laboratory are known
    bars : what it had to reach, as `Bar.checked` gives it
    """

    data: str
    role: Role
    result: Result
    note: str = ""
    dataset: str = ""
    bars: tuple[Mapping[str, object], ...] = ()

    def to_json(self) -> dict[str, object]:
        """Give the entry as it stands in `metrics.json`."""
        return {
            "kind": _KINDS[type(self.result)],
            "data": self.data,
            "dataset": self.dataset or self.data,
            "role": self.role,
            "note": self.note,
            "bars": [dict(bar) for bar in self.bars],
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
        "networks": network_digests(bundle),
        "evaluations": [evaluation.to_json() for evaluation in evaluations],
    }
    path = (folder or bundle.folder) / METRICS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def renew_metrics(bundle: Bundle, evaluations: Sequence[Evaluation], folder: Path | None = None) -> Path:
    """Write results into a `metrics.json` that is there, in place of those of the same kind and set.

    What was measured besides stays; new kinds and sets come last.

    Raises
    ------
    DatasetError : there is no `metrics.json`, or it was measured with other networks
    """
    folder = folder or bundle.folder
    path = folder / METRICS
    document = _read_metrics(path, bundle)
    new = {(entry["kind"], entry["data"]): entry for entry in (e.to_json() for e in evaluations)}
    kept = [new.pop((entry["kind"], entry["data"]), entry) for entry in document["evaluations"]]
    document["evaluations"] = [*kept, *new.values()]
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
        loader=PackageLoader("marrowscope.evaluation.card"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, not HTML
        keep_trailing_newline=True,
    )
    environment.globals.update(figure=_figure, percent=_percent, signed=_signed, words=_words)
    text = environment.get_template("MODEL_CARD.md.j2").render(
        bundle=asdict(bundle),
        software=metrics["software"],
        networks=metrics["networks"],
        training_sets=[describe_set(name) for name in bundle.trained_on],
        usual_share=USUAL_SHARE,
        bars=[(entry, bar) for entry in metrics["evaluations"] for bar in entry["bars"]],
        classified=[entry for entry in metrics["evaluations"] if entry["kind"] == "classifier"],
        laboratories=_by_laboratory([e for e in metrics["evaluations"] if e["kind"] != "left_out"]),
        left_out=[entry for entry in metrics["evaluations"] if entry["kind"] == "left_out"],
    )
    return _tidied(text)


def _tidied(text: str) -> str:
    """Remove what optional parts of the template leave behind: blank lines, spaces at the end of lines."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" +$", "", text, flags=re.MULTILINE)).strip() + "\n"


def _by_laboratory(entries: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Put what was measured on one set together, under the set's title."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        groups.setdefault(describe_set(entry["dataset"]).title, []).append(entry)
    return groups


def _read_metrics(path: Path, bundle: Bundle) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read ({error})") from error
    if document.get("networks") != network_digests(bundle):
        raise DatasetError(f"{path}: was measured with other networks than {bundle.title}'s")
    if document.get("format") != FORMAT:
        raise DatasetError(f"{path}: was measured by another version of this software; measure again")
    return document


def _figure(value: float | None, interval: Sequence[float] | None = None) -> str:
    """Print a share to three digits, with its interval if it has one; a dash where it is undefined."""
    if value is None:
        return "–"
    text = f"{value:.3f}"
    return text if interval is None else f"{text} ({interval[0]:.3f}–{interval[1]:.3f})"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _signed(value: float | None, unit: str = " %") -> str:
    """Print a change in hundredths with its sign."""
    return "–" if value is None else f"{100 * value:+.1f}{unit}"


def _words(name: str) -> str:
    return name.replace("_", " ")
