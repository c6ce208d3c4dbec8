"""A finished run in the formats of other programs, anywhere on disk."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from marrowscope.batches.records import is_batch
from marrowscope.errors import InputError
from marrowscope.exports.case.laboratory import read_laboratory
from marrowscope.exports.field.cells import turned_note
from marrowscope.exports.field.images import copy_images
from marrowscope.exports.formats import EXPORTS
from marrowscope.finished.opening import open_results
from marrowscope.imaging.names import absolute
from marrowscope.journal import Journal
from marrowscope.results import write_as

WITH_IMAGES = ("geojson", "coco", "yolo", "voc", "dicom")
"""Formats beside which images can be written."""
_PAGES = {"html": "report.html", "pdf": "report.pdf"}


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes
    ----------
    path : file or folder
    patients : number of patients in it
    copied : number of images copied beside it
    turned : a sentence about images whose boxes are turned back to how they are stored; empty if none is
    """

    path: Path
    patients: int
    copied: int
    turned: str


def export_results(
    results: Path,
    name: str,
    target: Path,
    *,
    images: Path | None = None,
    laboratory: Path | None = None,
    overwrite: bool = False,
) -> Written:
    """Write a finished run in one format, as a whole or not at all.

    Parameters
    ----------
    results : folder of a run or of a batch
    name : one of `EXPORTS`, ``html`` or ``pdf``
    target : file or folder to write; a file's usual name is used in a folder that is there
    images : what was analysed; its images are copied to where the format wants them
    laboratory : TOML file whose name, address, ranges and systems take the place of the run's
    overwrite : write over what is there

    Raises
    ------
    InputError
        There is no finished run, the target exists or cannot be written to, an image is missing or is another
        one than was analysed, or the format cannot say what the run holds.
    MissingExtraError
        The format needs an extra that is not installed.
    OSError
        The disk is full or fails.
    """
    report = open_results(results)
    if laboratory is not None:
        report = replace(report, laboratory=read_laboratory(laboratory))
    export = EXPORTS.get(name)
    is_folder = export is not None and export.is_folder
    usual = export.name if export is not None else _PAGES[name]
    path = target / usual if target.is_dir() and not is_folder else target
    _make_room(path, is_folder=is_folder, overwrite=overwrite)
    if images is not None and name not in WITH_IMAGES:
        raise InputError(f"{name} takes no images: --images is for {', '.join(WITH_IMAGES)}")
    if export is None and is_batch(results):
        raise InputError(f"{name} is a report of one run: name a patient's folder in {results}")
    turned = turned_note(report) if name == "geojson" else ""
    copied = 0
    with _staged(path) as beside:
        if export is None:
            with Journal.of(results) as journal:
                write_as(report, journal, name, beside)
        else:
            export.write(report, beside)
        if images is not None and name == "dicom":
            from marrowscope.exports.hospital.dicom.images import write_images  # noqa: PLC0415  # an extra

            copied = write_images(report, images, beside)
        elif images is not None and export is not None and export.images is not None:
            copied = copy_images(report, images, (beside if is_folder else beside.parent) / export.images)
    return Written(path, len(report.patients), copied, turned)


def _make_room(path: Path, *, is_folder: bool, overwrite: bool) -> None:
    """Refuse to write over anything unless asked to."""
    if is_folder and path.is_file():
        raise InputError(f"{path} is a file, and a folder is to be written")
    is_taken = any(path.iterdir()) if path.is_dir() else path.exists()
    if is_taken and not overwrite:
        raise InputError(f"{path} exists: choose another place, or --overwrite")


@contextmanager
def _staged(path: Path) -> Iterator[Path]:
    """Yield a path of the same name to write to; move it, and what lies beside it, to its place in the end.

    Files that are there already and are not written anew stay.
    """
    place = absolute(path)  # `..` and `.` have no name of their own
    there = next(folder for folder in place.parents if folder.exists())
    try:
        scratch = tempfile.TemporaryDirectory(dir=there, prefix=".marrowscope-")
    except OSError as error:
        raise InputError(f"cannot write to {path}: {error.strerror or error}") from error
    with scratch as name:
        beside = Path(name) / place.name
        yield beside
        for file in sorted(each for each in Path(name).rglob("*") if each.is_file()):
            target = place.parent / file.relative_to(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
