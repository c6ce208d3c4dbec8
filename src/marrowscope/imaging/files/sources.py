"""The images of each patient: found in folders, files, ZIP archives or a manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from marrowscope.domain.case.details import NOTHING_STATED, CaseDetails, joined
from marrowscope.errors import InputError
from marrowscope.imaging.field_source import FieldSource, Source
from marrowscope.imaging.files.archives import list_members, member_parts, read_head
from marrowscope.imaging.files.formats import (
    DICOM,
    HEAD_BYTES,
    IMAGE_SUFFIXES,
    READ_NAMES,
    SLIDE_SUFFIXES,
    is_image_file,
    is_image_member,
    may_be_image,
    recognise,
)
from marrowscope.imaging.files.manifest import ManifestRow, rows_by_patient
from marrowscope.imaging.names import absolute, distinct, natural_key, safe_name, shortened, shown, too_long

__all__ = [
    "FieldSource",
    "PatientSource",
    "Source",
    "archive_source",
    "discover",
    "safe_name",
]

RECORD_FOLDER: Final = ".marrowscope"
"""Folder below the output folder in which a run records finished fields."""

_RESULT_FILES: Final = ("run.json", "patients.csv")


@dataclass(frozen=True, slots=True)
class PatientSource:
    """One patient's fields in natural order.

    `truth` is the state given in the manifest, if any. `problems` are lines for the patient's row.
    `passed_over` are names of files among the fields that are no images as far as is known, nor documents.
    `details` is what the manifest states about the case.
    """

    patient: str
    fields: tuple[FieldSource, ...]
    truth: str | None = None
    problems: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    details: CaseDetails = NOTHING_STATED


def _is_no_type(_: str) -> bool:
    return False


def discover(
    inputs: Sequence[Path],
    *,
    manifest: Path | None = None,
    names_type: Callable[[str], bool] = _is_no_type,
) -> tuple[PatientSource, ...]:
    """Find the patients and their fields in `inputs`, without opening any image.

    - A folder without images of its own: every sub-folder (with everything below it) and every ZIP file is a
      patient.
    - A folder with images: one patient. If it also has sub-folders with images, each of them is a separate
      patient, as merging two patients would be the worse mistake; the patient's row says so.
    - A folder most of whose sub-folders are called like cell types, told by `names_type`: one patient.
    - Image files: one patient, named after the folder they share.
    - A whole slide is an image, too: the folder of a MIRAX slide belongs to its ``.mrxs`` file, and the DICOM
      files of a folder are one entry.
    - A ZIP file: the same as the folder it contains.
    - A CSV file, in `inputs` or as `manifest`: `patient,path[,truth]`, see module `manifest`.

    Hidden files and files that are not images are skipped. Different patients of the same name are numbered.

    Raises
    ------
    InputError
        An input does not exist, the manifest is malformed, or no image is found.
    """
    found: list[PatientSource] = []
    loose: list[Path] = []
    for path in dict.fromkeys(absolute(p) for p in inputs):
        if not path.exists():
            raise InputError(f"no such file or folder: {shown(str(path))}")
        if path.is_dir():
            found += _in_folder(path, names_type)
        elif is_image_file(path):
            loose.append(path)
        else:
            found += _in_other_file(path, names_type)
    if loose:
        found.append(_of_files(loose))
    if manifest is not None:
        found += _in_manifest(manifest)
    if not found:
        where = ", ".join(shown(str(path)) for path in inputs)
        raise InputError(f"no {READ_NAMES} images found{f' in {where}' if where else ''}")
    return _with_distinct_names(found)


def archive_source(archive: Path, name: str) -> PatientSource:
    """Find the images of a ZIP file that belongs to one patient, without opening any image.

    Field names begin with `name`, as they begin with the archive's name in a patient's folder.
    """
    tree = _Tree()
    _add_archive(tree, archive, member_parts(name))
    return _patient(shown(name), tree)


@dataclass(slots=True)
class _Tree:
    """Images below one root, as (parts of the relative path, source), and what else was found there."""

    leaves: list[tuple[tuple[str, ...], FieldSource]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    top_archives: list[Path] = field(default_factory=list)
    problems: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    others: list[tuple[str, ...]] = field(default_factory=list)


def _in_folder(root: Path, names_type: Callable[[str], bool]) -> list[PatientSource]:
    tree = _walk(root)
    is_one_patient = any(len(parts) == 1 for parts, _ in tree.leaves) and not _nested(tree)
    if is_one_patient or _is_sorted(tree, names_type):
        for archive in tree.top_archives:
            _add_archive(tree, archive, (archive.name,))
        return [_patient(shown(root.name), tree)]
    patients = _split(tree, shown(root.name))
    for archive in tree.top_archives:
        patients += _in_archive(archive, names_type)
    return sorted(patients, key=lambda patient: natural_key(patient.patient))


def _in_archive(archive: Path, names_type: Callable[[str], bool]) -> list[PatientSource]:
    tree = _Tree()
    _add_archive(tree, archive, ())
    name = shown(archive.stem)
    first_folders = {parts[0] for parts, _ in tree.leaves if len(parts) > 1}
    is_wrapped = len(first_folders) == 1 and all(len(parts) > 2 for parts, _ in tree.leaves)
    if is_wrapped:  # the folder of a cohort was compressed, not its contents
        tree.leaves = [(parts[1:], source) for parts, source in tree.leaves]
        tree.others = [parts[1:] or parts for parts in tree.others]
        tree.problems = [(parts[1:], line) for parts, line in tree.problems]
    if not _nested(tree) or _is_sorted(tree, names_type):
        return [_patient(name, tree)]
    tree.folders = sorted({parts[0] for parts, _ in tree.leaves if len(parts) > 1}, key=natural_key)
    return _split(tree, name)


def _in_other_file(path: Path, names_type: Callable[[str], bool]) -> list[PatientSource]:
    if path.suffix.lower() == ".zip":
        return _in_archive(path, names_type)
    if path.suffix.lower() == ".csv":
        return _in_manifest(path)
    raise InputError(
        f"neither a folder, a {READ_NAMES} image, a ZIP archive nor a CSV manifest: {shown(str(path))}"
    )


def _split(tree: _Tree, name: str) -> list[PatientSource]:
    """Make each folder directly below the root a patient; images beside them are one more, with a note."""
    patients = []
    general = [(parts, line) for parts, line in tree.problems if not parts or parts[0] not in tree.folders]
    for folder in tree.folders:
        own = _Tree(
            leaves=[leaf for leaf in tree.leaves if leaf[0][0] == folder and len(leaf[0]) > 1],
            problems=[problem for problem in tree.problems if problem[0][:1] == (folder,)],
            others=[parts for parts in tree.others if parts[0] == folder and len(parts) > 1],
        )
        patients.append(_patient(shown(folder), own, skip=1))
    loose = [parts for parts in tree.others if len(parts) == 1 or parts[0] not in tree.folders]
    beside = [leaf for leaf in tree.leaves if len(leaf[0]) == 1]
    if beside:
        line = "these images lie beside the patients' folders; taken as a patient of their own"
        patients.append(_patient(name, _Tree(beside, problems=[*general, ((), line)], others=loose)))
    elif patients:
        told = [f"{shown('/'.join(each))}, beside the patients' folders, is not an image" for each in loose]
        lines = (*patients[0].problems, *(line for _, line in general), *told)
        patients[0] = replace(patients[0], problems=lines)
    return patients


def _patient(name: str, tree: _Tree, *, skip: int = 0) -> PatientSource:
    """Return one patient with a tree's images; the first `skip` parts of paths are the patient's folder."""
    _join_dicom(tree)
    fields: dict[str, FieldSource] = {}
    seen: set[tuple[Path, str | None]] = set()
    for parts, source in sorted(tree.leaves, key=lambda leaf: [natural_key(part) for part in leaf[0]]):
        if (source.path, source.member) in seen:  # a manifest may name a folder and an image inside it
            continue
        seen.add((source.path, source.member))
        label = distinct(shown("/".join(parts[skip:])), fields)
        fields[label] = replace(source, name=label)
    lines = list(dict.fromkeys(line for _, line in tree.problems))
    if (fault := too_long(name)) is not None:
        lines.append(f"the patient's name is shortened: {fault}")
    if not fields:
        lines.append(f"no {READ_NAMES} images found")
    passed_over = sorted((shown("/".join(parts[skip:])) for parts in tree.others), key=natural_key)
    return PatientSource(shortened(name), tuple(fields.values()), None, tuple(lines), tuple(passed_over))


def _join_dicom(tree: _Tree) -> None:
    """Make one entry of the DICOM files of a folder: a slide has one for each of its levels."""
    first: dict[Path, int] = {}
    kept: list[tuple[tuple[str, ...], FieldSource]] = []
    for parts, source in sorted(tree.leaves, key=lambda leaf: [natural_key(part) for part in leaf[0]]):
        if source.member is not None or not _is_dicom(source):
            kept.append((parts, source))
        elif source.path.parent not in first:
            first[source.path.parent] = len(kept)
            kept.append((parts, source))
        else:
            place = first[source.path.parent]
            slide = kept[place][1]
            kept[place] = kept[place][0], replace(slide, companions=(*slide.companions, source.path))
    tree.leaves = kept


def _is_dicom(source: FieldSource) -> bool:
    has_own_suffix = Path(source.name).suffix.lower() in IMAGE_SUFFIXES | SLIDE_SUFFIXES
    return not has_own_suffix and recognise(source.head(HEAD_BYTES)) is DICOM


def _of_files(paths: Sequence[Path]) -> PatientSource:
    common = Path(os.path.commonpath([path.parent for path in paths]))
    leaves = [(path.relative_to(common).parts, FieldSource(path.name, path)) for path in paths]
    return _patient(shown(common.name) or "patient", _Tree(leaves=leaves))


def _in_manifest(path: Path) -> list[PatientSource]:
    rows = rows_by_patient(path)
    remote = next((row.place for own in rows.values() for row in own if row.is_remote), None)
    if remote is not None:
        raise InputError(f"only marrowscope batch reads images in object storage: {shown(remote)}")
    return [source_of_rows(patient, own) for patient, own in rows.items()]


def source_of_rows(patient: str, rows: Sequence[ManifestRow]) -> PatientSource:
    """Return a patient from their manifest rows; field names are relative to the folder the rows share."""
    paths = list(dict.fromkeys(row.path for row in rows))
    is_one_folder = len(paths) == 1 and paths[0].is_dir()
    common = paths[0] if is_one_folder else Path(os.path.commonpath([path.parent for path in paths]))
    tree = _Tree()
    for path in paths:
        _add_named(tree, path, path.relative_to(common).parts)
    stated = stated_in_rows(patient, rows)
    tree.problems += [((), line) for line in stated.problems]
    return replace(_patient(patient, tree), truth=stated.truth, details=stated.details)


def stated_in_rows(patient: str, rows: Sequence[ManifestRow]) -> PatientSource:
    """Return what manifest rows state of a patient, without their fields."""
    truths = list(dict.fromkeys(row.truth for row in rows if row.truth))
    problems = []
    if len(truths) > 1:
        problems.append(f"the manifest gives different truths: {', '.join(truths)}; the first is used")
    details = NOTHING_STATED
    for row in rows:
        details, contradicted = joined(details, row.details)
        problems += [
            f"the manifest gives different values of {name}; the first is used" for name in contradicted
        ]
    return PatientSource(
        shortened(patient), (), truths[0] if truths else None, tuple(problems), details=details
    )


def _add_named(tree: _Tree, path: Path, parts: tuple[str, ...]) -> None:
    if path.is_dir():
        below = _walk(path, parts)
        for archive in below.top_archives:
            _add_archive(below, archive, (*parts, archive.name))
        tree.leaves += below.leaves
        tree.problems += below.problems
        tree.others += below.others
    elif not path.exists():
        tree.problems.append(((), f"no such file or folder: {shown(str(path))}"))
    elif path.suffix.lower() == ".zip":
        _add_archive(tree, path, parts)
    elif is_image_file(path):
        tree.leaves.append((parts, FieldSource(path.name, path)))
    else:
        tree.problems.append(((), f"not a {READ_NAMES} image: {shown(str(path))}"))


def _walk(root: Path, prefix: tuple[str, ...] = ()) -> _Tree:
    """Find all images below `root`. Links are followed, but no folder is entered twice, so loops end."""
    tree = _Tree()
    entered = {_identity(root)}
    todo = [(root, prefix)]
    while todo:
        folder, parts = todo.pop()
        entries = list(_entries(folder, tree, parts))
        of_slides = {Path(entry.name).stem for entry in entries if entry.name.lower().endswith(".mrxs")}
        for entry in entries:
            own = (*parts, entry.name)
            path = Path(entry.path)
            if entry.is_dir():
                identity = _identity(path)
                # The folder of a MIRAX slide holds its parts, some of them JPEG files.
                if identity in entered or entry.name in of_slides or is_result(path):
                    continue
                entered.add(identity)
                todo.append((path, own))
                if folder == root:
                    tree.folders.append(entry.name)
            elif not entry.is_file():
                continue
            elif path.suffix.lower() == ".zip":
                if folder == root:
                    tree.top_archives.append(path)
                else:
                    _add_archive(tree, path, own)
            else:
                _sort_in(tree, own, FieldSource(entry.name, path), is_image_file(path))
    return tree


def _entries(folder: Path, tree: _Tree, parts: tuple[str, ...]) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as scan:
            entries = [entry for entry in scan if not entry.name.startswith(".")]
    except OSError as error:
        tree.problems.append((parts, f"the folder cannot be read: {error.strerror or error}"))
        return
    yield from sorted(entries, key=lambda entry: natural_key(entry.name))


def _add_archive(tree: _Tree, archive: Path, parts: tuple[str, ...]) -> None:
    listing = list_members(archive)
    tree.problems += [(parts, line) for line in listing.problems]
    for member in listing.members:
        inner = member_parts(member)
        if not inner or any(part.startswith(".") or part == "__MACOSX" for part in inner):
            continue
        if inner[-1].lower().endswith(".zip"):
            line = f"{shown(archive.name)}: the archive '{shown(member)}' inside it was not opened"
            tree.problems.append(((*parts, *inner), line))
        else:
            is_image = is_image_member(inner[-1], partial(read_head, archive, member, HEAD_BYTES))
            _sort_in(tree, (*parts, *inner), FieldSource(inner[-1], archive, member), is_image)


def _sort_in(tree: _Tree, parts: tuple[str, ...], source: FieldSource, is_image: bool) -> None:
    if is_image:
        tree.leaves.append((parts, source))
    elif may_be_image(source.name):
        tree.others.append(parts)


def _nested(tree: _Tree) -> bool:
    return any(len(parts) > 1 for parts, _ in tree.leaves)


def _is_sorted(tree: _Tree, names_type: Callable[[str], bool]) -> bool:
    folders = {parts[0] for parts, _ in tree.leaves if len(parts) > 1}
    return 2 * sum(map(names_type, folders)) > len(folders)


def is_result(folder: Path) -> bool:
    """Return whether the folder is a run's output, finished or not; its annotated pictures are not fields."""
    try:
        finished = all((folder / name).is_file() for name in _RESULT_FILES)
        return finished or (folder / RECORD_FOLDER).is_dir()
    except OSError:  # no access to the folder, which is reported when it is read
        return False


def _identity(folder: Path) -> tuple[int, int] | str:
    try:
        status = folder.stat()
    except OSError:
        return str(folder)
    return status.st_dev, status.st_ino


def _with_distinct_names(found: Sequence[PatientSource]) -> tuple[PatientSource, ...]:
    named: dict[str, PatientSource] = {}
    for source in found:
        name = distinct(source.patient, named)
        line = f"another patient is called '{source.patient}' too; this one is numbered"
        problems = source.problems if name == source.patient else (*source.problems, line)
        named[name] = replace(source, patient=name, problems=problems)
    return tuple(named.values())
