"""Writing networks and their settings as a bundle."""

import shutil
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import tomli_w

from marrowscope.domain.rates import BlastKind, ErrorRates, Laboratory
from marrowscope.errors import BundleError
from marrowscope.models.bundle import (
    FORMAT,
    SETTINGS,
    Bundle,
    ClassifierSettings,
    DetectorSettings,
    load_bundle,
    write_sums,
)


@dataclass(frozen=True)
class BundleContent:
    """The content of a bundle.

    Attributes
    ----------
    name, version, licence : of the bundle
    trained_on : identifiers of the data sets used in training
    detector_onnx, classifier_onnx : the networks
    detector, classifier : their settings, which give the file names under which the networks are copied
    error_rates : error rates on held-out cells, None if not measured
    laboratories, blast_kinds : figures of networks that never saw the laboratories; empty if not measured
    feature_space : file that identifies unfamiliar cells, copied under the name in the classifier's settings
    """

    name: str
    version: str
    licence: str
    trained_on: tuple[str, ...]
    detector_onnx: Path
    detector: DetectorSettings
    classifier_onnx: Path
    classifier: ClassifierSettings
    error_rates: ErrorRates | None = None
    laboratories: tuple[Laboratory, ...] = ()
    blast_kinds: tuple[BlastKind, ...] = ()
    feature_space: Path | None = None

    @classmethod
    def of(cls, bundle: Bundle) -> "BundleContent":
        """Return the content of an existing bundle, so that parts of it can be replaced."""
        return cls(
            name=bundle.name,
            version=bundle.version,
            licence=bundle.licence,
            trained_on=bundle.trained_on,
            detector_onnx=bundle.folder / bundle.detector.file,
            detector=bundle.detector,
            classifier_onnx=bundle.folder / bundle.classifier.file,
            classifier=bundle.classifier,
            error_rates=bundle.error_rates,
            laboratories=bundle.laboratories,
            blast_kinds=bundle.blast_kinds,
            feature_space=bundle.folder / name if (name := bundle.classifier.feature_space) else None,
        )


def write_bundle(folder: Path, content: BundleContent) -> Bundle:
    """Write a bundle and open it, to make sure that it loads.

    The evaluation later adds the model card and the metrics, and renews the digests.

    Raises
    ------
    BundleError
        The folder holds something other than a bundle, or the settings do not fit together.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / SETTINGS).is_file():
        raise BundleError(f"{folder} is not empty and not a bundle: choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    _copy(content.detector_onnx, folder / content.detector.file)
    _copy(content.classifier_onnx, folder / content.classifier.file)
    if content.feature_space is not None:
        _copy(content.feature_space, folder / content.classifier.feature_space)
    (folder / SETTINGS).write_text(tomli_w.dumps(_document(content)), "utf-8")
    write_sums(folder)
    return load_bundle(folder)


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise BundleError(f"no such file: {source}")
    if source.resolve() != target.resolve():
        shutil.copyfile(source, target)


def _document(content: BundleContent) -> dict[str, Any]:
    document: dict[str, Any] = {
        "bundle": {
            "format": FORMAT,
            "name": content.name,
            "version": content.version,
            "licence": content.licence,
            "trained_on": list(content.trained_on),
        },
        "detector": asdict(content.detector),
        "classifier": asdict(content.classifier),
    }
    if content.error_rates is not None:
        document["error_rates"] = asdict(content.error_rates)
    if content.laboratories:
        document["laboratories"] = [
            {**asdict(one), "by_patient": [astuple(patient) for patient in one.by_patient]}
            for one in content.laboratories
        ]
    if content.blast_kinds:
        document["blast_kinds"] = [asdict(kind) for kind in content.blast_kinds]
    return document
