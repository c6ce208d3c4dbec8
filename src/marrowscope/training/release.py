"""From finished runs to a bundle."""

from dataclasses import replace
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.evaluation.networks.left_out import read_left_out
from marrowscope.models.bundle import Bundle, ClassifierSettings, DetectorSettings, load_bundle
from marrowscope.models.bundle_writer import BundleContent, write_bundle
from marrowscope.training.finished_run import read_run


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
    content = BundleContent.of(load_bundle(base))
    if detector_run is not None and classifier_run is not None:
        content = replace(content, trained_on=())  # nothing of the base is left
    if detector_run is not None:
        content = _with_detector(content, detector_run)
    if classifier_run is not None:
        content = _with_classifier(content, classifier_run)
    if left_out is not None:
        measured = read_left_out(left_out)
        content = replace(content, laboratories=measured.rates(), blast_kinds=measured.blast_kinds())
    return write_bundle(out, replace(content, name=name, version=version, licence=licence))


def _with_detector(content: BundleContent, folder: Path) -> BundleContent:
    run = read_run(folder, DetectorSettings)
    return replace(
        content,
        detector_onnx=folder / run.settings.file,
        detector=run.settings,
        trained_on=_joined(content.trained_on, run.trained_on),
    )


def _with_classifier(content: BundleContent, folder: Path) -> BundleContent:
    run = read_run(folder, ClassifierSettings)
    space = run.settings.feature_space
    return replace(
        content,
        classifier_onnx=folder / run.settings.file,
        classifier=run.settings,
        feature_space=folder / space if space else None,
        error_rates=run.error_rates,
        laboratories=(),  # of other networks
        blast_kinds=(),
        trained_on=_joined(content.trained_on, run.trained_on),
    )


def _joined(*ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for row in ids for one in row))
