"""``marrowscope train``: training of both networks on your own images."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from marrowscope.cli.console import INTERRUPTED, fail, one_line_errors, say
from marrowscope.errors import InputError, MissingExtraError

app = typer.Typer(
    help="Train the detector or the classifier on labelled images.",
    no_args_is_help=True,
    epilog="Example:  marrowscope train detector --data FIELDS/ --layout voc --mpp 0.1 -o run/",
)

_Data = Annotated[
    Path,
    typer.Option(help="Folder of labelled images; with --recipe, where its folders are.", show_default=False),
]
_Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for checkpoints and the network.")]
_Recipe = Annotated[Path | None, typer.Option(help="TOML file with sources and schedule.")]
_From = Annotated[
    str | None,
    typer.Option("--from", help="Bundle to start from: a folder, or 'builtin'.", show_default=False),
]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a setting of the recipe, in TOML syntax: --set 'steps = 100'."),
]
_Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue from the checkpoint in --out, which must exist. The settings must be the same, except "
        "schedule, evaluations and threads.",
    ),
]


@app.command("detector", epilog="Example:  marrowscope train detector --data FIELDS/ --mpp 0.1 -o run/")
@one_line_errors
def detector(
    data: _Data,
    out: _Out = Path("detector-run"),
    recipe: _Recipe = None,
    layout: Annotated[
        str | None,
        typer.Option(help="Layout of --data without a recipe: voc, yolo, coco.", show_default="voc"),
    ] = None,
    mpp: Annotated[
        float | None, typer.Option(help="Micrometres per pixel of --data without a recipe.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps without a recipe.", show_default="2000")
    ] = None,
    init: Annotated[Path | None, typer.Option(help="Starting weights (.npz of named arrays).")] = None,
    changes: _Set = None,
    start_from: _From = None,
    resume: _Resume = False,
) -> None:
    """Train YOLOX-Nano on fields with boxes."""
    if init is not None and start_from is not None:
        raise InputError("give --init or --from, not both: a network starts from one of them")
    table = _changed(changes)
    if init is not None:
        table |= {"start": "weights", "weights": str(init.absolute())}
    if start_from is not None:
        table |= {"start": "bundle", "bundle": start_from}
    _refuse_with_recipe(recipe, {"--layout": layout, "--mpp": mpp, "--steps": steps})
    MissingExtraError.unless_found("training", "train", "torch")
    from marrowscope.training.detector.recipe import DetectorRecipe
    from marrowscope.training.detector.train import train_detector

    if recipe is not None:
        settings = DetectorRecipe.from_toml(recipe, data, table)
    elif mpp is not None:
        schedule = {} if steps is None else {"steps": steps}
        settings = DetectorRecipe.from_folder(data, layout or "voc", mpp, schedule | table)
    else:
        raise InputError("give --mpp (micrometres per pixel of the images) or a --recipe")
    _finish(lambda: train_detector(settings, out, resume=resume, progress=_say_record), out)


@app.command(
    "classifier",
    epilog="Example:  marrowscope train classifier --from builtin --data MY_CELLS_BY_TYPE/ -o my-run/",
)
@one_line_errors
def classifier(
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of labelled images; with --recipe, where its folders are.", show_default=False
        ),
    ] = None,
    recipe: _Recipe = None,
    out: _Out = Path("classifier-run"),
    start_from: _From = None,
    mpp: Annotated[
        float | None, typer.Option(help="Micrometres per pixel of --data without a recipe, if known.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="If --data is a reviewed cells.csv: the images that were analysed.")
    ] = None,
    reviews: Annotated[
        list[Path] | None,
        typer.Option(help="training.zip of cells reviewed in the service; repeatable."),
    ] = None,
    changes: _Set = None,
    resume: _Resume = False,
) -> None:
    """Train the two-headed EfficientNet-B3, or adapt that of a bundle to the cells of a laboratory.

    With --recipe, the whole network is trained. With --from alone, only its heads are adapted, which takes
    minutes. DATA is then a folder with a sub-folder of single-cell images per type (leukocyte_not_blast: type
    unknown), or the cells.csv of an analysis with a column reviewed_type, and --images are the images
    analysed. Cells reviewed in the service are given by --reviews, with or without DATA. Adapting accepts
    neither --set nor --resume.
    """
    if recipe is None and start_from is None:
        raise InputError("give a --recipe to train by, or --from a bundle to adapt")
    _refuse_with_recipe(recipe, {"--mpp": mpp, "--images": images})
    if reviews and recipe is not None:
        raise InputError("--reviews can only be used to adapt a bundle (--from), not with --recipe")
    if recipe is None:
        _refuse_in_adapting({"--set": changes, "--resume": resume})
        if data is None and not reviews:
            raise InputError("give --data or --reviews to learn from")
        MissingExtraError.unless_found("adapting", "adapt", "onnx")
        from marrowscope.training.adapting.adapt import adapt_classifier

        network = adapt_classifier(
            data,
            out,
            images=images,
            reviews=reviews or (),
            bundle=start_from,
            mpp=mpp,
            progress=_say_record,
        )
        typer.echo(network)
        return
    if data is None:
        raise InputError("give --data, the folder that contains the folders of the recipe")
    MissingExtraError.unless_found("training", "train", "torch")
    from marrowscope.training.classifier.recipe import ClassifierRecipe
    from marrowscope.training.classifier.train import train_classifier

    table = _changed(changes)
    if start_from is not None:
        table |= {"start": "bundle", "bundle": start_from}
    settings = ClassifierRecipe.from_toml(recipe, data, table)
    _finish(lambda: train_classifier(settings, out, resume=resume, progress=_say_record), out)


def _finish(train: Callable[[], Path], out: Path) -> None:
    try:
        network = train()
    except KeyboardInterrupt:
        fail(f"stopped; continue from {out} with --resume", INTERRUPTED)
    typer.echo(network)


def _refuse_with_recipe(recipe: Path | None, options: dict[str, Any]) -> None:
    """Refuse what a recipe states itself."""
    given = [name for name, value in options.items() if value is not None]
    if recipe is not None and given:
        raise InputError(f"a --recipe states this itself: leave out {', '.join(given)} (or use --set)")


def _refuse_in_adapting(options: dict[str, Any]) -> None:
    """Refuse what only a training by a recipe knows."""
    given = [name for name, value in options.items() if value]
    if given:
        raise InputError(f"adapting takes no {' and no '.join(given)}: only a training by --recipe does")


def _changed(changes: list[str] | None) -> dict[str, Any]:
    """Return the settings given by --set."""
    try:
        return tomllib.loads("\n".join(changes or ()))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"--set must be NAME = VALUE in TOML syntax ({error})") from error


def _say_record(record: dict[str, Any]) -> None:
    say(json.dumps(record))
