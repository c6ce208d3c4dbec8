"""From finished training runs to a bundle."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from marrowscope.domain.rates import ErrorRates
from marrowscope.errors import BundleError, InputError
from marrowscope.models.bundle import Bundle, ClassifierSettings, DetectorSettings, load_bundle
from marrowscope.models.bundle_writer import BundleContent, write_bundle
from marrowscope.models.nucleus_size import NucleusSizes
from marrowscope.training.detector.recipe import WORKING_MPP

DETECTOR_SETTINGS = DetectorSettings(
    file="detector.onnx",
    architecture="yolox-nano",
    working_mpp=WORKING_MPP,
    tile_px=640,
    overlap_px=128,  # 26 µm: wider than any cell but a megakaryocyte
    typical_cell_px=65.0,
    score_threshold=0.4,
    nms_iou=0.55,
    nms_ios=0.75,
)
"""What a run of the detector may overrule by `detector.json`."""

_CLASSIFIER_DEFAULTS: dict[str, Any] = {"file": "classifier.onnx", "architecture": "efficientnet-b3"}


def bundle_of_runs(
    out: Path,
    detector_run: Path | None,
    classifier_run: Path | None,
    base: str | Path | None,
    *,
    name: str,
    version: str,
    licence: str,
) -> Bundle:
    """Put finished runs together; what is not newly trained comes from the base bundle.

    Parameters
    ----------
    out : folder of the new bundle
    detector_run : folder with ``detector.onnx`` and perhaps ``detector.json``
    classifier_run : folder with ``classifier.onnx`` and ``classifier.json``
    base : bundle of the missing parts, the built-in one when None
    name, version, licence : of the new bundle

    Raises
    ------
    InputError
        Nothing was trained.
    BundleError
        A run is not finished.
    """
    if detector_run is None and classifier_run is None:
        raise InputError("nothing newly trained: give --detector, --classifier or both")
    content = _base(detector_run, classifier_run, base)
    if detector_run is not None:
        facts = _facts(detector_run / "detector.json", required=False)
        content = replace(
            content,
            detector_onnx=detector_run / "detector.onnx",
            detector=replace(DETECTOR_SETTINGS, **_known(facts, DetectorSettings)),
            trained_on=_joined(content, facts),
        )
    if classifier_run is not None:
        facts = _facts(classifier_run / "classifier.json", required=True)
        content = replace(
            content,
            classifier_onnx=classifier_run / "classifier.onnx",
            classifier=_classifier(facts),
            feature_space=classifier_run / facts["feature_space"] if facts.get("feature_space") else None,
            error_rates=_error_rates(facts),
            unfamiliar_rates=None,  # of another network; `evaluate bundle` measures them
            trained_on=_joined(content, facts),
        )
    return write_bundle(out, replace(content, name=name, version=version, licence=licence))


def _base(detector_run: Path | None, classifier_run: Path | None, base: str | Path | None) -> BundleContent:
    if detector_run is not None and classifier_run is not None:
        return BundleContent(
            name="",
            version="",
            licence="",
            trained_on=(),
            detector_onnx=detector_run,
            detector=DETECTOR_SETTINGS,
            classifier_onnx=classifier_run,
            classifier=_classifier(_facts(classifier_run / "classifier.json", required=True)),
        )
    return BundleContent.of(load_bundle(base))


def _facts(path: Path, *, required: bool) -> dict[str, Any]:
    if not path.is_file():
        if required:
            raise BundleError(f"{path.parent} is no finished run: it has no {path.name}")
        return {}
    facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return facts


def _known(facts: dict[str, Any], kind: type) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {key: tuple(v) if isinstance(v, list) else v for key, v in facts.items() if key in names}


def _classifier(facts: dict[str, Any]) -> ClassifierSettings:
    try:
        return ClassifierSettings(
            **{
                "file": "classifier.onnx",
                "architecture": "efficientnet-b3",
                **_known(facts, ClassifierSettings),
                "nuclei": NucleusSizes.of(facts["nuclei"]) if "nuclei" in facts else NucleusSizes(),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"classifier.json is incomplete: {error}") from error


def _error_rates(facts: dict[str, Any]) -> ErrorRates | None:
    """Held-out counts of the blast head, as the run's test part gives them."""
    test = facts.get("figures", {}).get("test")
    if test is None:
        return None
    counts = test["blast"]
    return ErrorRates(
        blasts_called=counts["tp"],
        blasts_seen=counts["tp"] + counts["fn"],
        others_cleared=counts["tn"],
        others_seen=counts["tn"] + counts["fp"],
        source=facts.get("error_rates_source", "held-out blocks of the training sources"),
    )


def _joined(content: BundleContent, facts: dict[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*content.trained_on, *facts.get("trained_on", ()))))
