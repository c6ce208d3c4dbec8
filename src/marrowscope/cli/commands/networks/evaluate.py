"""``marrowscope evaluate``: figures of a bundle on labelled images, and of decisions on known patients."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowscope.cli.console import counter, one_line_errors, print_json, say
from marrowscope.cli.options import AsJson, BundleName
from marrowscope.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    help="Measure a bundle on labelled images, or decisions on patients of known state.",
    no_args_is_help=True,
    epilog="Example:  marrowscope evaluate detector --data BCCD/ --split test --json",
)

_Data = Annotated[Path, typer.Option(help="The labelled set's folder.", show_default=False)]
_Plots = Annotated[Path | None, typer.Option(help="Folder for plots of the results (PNG).")]


@app.command("detector", epilog="Example:  marrowscope evaluate detector --data BCCD/ --split test --json")
@one_line_errors
def detector(
    data: _Data,
    layout: Annotated[str, typer.Option(help="voc, yolo, coco, unlabelled, or auto.")] = "auto",
    split: Annotated[str | None, typer.Option(help="An official split of the set, such as test.")] = None,
    last: Annotated[
        int | None,
        typer.Option(min=1, help="Only the last N fields by name, such as a part held out of training."),
    ] = None,
    mpp: Annotated[float | None, typer.Option(help="Micrometres per pixel; otherwise measured.")] = None,
    match_iou: Annotated[
        float, typer.Option(min=0.1, max=0.95, help="Least overlap for a box to count as found.")
    ] = 0.5,
    bundle: BundleName = None,
    plots: _Plots = None,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Measure average precision, recall, precision and false detections on fields with boxes."""
    from marrowscope.evaluation.card.tests import DetectorTest
    from marrowscope.models.bundle import load_bundle

    test = DetectorTest(data, layout, split, last, mpp=mpp, match_iou=match_iou)
    result = test.measure(load_bundle(bundle), threads, _counter("fields"))
    if plots is not None:
        from marrowscope.evaluation.plots.evaluations import draw_detector

        draw_detector({data.name: result}, plots)
    headline = ("ap50", "ap", "recall", "precision", "false_positives_per_field")
    _print(result.to_json(), headline, as_json=as_json)


@app.command("classifier", epilog="Example:  marrowscope evaluate classifier --data CELLS_BY_TYPE/ --json")
@one_line_errors
def classifier(
    data: _Data,
    part: Annotated[
        str, typer.Option(help="all, train, val or test: the set's own list, else blocks of names.")
    ] = "all",
    mpp: Annotated[
        float | None,
        typer.Option(
            help="Micrometres per pixel; by default measured on fields and unknown for single cells."
        ),
    ] = None,
    bundle: BundleName = None,
    plots: _Plots = None,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Measure the classifier's blast head and types on labelled cells, beside a background-only baseline.

    DATA is a folder with a sub-folder per cell type, or a set of fields with labelled boxes.
    """
    from marrowscope.evaluation.card.tests import ClassifierTest
    from marrowscope.models.bundle import load_bundle

    result = ClassifierTest(data, part, mpp).measure(load_bundle(bundle), threads, counter("cells"))
    if plots is not None:
        from marrowscope.evaluation.plots.evaluations import draw_classifier

        draw_classifier(result, plots)
    headline = ("blast", "types", "background_only", "abstained", "unfamiliar")
    _print(result.to_json(), headline, as_json=as_json)


@app.command(
    "patients",
    epilog="Example:  marrowscope evaluate patients --reports results/patients.csv --truth truth.csv --json",
)
@one_line_errors
def patients(
    reports: Annotated[Path, typer.Option(help="patients.csv of an analysis.", show_default=False)],
    truth: Annotated[
        Path,
        typer.Option(
            help="CSV: patient, truth (leukemia or healthy) and blast_percent, or one of them; if known, "
            "leukocytes: how many cells blast_percent was counted on.",
            show_default=False,
        ),
    ],
    plots: Annotated[Path | None, typer.Option(help="Folder for pictures, PNG and SVG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare decisions and blast percentages with what is known of patients, with intervals.

    The confusion matrix is of patients whose truth is told; percentages are compared wherever both are known:
    errors, coverage, and the side of 20 %.
    """
    from marrowscope.evaluation.counts.patients import evaluate_patients

    result = evaluate_patients(reports, truth)
    if plots is not None:
        from marrowscope.evaluation.plots.counts import draw_patients

        for path in draw_patients(result, plots):
            say(f"Drawn: {path}")
    headline = (
        "confusion", "sensitivity", "specificity", "decided", "interval_coverage",
        "adjusted_interval_coverage", "within_both_errors", "adjusted_within_both_errors", "agreement",
        "adjusted_agreement", "sides", "adjusted_sides", "errors",
    )  # fmt: skip
    _print(result.to_json(), headline, as_json=as_json)


@app.command(
    "virtual",
    epilog="Example:  marrowscope evaluate virtual --cells CELLS_BY_TYPE=0.13 --part test --json",
)
@one_line_errors
def virtual(
    cells: Annotated[
        list[str] | None,
        typer.Option(
            help="FOLDER=MPP: folder with a sub-folder per cell type, and micrometres per pixel; repeatable."
        ),
    ] = None,
    part: Annotated[
        str, typer.Option(help="all, train, val or test: the set's own list, else blocks of names.")
    ] = "all",
    drawn: Annotated[
        int, typer.Option(min=0, help="Number of synthetic smears to use instead of --cells.")
    ] = 0,
    counts: Annotated[int, typer.Option(min=2, help="Number of counts to compose.")] = 200,
    size: Annotated[int, typer.Option(min=1, help="Cells in each count.")] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the composition.")] = 0,
    bundle: BundleName = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for pictures, PNG and SVG.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Compose counts of known blast share from labelled cells, and test all steps up to the decision.

    Both networks read every cell once. Counts composed of one half of the cells are corrected by the error
    rates of the other half. Use cells that were not used in training.
    """
    from marrowscope.evaluation.counts.virtual import VirtualTest
    from marrowscope.models.bundle import load_bundle

    if bool(cells) == bool(drawn):
        raise InputError("give either --cells FOLDER=MPP or --drawn SMEARS")
    sets = dict(map(_folder_and_mpp, cells or []))
    test = VirtualTest(Path(), sets, part, drawn, counts=counts, cells=size, seed=seed)
    result = test.measure(load_bundle(bundle), threads, _counter("cells" if cells else "smears"))
    if plots is not None:
        from marrowscope.evaluation.plots.counts import draw_virtual

        for path in draw_virtual(result, plots):
            say(f"Drawn: {path}")
    headline = ("counted", "corrected", "corrected_interval_coverage", "wrong_beyond_doubt", "all", "nine")
    _print(result.to_json(), headline, as_json=as_json)


def _folder_and_mpp(text: str) -> tuple[str, float]:
    from marrowscope.domain.scale import LARGEST_MPP, LEAST_MPP

    folder, mark, mpp = text.rpartition("=")
    try:
        if mark and LEAST_MPP <= float(mpp) <= LARGEST_MPP:
            return folder, float(mpp)
    except ValueError:
        pass
    raise InputError(f"--cells {text}: write FOLDER=MPP, such as cells/pbc=0.13")


@app.command(
    "bundle", epilog="Example:  marrowscope evaluate bundle my-bundle/ --plan plan.toml --data DATA/"
)
@one_line_errors
def bundle_figures(
    bundle: Annotated[str, typer.Argument(help="A built-in name or a folder.", show_default=False)],
    plan: Annotated[Path, typer.Option(help="TOML file that lists sets, their roles, and bars to reach.")],
    data: Annotated[Path, typer.Option(help="Folder that contains the plan's folders.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder to write to; by default the bundle, whose digests are renewed."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Run only this kind of evaluation and keep the other results; repeatable."),
    ] = None,
    plots: _Plots = None,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print metrics.json.")] = False,
) -> None:
    """Measure a bundle on all sets of a plan, and write metrics.json and MODEL_CARD.md."""
    import json

    from marrowscope.evaluation.card.model_card import (
        renew_metrics,
        write_metrics,
        write_model_card,
    )
    from marrowscope.evaluation.card.plan import measure_plan
    from marrowscope.models.bundle import load_bundle, write_sums

    loaded = load_bundle(bundle)
    evaluations = measure_plan(loaded, plan, data, threads, say, only=only or ())
    if plots is not None:
        from marrowscope.evaluation.plots.evaluations import draw_evaluations

        draw_evaluations(evaluations, plots)
    metrics = (renew_metrics if only else write_metrics)(loaded, evaluations, out)
    card = write_model_card(loaded, out)
    if out is None:
        write_sums(loaded.folder)
    if as_json:
        print_json(json.loads(metrics.read_text("utf-8")))
        return
    for evaluation in evaluations:
        for bar in evaluation.bars:
            typer.echo(
                f"{'met' if bar['met'] else 'NOT MET'}: {bar['what']}, measured {_short(bar['measured'])}"
            )
    typer.echo(card)


def _counter(what: str) -> "Callable[[int, int], None]":
    """Return a function that shows progress on stderr if it is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)

    def show(done: int, total: int) -> None:
        if console.is_terminal:
            console.print(f"{done} of {total} {what}", end="\r", highlight=False)

    return show


def _print(document: dict[str, Any], headline: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    for name in headline:
        typer.echo(f"{name}: {_short(document[name])}")


def _short(value: Any) -> Any:
    """Round figures and leave out long lists, for printing."""
    if isinstance(value, float):
        return float(round(value, 4))
    if isinstance(value, list):
        return [_short(v) for v in value]
    if isinstance(value, dict):
        return {k: _short(v) for k, v in value.items() if not isinstance(v, list) or len(v) <= 3}
    return value
