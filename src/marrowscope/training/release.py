"""From finished runs to a bundle."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from marrowscope.errors import InputError
from marrowscope.evaluation.networks.left_out import read_left_out
from marrowscope.models.bundle import Bundle, ClassifierSettings, DetectorSettings, load_bundle
from marrowscope.models.bundle_writer import BundleContent, write_bundle
from marrowscope.training.finished_run import FinishedRun, read_run


def bundle_of_runs(
    out: Path,
    detector_run: Path | None,
    classifier_run: Path | None,
    base: str | Path | None,
    *,
    left_out: Path | None = None,
    name: str,
    version: str,
    licence: str,
) -> Bundle:
    """Put finished runs together; what is not newly trained comes from the base bundle.

    Parameters
    ----------
    out : folder of the new bundle
    detector_run, classifier_run : folders of finished runs
    base : bundle of the missing part, the built-in one when None
    left_out : figures of laboratories left out by the procedure that trained the classifier, for counts to be
        corrected by; None leaves them as they are, which is empty for a new classifier
    name, version, licence : of the new bundle

    Raises
    ------
    InputError
        Nothing was trained.
    BundleError
        A run is not finished, or does not say what it was trained on.
    DatasetError
        The file of laboratories left out cannot be read.
    """
    if detector_run is None and classifier_run is None:
        raise InputError("nothing newly trained: give --detector, --classifier or both")
    parts: dict[str, Any] = {"name": name, "version": version, "licence": licence}
    trained_on: list[str] = []
    if detector_run is not None:
        detector = read_run(detector_run, DetectorSettings)
        trained_on += detector.trained_on
        parts |= {"detector_onnx": detector_run / detector.settings.file, "detector": detector.settings}
    if classifier_run is not None:
        classifier = read_run(classifier_run, ClassifierSettings)
        trained_on += classifier.trained_on
        parts |= _classifier_parts(classifier_run, classifier)
    if left_out is not None:
        measured = read_left_out(left_out)
        parts |= {"laboratories": measured.rates(), "blast_kinds": measured.blast_kinds()}
    if detector_run is not None and classifier_run is not None:  # nothing is left of a base
        return write_bundle(out, BundleContent(**parts, trained_on=tuple(dict.fromkeys(trained_on))))
    kept = BundleContent.of(load_bundle(base))
    both = tuple(dict.fromkeys((*kept.trained_on, *trained_on)))
    return write_bundle(out, replace(kept, **parts, trained_on=both))


def _classifier_parts(folder: Path, run: FinishedRun[ClassifierSettings]) -> dict[str, Any]:
    space = run.settings.feature_space
    return {
        "classifier_onnx": folder / run.settings.file,
        "classifier": run.settings,
        "feature_space": folder / space if space else None,
        "error_rates": run.error_rates,
        "laboratories": (),  # those of the base are of other networks
        "blast_kinds": (),
    }
