"""What a finished run hands to a bundle, written beside its network and read back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from marrowscope.domain.rates import ErrorRates
from marrowscope.errors import BundleError
from marrowscope.models.bundle import ClassifierSettings, DetectorSettings

FORMAT = 1
NETWORK = "classifier.onnx"
"""Name of a classifier's network in the folder of its run."""

Settings = TypeVar("Settings", DetectorSettings, ClassifierSettings)


@dataclass(frozen=True)
class FinishedRun(Generic[Settings]):
    """A trained or adapted network, but for the network itself.

    Attributes
    ----------
    settings : how a bundle uses the network; ``settings.file`` lies beside this run's JSON file
    trained_on : identifiers of the sets that shaped the weights (`known_sets`, or a laboratory's own)
    step : training steps behind the weights
    error_rates : of the blast head on cells held out, None where not measured
    figures : what else was measured, as JSON values
    """

    settings: Settings
    trained_on: tuple[str, ...]
    step: int
    error_rates: ErrorRates | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write the run's JSON file, whole or not at all; return its path."""
        path = folder / _file_of(type(self.settings))
        partial = path.with_name(path.name + ".partial")
        document = {"format": FORMAT, **asdict(self)}
        partial.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return partial.replace(path)


def read_run(folder: Path, kind: type[Settings]) -> FinishedRun[Settings]:
    """Read a finished run.

    Parameters
    ----------
    folder : of the run
    kind : `DetectorSettings` or `ClassifierSettings`, whose network the run trained

    Raises
    ------
    BundleError
        The run is not finished, was written by another version, or does not say what it was trained on.
    """
    path = folder / _file_of(kind)
    if not path.is_file():
        raise BundleError(f"{folder} is no finished run: it has no {path.name}")
    try:
        document = json.loads(path.read_text("utf-8"))
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise BundleError(f"{path} was written by another version of this software: finish the run anew")
        rates = document["error_rates"]
        run = FinishedRun(
            kind.of(document["settings"]), tuple(document["trained_on"]), int(document["step"]),
            None if rates is None else ErrorRates(**rates), document["figures"],
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is incomplete: {error}") from error
    if not run.trained_on:
        raise BundleError(f"{path} does not say what the network was trained on: trained_on is empty")
    return run


def has_run(folder: Path, kind: type) -> bool:
    """Return whether a folder holds a finished run of a network's settings."""
    return (folder / _file_of(kind)).is_file()


def _file_of(kind: type) -> str:
    return "detector.json" if kind is DetectorSettings else "classifier.json"
