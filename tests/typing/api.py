"""What a user's type checker says of the public names: read by mypy (`make check`), never run.

`assert_type` holds what a call gives. A call that must be refused names the error it must meet: mypy is
strict here, and tells of one that is no longer met.
"""

from pathlib import Path
from threading import Event
from typing import assert_type

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

import marrowscope
from marrowscope.batches.merge import Merged
from marrowscope.batches.run import BatchProgress, BatchResult
from marrowscope.domain.cells import Cell, Cells, Detections
from marrowscope.domain.decision import RULES, Interval, Verdict
from marrowscope.domain.differential import Differential
from marrowscope.domain.patient import CohortReport, FieldReading, PatientReading, Provenance
from marrowscope.live.count import Until
from marrowscope.models.bundle import Bundle
from marrowscope.progress import Progress
from marrowscope.report.report import Report


def version() -> None:
    assert_type(marrowscope.__version__, str)


def load_bundle() -> None:
    bundle = marrowscope.load_bundle()
    assert_type(bundle, Bundle)
    assert_type(marrowscope.load_bundle("marrowscope-1"), Bundle)
    assert_type(marrowscope.load_bundle(Path("my-bundle")), Bundle)
    assert_type(bundle.title, str)
    assert_type(bundle.classifier.types, tuple[str, ...])
    marrowscope.load_bundle(1)  # type: ignore[arg-type]  # a bundle has a name or a folder


def detect(pixels: npt.NDArray[np.uint8], grey: npt.NDArray[np.float32], bundle: Bundle) -> None:
    found = marrowscope.detect("field.jpg")
    assert_type(found, Detections)
    assert_type(marrowscope.detect(pixels, bundle=bundle, mpp=0.2, score_threshold=0.5), Detections)
    assert_type(found.boxes, npt.NDArray[np.float32])
    assert_type(found.scores, npt.NDArray[np.float32])
    assert_type(found[:10], Detections)
    assert_type(len(found), int)
    marrowscope.detect(grey)  # type: ignore[arg-type]  # pixels are bytes
    marrowscope.detect("field.jpg", bundle)  # type: ignore[call-arg]  # options have names


def classify(pixels: npt.NDArray[np.uint8], found: Detections, bundle: Bundle) -> None:
    cells = marrowscope.classify(pixels, found, bundle=bundle, mpp=None)
    assert_type(cells, Cells)
    assert_type(marrowscope.classify(Path("field.jpg")), Cells)
    assert_type(cells.cell_types, tuple[str, ...])
    assert_type(cells.p_blast, npt.NDArray[np.float32])
    assert_type(cells.is_blast, npt.NDArray[np.bool_])
    for cell in cells:
        assert_type(cell, Cell)
        assert_type(cell.box, tuple[float, float, float, float])


def count(cells: Cells, found: Detections) -> None:
    differential = marrowscope.count(cells)
    assert_type(differential, Differential)
    assert_type(differential.counted, int)
    assert_type(differential.blast_share, float | None)
    assert_type(differential.share("lymphocyte"), float | None)
    marrowscope.count(found)  # type: ignore[arg-type]  # boxes without names cannot be counted


def analyse(bundle: Bundle) -> None:
    def tell(progress: Progress) -> None:
        del progress

    report = marrowscope.analyse(
        ["patients/one", Path("patients/two")],
        Path("results"),
        bundle=bundle,
        rule=RULES["who-2022"],
        blast_equivalents=("promonocyte",),
        workers=2,
        resume=True,
        listener=tell,
    )
    assert_type(report, Report)
    assert_type(marrowscope.analyse("patients", "results"), Report)
    assert_type(report.patients, tuple[PatientReading, ...])
    assert_type(report.provenance, Provenance)
    patient = report.patients[0]
    assert_type(patient.fields, tuple[FieldReading, ...])
    assert_type(patient.differential, Differential)
    assert_type(patient.blast_interval, Interval | None)
    assert_type(patient.decision.verdict, Verdict)
    marrowscope.analyse("patients")  # type: ignore[call-arg]  # results go somewhere
    marrowscope.analyse("patients", "results", rule="who-2022")  # type: ignore[arg-type]  # a rule, not its name


def batch(bundle: Bundle) -> None:
    def tell(progress: BatchProgress) -> None:
        del progress

    result = marrowscope.batch("patients.csv", Path("results"), bundle=bundle, shard="2/8", listener=tell)
    assert_type(result, BatchResult)
    assert_type(result.failed, dict[str, str])
    assert_type(result.merged, Merged | None)
    marrowscope.batch("patients.csv")  # type: ignore[call-arg]  # results go somewhere
    marrowscope.batch("patients.csv", "results", shard=(2, 8))  # type: ignore[arg-type]  # as it is written


def merge_batch() -> None:
    assert_type(marrowscope.merge_batch(["shard-1", Path("shard-2")], "results"), Merged)
    assert_type(marrowscope.merge_batch("results", "results").missing, tuple[str, ...])
    marrowscope.merge_batch("results")  # type: ignore[call-arg]  # tables go somewhere


def export(report: CohortReport) -> None:
    assert_type(marrowscope.export(report, "results"), tuple[Path, ...])
    assert_type(marrowscope.export(report, Path("results"), ("csv", "html")), tuple[Path, ...])
    marrowscope.export("results", report)  # type: ignore[arg-type]  # the report comes first


def open_results() -> None:
    report = marrowscope.open("results")
    assert_type(report, Report)
    assert_type(marrowscope.open(Path("results")).patients, tuple[PatientReading, ...])
    assert_type(report.plot(), Figure)
    report.to_frame("fields")  # type: ignore[arg-type]  # patients or cells
    marrowscope.open()  # type: ignore[call-arg]  # results are somewhere


def watch(stop: Event) -> None:
    assert_type(marrowscope.watch("camera", "results", until=Until(target=True), stop=stop), Report)
    marrowscope.watch("camera")  # type: ignore[call-arg]  # results have a folder
