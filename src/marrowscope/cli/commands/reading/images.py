"""``marrowscope detect`` and ``classify``: single images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowscope.cli.console import fail, one_line_errors, print_json, say
from marrowscope.cli.options import AsJson, BundleName
from marrowscope.domain.quantity import quantity
from marrowscope.domain.scale import LARGEST_MPP, LEAST_MPP
from marrowscope.errors import ImageError

if TYPE_CHECKING:
    from marrowscope.domain.cells import Cells, Detections

DETECT_EXAMPLE = "Example:  marrowscope detect field.jpg --json"
CLASSIFY_EXAMPLE = "Example:  marrowscope classify field.jpg --mpp 0.1"

_Images = Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)]
_Mpp = Annotated[
    float | None,
    typer.Option(min=LEAST_MPP, max=LARGEST_MPP, help="Micrometres per pixel; by default measured."),
]


@one_line_errors
def detect(images: _Images, bundle: BundleName = None, mpp: _Mpp = None, as_json: AsJson = False) -> None:
    """Find the leukocytes in images, each with a box in pixels and a confidence."""
    from marrowscope import api

    networks = api.load_bundle(bundle)
    _each(images, lambda path: _boxes(api.detect(path, bundle=networks, mpp=mpp)), as_json=as_json)


@one_line_errors
def classify(images: _Images, bundle: BundleName = None, mpp: _Mpp = None, as_json: AsJson = False) -> None:
    """Find and name the leukocytes in images."""
    from marrowscope import api

    networks = api.load_bundle(bundle)
    _each(images, lambda path: _named(api.classify(path, bundle=networks, mpp=mpp)), as_json=as_json)


def _each(images: list[Path], rows_of: Any, *, as_json: bool) -> None:
    """Print the results for each image; an unreadable one does not stop the others."""
    answers: list[dict[str, Any]] = []
    failures = 0
    for path in images:
        try:
            answers.append({"image": str(path), "cells": rows_of(path)})
        except ImageError as error:
            failures += 1
            answers.append({"image": str(path), "error": str(error), "cells": []})
            where = "" if str(path) in str(error) else f"{path}: "
            say(f"marrowscope: {where}{error}")
    if as_json:
        print_json(answers)
    else:
        for answer in answers:
            if "error" not in answer:
                _print_rows(answer)
    if failures:
        fail(f"{failures} of {quantity(len(images), 'image')} could not be read", ImageError.exit_code)


def _boxes(found: "Detections") -> list[dict[str, Any]]:
    return [
        {"box": [round(float(v), 1) for v in box], "score": round(float(score), 4)}
        for box, score in zip(found.boxes, found.scores, strict=True)
    ]


def _named(cells: "Cells") -> list[dict[str, Any]]:
    return [
        {
            "box": [round(v, 1) for v in cell.box],
            "score": round(cell.score, 4),
            "cell_type": cell.cell_type,
            "probability": round(cell.probability, 4),
            "p_blast": round(cell.p_blast, 4),
            "is_blast": cell.is_blast,
            "counted": cell.is_counted,
            "flags": list(cell.flags),
        }
        for cell in cells
    ]


def _print_rows(answer: dict[str, Any]) -> None:
    rows = answer["cells"]
    typer.echo(f"{answer['image']}: {quantity(len(rows), 'cell')}")
    if rows:
        named = f"  {'cell type':<22}probability" if "cell_type" in rows[0] else ""
        typer.echo(f"  {'x0, px':>8} {'y0':>8} {'x1':>8} {'y1':>8}  score{named}")
    for row in rows:
        x0, y0, x1, y1 = row["box"]
        name = f"  {row['cell_type']:<22}{row['probability']:.2f}" if "cell_type" in row else ""
        typer.echo(f"  {x0:8.1f} {y0:8.1f} {x1:8.1f} {y1:8.1f}   {row['score']:.2f}{name}")
