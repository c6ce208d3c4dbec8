"""``marrowscope export``: a finished run in the formats of other programs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.console import one_line_errors, say
from marrowscope.domain.quantity import quantity

EXAMPLE = (
    "Example:  marrowscope export results/ --format geojson -o qupath/\n\n"
    "Example:  marrowscope export results/ --format coco -o coco/annotations.json --images patients/"
)


class ExportFormat(StrEnum):
    """Formats of the command, by their contract."""

    GEOJSON = "geojson"
    COCO = "coco"
    YOLO = "yolo"
    VOC = "voc"
    FHIR = "fhir"
    HL7 = "hl7"
    DICOM = "dicom"
    PDF = "pdf"
    HTML = "html"
    XLSX = "xlsx"


@one_line_errors
def export(
    results: Annotated[Path, typer.Argument(help="Folder of a finished run or batch.", show_default=False)],
    format_name: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="geojson (QuPath), coco, yolo and voc (Pascal VOC) are cells in images; fhir (R4), hl7 "
            "(v2.5.1) and dicom are reports for a hospital's systems; pdf, html and xlsx are for people.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="File to write; a new folder for geojson, yolo, voc and dicom.",
            show_default=False,
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            help="What was analysed: the images are copied to where geojson, coco, yolo and voc want them; "
            "for dicom they are written as DICOM, too.",
            show_default=False,
        ),
    ] = None,
    laboratory: Annotated[
        Path | None,
        typer.Option(
            help="TOML file with name, address, reference ranges and systems of identifiers, instead of the "
            "run's.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over what is there.")] = False,
) -> None:
    """Write a finished run in another program's format.

    Names are those in force: a reader's where there is one, else the networks'.
    """
    from marrowscope.finished.exporting import export_results

    written = export_results(
        results, format_name.value, out, images=images, laboratory=laboratory, overwrite=overwrite
    )
    if written.turned:
        say(written.turned)
    copied = f", {quantity(written.copied, 'image')}" if written.copied else ""
    typer.echo(f"{written.path}: {quantity(written.patients, 'patient')}{copied}")
