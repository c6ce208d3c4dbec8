"""``marrowscope evaluate``: figures of a bundle on labelled images, and of decisions on known patients."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowscope.cli.console import one_line_errors, print_json
from marrowscope.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from marrowscope.datasets.fields import LabelledField
    from marrowscope.pipeline import FieldReader

app = typer.Typer(
    help="Measure a bundle on labelled images, or decisions on patients of known state.",
    no_args_is_help=True,
    epilog="Example:  marrowscope evaluate detector --data BCCD/ --split test --json",
)

_SCALE_SAMPLE = 12  # fields on which the scale of a set is measured
_LEAST_SCORE = 0.01  # low enough for the whole precision-recall curve

_Data = Annotated[Path, typer.Option(help="The labelled set's folder.", show_default=False)]
_Bundle = Annotated[str | None, typer.Option(help="Networks: a built-in name or a folder.")]
_Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("detector", epilog="Example:  marrowscope evaluate detector --data BCCD/ --split test --json")
@one_line_errors
def detector(
    data: _Data,
    layout: Annotated[str, typer.Option(help="voc, yolo, coco, unlabelled, or auto.")] = "auto",
    split: Annotated[str | None, typer.Option(help="An official split of the set, such as test.")] = None,
    last: Annotated[
        int | None, typer.Option(min=1, help="Only the last N fields by name: a part held out of training.")
    ] = None,
    mpp: Annotated[float | None, typer.Option(help="Micrometres per pixel; otherwise measured.")] = None,
    match_iou: Annotated[float, typer.Option(min=0.1, max=0.95, help="Overlap that counts as found.")] = 0.5,
    bundle: _Bundle = None,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    as_json: _Json = False,
) -> None:
    """Average precision, recall, precision and false finds of the detector on fields with boxes."""
    from marrowscope.datasets.fields import read_fields
    from marrowscope.evaluation.detection import evaluate_detector
    from marrowscope.models.bundle import load_bundle
    from marrowscope.pipeline import FieldReader, ReadingSettings

    fields = sorted(read_fields(data, layout, split), key=lambda f: f.path.name)[-(last or 0) :]
    if not fields:
        raise DatasetError(f"{data} holds no fields")
    networks = load_bundle(bundle)
    reader = FieldReader(networks, ReadingSettings(mpp=mpp, score_threshold=_LEAST_SCORE), threads)
    result = evaluate_detector(
        _detect_function(reader, fields),
        fields,
        operating_score=networks.detector.score_threshold,
        match_iou=match_iou,
        on_field=_counter("fields"),
    )
    _print(
        result.to_json(), ("ap50", "ap", "recall", "precision", "false_positives_per_field"), as_json=as_json
    )


@app.command("classifier", epilog="Example:  marrowscope evaluate classifier --data CELLS_BY_TYPE/ --json")
@one_line_errors
def classifier(
    data: _Data,
    part: Annotated[
        str, typer.Option(help="all; or train, val or test of the 70/15/15 split by blocks of names.")
    ] = "all",
    bundle: _Bundle = None,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    as_json: _Json = False,
) -> None:
    """Blast head and types of the classifier on labelled cells, with the background-only baseline beside.

    DATA is a folder with a sub-folder per cell type, or a set of fields with labelled boxes.
    """
    from marrowscope.evaluation.classification import evaluate_classifier
    from marrowscope.models.bundle import load_bundle
    from marrowscope.models.classifier import Classifier

    networks = load_bundle(bundle)
    settings = networks.classifier
    result = evaluate_classifier(
        Classifier(networks, threads),
        _shown_cells(data, part, settings.input_px, settings.context),
        blast_threshold=settings.blast_threshold,
        type_threshold=settings.type_threshold,
        on_batch=_batch_counter(),
    )
    _print(result.to_json(), ("blast", "types", "background_only", "abstained"), as_json=as_json)


@app.command(
    "patients",
    epilog="Example:  marrowscope evaluate patients --reports results/patients.csv --truth truth.csv --json",
)
@one_line_errors
def patients(
    reports: Annotated[Path, typer.Option(help="patients.csv of an analysis.", show_default=False)],
    truth: Annotated[
        Path, typer.Option(help="CSV: patient, truth (leukemia or healthy).", show_default=False)
    ],
    as_json: _Json = False,
) -> None:
    """Confusion matrix of decisions against the known state of patients, with intervals."""
    from marrowscope.evaluation.patients import evaluate_patients

    result = evaluate_patients(reports, truth)
    _print(
        result.to_json(), ("confusion", "sensitivity", "specificity", "decided", "errors"), as_json=as_json
    )


def _detect_function(reader: "FieldReader", fields: "Sequence[LabelledField]") -> "Callable[[Any], Any]":
    """Detect as the main job does: the scale of each image size measured on a sample of the set."""
    from marrowscope.imaging.decode import FieldImage

    step = max(len(fields) / _SCALE_SAMPLE, 1)
    sample = [fields[int(i * step)] for i in range(min(_SCALE_SAMPLE, len(fields)))]
    scales = reader.measure_scales([FieldImage(field.pixels(), None) for field in sample])

    def detect(pixels: Any) -> Any:
        scale = scales.get((pixels.shape[1], pixels.shape[0])) or reader.scale_of(FieldImage(pixels, None))
        found = reader.detect(pixels, scale.mpp)
        return found.boxes, found.scores

    return detect


def _shown_cells(data: Path, part: str, size_px: int, context: float) -> Any:
    from marrowscope.datasets.cells import read_folder_per_type
    from marrowscope.datasets.fields import read_fields, recognise_layout
    from marrowscope.datasets.splits import block_split
    from marrowscope.evaluation.shown_cells import cells_of_fields, cells_of_folders

    if not data.exists():
        raise DatasetError(f"no such folder: {data}")
    if data.is_file() or recognise_layout(data) != "unlabelled":
        return cells_of_fields(read_fields(data), size_px, context)
    cells = read_folder_per_type(data)
    if part != "all":
        parts = block_split(
            cells, lambda cell: f"{cell.source}/{cell.cell_type}", {"train": 0.70, "val": 0.15, "test": 0.15}
        )
        if part not in parts:
            raise DatasetError(f"no part {part}: one of all, {', '.join(parts)}")
        cells = parts[part]
    return cells_of_folders(cells, size_px, context)


def _counter(what: str) -> "Callable[[int, int], None]":
    """Show progress on a terminal's stderr."""
    from rich.console import Console

    console = Console(stderr=True)

    def show(done: int, total: int) -> None:
        if console.is_terminal:
            console.print(f"{done} of {total} {what}", end="\r", highlight=False)

    return show


def _batch_counter() -> "Callable[[int], None]":
    from rich.console import Console

    console = Console(stderr=True)

    def show(done: int) -> None:
        if console.is_terminal:
            console.print(f"{done} cells", end="\r", highlight=False)

    return show


def _print(document: dict[str, Any], headline: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    for name in headline:
        typer.echo(f"{name}: {_short(document[name])}")


def _short(value: Any) -> Any:
    """Round figures and leave long lists out, for people."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {k: _short(v) for k, v in value.items() if not isinstance(v, list) or len(v) <= 3}
    return value
