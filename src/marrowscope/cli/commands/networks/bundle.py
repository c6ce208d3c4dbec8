"""``marrowscope bundle``: bundles of networks and their settings."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.console import one_line_errors, print_json
from marrowscope.cli.options import AsJson

app = typer.Typer(
    help="List, show, build and verify model bundles.",
    no_args_is_help=True,
    epilog="Example:  marrowscope bundle verify builtin",
)

_Which = Annotated[str | None, typer.Argument(help="A built-in name or a folder.", show_default="builtin")]


@app.command("list", epilog="Example:  marrowscope bundle list")
@one_line_errors
def list_bundles(as_json: AsJson = False) -> None:
    """List the built-in bundles."""
    from marrowscope.models.bundle import list_builtin, load_bundle

    bundles = [load_bundle(name) for name in list_builtin()]
    if as_json:
        print_json([{"name": b.name, "version": b.version, "sha256": b.sha256} for b in bundles])
        return
    for bundle in bundles:
        typer.echo(f"{bundle.name}  {bundle.version}  {bundle.licence}  sha256 {bundle.sha256}")


@app.command("show", epilog="Example:  marrowscope bundle show --json")
@one_line_errors
def show(bundle: _Which = None, as_json: AsJson = False) -> None:
    """Show a bundle's settings and its model card."""
    from marrowscope.models.bundle import load_bundle

    loaded = load_bundle(bundle)
    if as_json:
        document = asdict(loaded)
        document["folder"] = str(loaded.folder)
        print_json(document)
        return
    typer.echo(f"{loaded.title}  sha256 {loaded.sha256}\n")
    card = loaded.folder / "MODEL_CARD.md"
    typer.echo(card.read_text("utf-8") if card.is_file() else Path(loaded.folder / "bundle.toml").read_text())


@app.command(
    "build", epilog="Example:  marrowscope bundle build --detector run1/ --classifier run2/ -o my-bundle/"
)
@one_line_errors
def build(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the bundle.", show_default=False)],
    detector: Annotated[Path | None, typer.Option(help="Folder of a finished detector training.")] = None,
    classifier: Annotated[Path | None, typer.Option(help="Folder of a finished classifier training.")] = None,
    base: Annotated[
        str | None, typer.Option("--from", help="Bundle that provides the network not newly trained.")
    ] = None,
    left_out: Annotated[
        Path | None, typer.Option(help="Figures of laboratories left out, written by runs/folds.py.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the bundle.")] = "my-bundle",
    version: Annotated[str, typer.Option(help="Version of the bundle.")] = "1",
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "Apache-2.0",
) -> None:
    """Combine trained networks into a bundle, which every command accepts as --bundle."""
    from marrowscope.training.release import bundle_of_runs

    made = bundle_of_runs(
        out, detector, classifier, base, left_out=left_out, name=name, version=version, licence=licence
    )
    typer.echo(f"{made.folder}  {made.title}  sha256 {made.sha256}")


@app.command("verify", epilog="Example:  marrowscope bundle verify my-bundle/")
@one_line_errors
def verify(bundle: _Which = None, as_json: AsJson = False) -> None:
    """Check all files of a bundle against their digests, and that both networks run."""
    import numpy as np

    from marrowscope.models.bundle import load_bundle
    from marrowscope.models.classifier import Classifier
    from marrowscope.models.detector import Detector

    loaded = load_bundle(bundle)
    blank = np.full((64, 64, 3), 230, np.uint8)
    Detector(loaded)(blank)
    answers = Classifier(loaded)(blank, np.asarray([[8, 8, 56, 56]], np.float32))
    sums_to_one = bool(abs(float(answers.probabilities.sum()) - 1) < 1e-4)
    if as_json:
        print_json({"bundle": loaded.title, "sha256": loaded.sha256, "intact": sums_to_one})
    else:
        typer.echo(f"{loaded.title}: all files are as released, both networks run. sha256 {loaded.sha256}")
