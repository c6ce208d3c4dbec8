"""What there is to read of a patient: files digested and taken apart, fields that repeat others settled."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from marrowscope.datasets.names import type_of_folder
from marrowscope.domain.patient import FieldReading, FieldStatus, SlideReading
from marrowscope.domain.quantity import quantity
from marrowscope.domain.repeats import FirstCopies, same_field
from marrowscope.errors import ImageError
from marrowscope.exports.atomic import write_atomic
from marrowscope.imaging.files.decode import DecodeLimits, decode, fields_of
from marrowscope.imaging.files.sources import FieldSource, PatientSource
from marrowscope.imaging.names import distinct, shortened, too_long
from marrowscope.imaging.repeats.fields import Sketch, same_fields, sharpness, sketch
from marrowscope.imaging.slides.opening import SlideFiles, open_slide, readable, slides_of
from marrowscope.imaging.slides.survey import Survey, survey, survey_path
from marrowscope.imaging.slides.tiles import TileOrder, ranks, tiles_of
from marrowscope.pipeline import FieldTask, failed

SORTED_BY_TYPE = "This looks like single cells sorted by type: use --single-cells."
"""Note on a patient whose images are read as whole fields, neighbours and all."""


NO_MONOLAYER = "on this slide no area was found in which cells lie in one layer and can be counted"


@dataclass(frozen=True, eq=False)
class SeenSlide:
    """A slide that can be read.

    Attributes
    ----------
    source : where it is
    files : all its files
    sha256 : digest of these
    survey : where its cells can be counted
    """

    source: FieldSource
    files: SlideFiles
    sha256: str
    survey: Survey

    def reading(self, tiles: Iterable[FieldReading]) -> SlideReading:
        """Return how much of the slide was counted, given the tiles that were read."""
        own = Counter(tile.status for tile in tiles if tile.slide == self.source.name)
        found = self.survey
        return SlideReading(
            name=self.source.name,
            sha256=self.sha256,
            width=found.width,
            height=found.height,
            mpp=found.mpp,
            countable_mm2=found.countable_mm2,
            counted_mm2=own[FieldStatus.READ] * found.tile_mm2,
            tiles=len(found.tiles),
            tiles_counted=own[FieldStatus.READ],
            tiles_unfit=own[FieldStatus.UNFIT],
            megakaryocytes=found.megakaryocytes,
        )


@dataclass(frozen=True)
class Plan:
    """What there is to read of one patient, and what is settled without reading.

    Attributes
    ----------
    source : the patient
    names : of all fields but tiles in the order of the report; a file of several fields has one for each
    tasks : fields to read
    settled : name → reading of a field that is not read: broken, or shown by another file, too
    notes : lines for the patient's row
    slides : whole slides
    tiles : their tiles, in the order in which they are to be read
    """

    source: PatientSource
    names: tuple[str, ...]
    tasks: tuple[FieldTask, ...]
    settled: Mapping[str, FieldReading]
    notes: tuple[str, ...] = ()
    slides: tuple[SeenSlide, ...] = ()
    tiles: tuple[FieldTask, ...] = ()

    @property
    def fields(self) -> tuple[FieldTask, ...]:
        """All that could be read, tiles last."""
        return (*self.tasks, *self.tiles)


@dataclass(frozen=True, eq=False)
class Seen:
    """A field that can be read, and what it is compared by.

    Attributes
    ----------
    source : where it is now
    sha256 : digest of its bytes
    pixels : how many it has
    sharpness, sketch : see `imaging.repeats.fields`
    """

    source: FieldSource
    sha256: str
    pixels: int
    sharpness: float
    sketch: Sketch


@dataclass(frozen=True)
class Unreadable:
    """A file that cannot be read, and why; `sha256` is empty where not even its bytes can."""

    source: FieldSource
    reason: str
    sha256: str = ""


Looked = Seen | SeenSlide | Unreadable
Look = Callable[[FieldSource], Iterable[Looked]]
"""Looks at one file: `look`, wherever it runs."""


@dataclass
class _Draft:
    names: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    seen: list[tuple[FieldTask, Seen]] = field(default_factory=list)
    slides: list[SeenSlide] = field(default_factory=list)
    settled: dict[str, FieldReading] = field(default_factory=dict)
    taken_apart: int = 0
    copies: FirstCopies = field(default_factory=FirstCopies)


def plan_patient(
    source: PatientSource,
    look_at: Look,
    listener: Callable[[str], None],
    *,
    single_cells: bool = False,
    order: TileOrder = TileOrder.RANDOM,
) -> Plan:
    """Look at all files of a patient.

    Equal files are counted once, and so is a field that several files show: in another format, smaller,
    brighter or out of focus. Of these the largest is read, of equally large ones the sharpest.

    Parameters
    ----------
    source : the patient's files
    look_at : looks at one of them
    listener : told the name of every file
    single_cells : the images are of single cells
    order : in which tiles of slides are read
    """
    draft = _Draft()
    for entry in source.fields:
        listener(entry.name)
        found = tuple(look_at(entry))
        draft.taken_apart += sum(isinstance(each, Seen) for each in found) > 1
        for each in found:
            _add(draft, source.patient, each)
    tasks = _settle_repeats(draft)
    notes = []
    if draft.taken_apart:
        files = "1 file held" if draft.taken_apart == 1 else f"{draft.taken_apart} files held"
        notes.append(f"{files} several fields; each was read.")
    notes += _on_names(source) if single_cells else _on_sorting(source)
    tiles = _tiles(source.patient, draft.slides, order)
    return Plan(
        source, tuple(draft.names), tasks, draft.settled, tuple(notes), tuple(draft.slides), tuple(tiles)
    )


def _tiles(patient: str, slides: Sequence[SeenSlide], order: TileOrder) -> list[FieldTask]:
    """Return the tiles of a patient's slides in the order in which they are read."""
    ranked = [
        (rank, FieldTask(patient, tile, tile.sha256))
        for slide in slides
        for rank, tile in zip(
            ranks(slide.sha256, slide.survey, order),
            tiles_of(slide.source.name, slide.files, slide.sha256, slide.survey),
            strict=True,
        )
    ]
    return [task for _, task in sorted(ranked, key=lambda entry: entry[0])]


def _on_names(source: PatientSource) -> list[str]:
    """Say which folders beside those of cell types give no signed name."""
    parents = (PurePosixPath(entry.name).parent.name for entry in source.fields)
    folders = Counter(name for name in parents if name)
    unknown = {name: number for name, number in folders.items() if type_of_folder(name) is None}
    if not unknown or len(unknown) == len(folders):  # all: slides, and nothing is signed here
        return []
    listed = ", ".join(f"{name} ({quantity(number, 'image')})" for name, number in sorted(unknown.items()))
    return [f"Folders that name no known cell type, so that nothing is signed there: {listed}."]


def _on_sorting(source: PatientSource) -> list[str]:
    """Say so where most images lie in folders called like cell types."""
    named = sum(type_of_folder(_folder(entry)) is not None for entry in source.fields)
    return [SORTED_BY_TYPE] if 2 * named > len(source.fields) else []


def _folder(entry: FieldSource) -> str:
    inside = PurePosixPath(entry.name).parent.name
    return inside or (entry.path.parent.name if entry.member is None else entry.path.stem)


def look(
    limits: DecodeLimits, parts: Path, entry: FieldSource, *, mpp: float | None = None
) -> tuple[Looked, ...]:
    """Look at one file, which takes as long as to decode it, or to survey a slide.

    Parameters
    ----------
    limits : what one image may cost
    parts : folder for the fields of a file that holds several, and for the surveys of slides
    entry : the file
    mpp : micrometres per pixel of a slide, where the user states it
    """
    fault = too_long(entry.name)
    if fault is not None:
        return (Unreadable(replace(entry, name=shortened(entry.name)), fault),)
    digest = ""
    try:
        slides = slides_of(entry, limits.max_pixels)
        if slides:
            return tuple(_look_at_slide(parts, entry, files, mpp) for files in slides)
        data = entry.read(limits)
        digest = _digest(data)
        found = []
        for number, part in enumerate(fields_of(data, limits=limits), start=1):
            sha256 = _digest(part)
            path = parts / f"{sha256}.tif"
            if not path.is_file():
                write_atomic(path, part)
            own = replace(entry, name=f"{entry.name}#{number}", path=path, member=None)
            found.append(_seen(own, sha256, part, limits))
        return tuple(found) or (_seen(entry, digest, data, limits),)
    except ImageError as error:
        return (Unreadable(entry, str(error), digest),)


def _look_at_slide(
    parts: Path, entry: FieldSource, files: SlideFiles, mpp: float | None
) -> SeenSlide | Unreadable:
    """Survey a slide, or take the survey that an interrupted run made."""
    name = (PurePosixPath(entry.name).parent / files.paths[0].name).as_posix()
    own = entry if files.paths[0] == entry.path else replace(entry, name=name, path=files.paths[0])
    digest = ""
    try:
        with readable():
            digest = files.digest()
            kept = survey_path(parts, digest)
            found = _kept_survey(kept)
            if found is None:
                found = _survey(files, mpp)
                write_atomic(kept, found.packed())
        return SeenSlide(own, files, digest, found)
    except ImageError as error:
        return Unreadable(own, str(error), digest)


def _survey(files: SlideFiles, mpp: float | None) -> Survey:
    slide = open_slide(files)
    try:
        return survey(slide, mpp)
    finally:
        slide.close()


def _kept_survey(path: Path) -> Survey | None:
    try:
        return Survey.unpacked(path.read_bytes())
    except (OSError, ValueError):  # not made yet, or damaged
        return None


def _seen(source: FieldSource, sha256: str, data: bytes, limits: DecodeLimits) -> Seen:
    pixels = decode(data, limits=limits).pixels
    size = pixels.shape[0] * pixels.shape[1]
    return Seen(source, sha256, size, sharpness(pixels), sketch(pixels))


def _add(draft: _Draft, patient: str, found: Looked) -> None:
    # A file may be called as a field of another file is: "a.tif#1".
    name = distinct(found.source.name, draft.taken)
    task = FieldTask(patient, replace(found.source, name=name), found.sha256)
    draft.taken.add(name)
    repeats = None if isinstance(found, Unreadable) else draft.copies.message(task.sha256, name)
    if isinstance(found, SeenSlide) and repeats is None and len(found.survey.tiles):
        draft.slides.append(replace(found, source=replace(found.source, name=name)))
        return
    draft.names.append(name)
    if isinstance(found, Unreadable):
        draft.settled[name] = failed(task, found.reason).reading
    elif repeats is not None:
        draft.settled[name] = _duplicate(task, repeats)
    elif isinstance(found, SeenSlide):
        draft.settled[name] = failed(task, NO_MONOLAYER).reading
    else:
        draft.seen.append((task, found))


def _settle_repeats(draft: _Draft) -> tuple[FieldTask, ...]:
    """Keep one file of each field; the others are settled as its repetitions."""
    kept = []
    seen = [each for _, each in draft.seen]
    for group in same_fields([each.sketch for each in seen]):
        best = max(group, key=lambda number: (seen[number].pixels, seen[number].sharpness))
        kept.append(best)
        first = seen[best].source.name
        for number in group:
            if number != best:
                draft.settled[seen[number].source.name] = _duplicate(draft.seen[number][0], same_field(first))
    return tuple(draft.seen[number][0] for number in sorted(kept))


def told_for_both(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Return the plans with a note wherever two patients have an image with the same bytes."""
    owners = owners_of((plan.source.patient, images_of(plan)) for plan in plans)
    return tuple(
        replace(plan, notes=(*plan.notes, *shared_notes(plan.source.patient, images_of(plan), owners)))
        for plan in plans
    )


Owners = Mapping[str, Mapping[str, None]]
"""Digest of an image → patients whose image it is, in their order."""


def owners_of(images: Iterable[tuple[str, Iterable[str]]]) -> Owners:
    """Return whose image each is, from patients' names and the digests of their images."""
    owners: dict[str, dict[str, None]] = {}
    for patient, digests in images:
        for sha256 in digests:
            owners.setdefault(sha256, {})[patient] = None
    return owners


def shared_notes(patient: str, images: Mapping[str, str], owners: Owners) -> list[str]:
    """Return a note for each of a patient's images (digest → name) that others have, too."""
    notes = []
    for sha256, name in images.items():
        others = [other for other in owners.get(sha256, ()) if other != patient]
        if others:
            notes.append(f"{name} is also an image of {', '.join(others)}: check whose it is.")
    return notes


def images_of(plan: Plan) -> dict[str, str]:
    """Return digest → name of every image that can be read, whichever of a field's copies is counted."""
    read = {task.source.name: task.sha256 for task in plan.tasks}
    read |= {slide.source.name: slide.sha256 for slide in plan.slides}
    copies = {
        name: each.sha256 for name, each in plan.settled.items() if each.status is FieldStatus.DUPLICATE
    }
    return {sha256: name for name, sha256 in reversed([*read.items(), *copies.items()])}


def _duplicate(task: FieldTask, message: str) -> FieldReading:
    return FieldReading(task.source.name, FieldStatus.DUPLICATE, message=message, sha256=task.sha256)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
