"""The figures of a control slide's occasions, from the store.

What an ended analysis, a finished reading or a signed version says does not change, so each is computed once
and kept in memory.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.analysis.agreement.kappa import Agreement, agreement
from marrowscope.analysis.control.changes import Change
from marrowscope.analysis.control.charts import NETWORKS
from marrowscope.analysis.control.occasions import BLASTS, Counted, ImageMeasure, Occasion
from marrowscope.codec import from_json
from marrowscope.domain.counting import belongs_to
from marrowscope.domain.patient import ImageFigures
from marrowscope.domain.scale import ScaleSource
from marrowscope.domain.taxonomy import ARTEFACT, taxonomy
from marrowscope.service.images import patients
from marrowscope.service.quality import controls
from marrowscope.service.recent import Recent
from marrowscope.service.reports import documents, versions
from marrowscope.service.review import cells
from marrowscope.service.review.same_cells import same_cells
from marrowscope.service.store.tables.analyses import DONE, NETWORK, Analysis, AnalysisField, Cell
from marrowscope.service.store.tables.controls import Control
from marrowscope.service.store.tables.patients import Field
from marrowscope.service.store.tables.reviews import FINISHED, FIRST, LEARNER, Reading

_STATED = frozenset({ScaleSource.GIVEN.value, ScaleSource.ASSUMED.value})
_occasions: Recent[tuple[Occasion, int]] = Recent(2000)
_people: Recent[Counted] = Recent(4000)
_changes: Recent[dict[str, Change]] = Recent(2000)
_targets: Recent[dict[str, float]] = Recent(200)
_agreements: Recent[dict[str, Agreement]] = Recent(2000)


@dataclass(frozen=True)
class Seen:
    """An occasion with what the page tells of it.

    Attributes
    ----------
    analysis : the reading
    occasion : its figures
    flagged : images with a quality problem
    agreements : by reader, their names against the target's on the same cells; empty for other images
    key : names all that `occasion` depends on, those before it aside
    """

    analysis: Analysis
    occasion: Occasion
    flagged: int
    agreements: Mapping[str, Agreement]
    key: Hashable


def seen(session: Session, control: Control) -> list[Seen]:
    """Return the occasions of a control slide, in order of time."""
    target = controls.target_of(session, control)
    found: list[Seen] = []
    analyses = controls.readings_of(session, control)
    finished = _finished(session, analyses)
    for analysis in analyses:
        readings = finished[analysis.id]
        people = {name: _person(session, analysis, reading) for name, reading in readings.items()}
        people = {name: count for name, count in people.items() if count.counted}
        networks, flagged = _networks(session, analysis)
        occasion = replace(networks, readers=people)
        earlier = _read_before(occasion, found)
        if earlier is not None:
            occasion = replace(occasion, changes=_changed(session, earlier.analysis, analysis))
        # While the target is amended its answers are not signed: nothing is compared with them.
        told = {} if target is None or not target.locked else _against(session, target, analysis, readings)
        found.append(Seen(analysis, occasion, flagged, told, _key(analysis, readings)))
    return found


def _read_as(analysis: Analysis) -> tuple[Hashable, ...]:
    """Return what names all that the networks and the images say of an occasion."""
    return analysis.id, analysis.finished_at, patients.details_of(analysis.patient).specimen


def _key(analysis: Analysis, readings: Mapping[str, Reading]) -> Hashable:
    finished = tuple((name, reading.id, reading.finished_at) for name, reading in readings.items())
    return *_read_as(analysis), finished


def target_shares(session: Session, control: Control) -> dict[str, float] | None:
    """Return the expected share of every measure by the version signed last, None without a target.

    Without one are also a version in which nobody answered, as it is the networks', and one without cells.
    """
    target = controls.target_of(session, control)
    if target is None:
        return None
    return _targets.get((target.id, target.version), lambda: _signed_shares(session, target)) or None


def _signed_shares(session: Session, target: Analysis) -> dict[str, float]:
    version = versions.in_force(session, target, target.version)
    if version is None:
        return {}
    (reading,) = documents.read(version.document).patients
    if reading.review is None or not reading.review.cells:
        return {}
    cells: Counter[str] = Counter()
    for name, number in reading.differential.counts.items():
        cells[_measure(name)] += number
    return {name: number / cells.total() for name, number in cells.items()}


def _networks(session: Session, analysis: Analysis) -> tuple[Occasion, int]:
    """Return an occasion with what the networks and the images say, and the number of flagged images."""
    return _occasions.get(_read_as(analysis), lambda: _read(session, analysis))


def _read(session: Session, analysis: Analysis) -> tuple[Occasion, int]:
    rows = session.execute(
        select(
            Field.sha256,
            AnalysisField.flags,
            AnalysisField.mpp,
            AnalysisField.scale_source,
            AnalysisField.reading["figures"],
        )
        .join(Field, Field.id == AnalysisField.field_id)
        .where(AnalysisField.analysis_id == analysis.id, AnalysisField.status == DONE)
    ).all()
    images = [from_json(told, ImageFigures) for *_, told in rows if told]
    scales = [mpp for _, _, mpp, source, _ in rows if mpp is not None and source not in _STATED]
    occasion = Occasion(
        id=analysis.id,
        patient=analysis.patient_id,
        images=frozenset(digest for digest, *_ in rows if digest is not None),
        bundle=analysis.bundle_sha256,
        figures=_figures(images) | ({ImageMeasure.SCALE: median(scales)} if scales else {}),
        networks=_counted(session, analysis),
    )
    return occasion, sum(bool(flags) for _, flags, *_ in rows)


def _figures(images: Sequence[ImageFigures]) -> dict[ImageMeasure, float]:
    if not images:
        return {}
    found = {
        ImageMeasure.CONTRAST: fmean(image.contrast for image in images),
        ImageMeasure.TINT: fmean(image.slide[0] - image.slide[2] for image in images),
        ImageMeasure.LIGHT: fmean(fmean(image.slide) for image in images),
    }
    sharp = [image.sharpness for image in images if image.sharpness is not None]
    return found | ({ImageMeasure.SHARPNESS: fmean(sharp)} if sharp else {})


def _counted(session: Session, analysis: Analysis) -> Counted:
    specimen = patients.details_of(analysis.patient).specimen
    names = session.scalars(
        select(Cell.model_type).where(
            Cell.analysis_id == analysis.id, Cell.origin == NETWORK, Cell.model_counted.is_(True)
        )
    )
    return _count(name for name in names if name is not None and belongs_to(name, specimen))


def _count(names: Iterable[str]) -> Counted:
    numbers = Counter(_measure(name) for name in names)
    return Counted(numbers, numbers.total())


def _measure(cell_type: str) -> str:
    return BLASTS if taxonomy()[cell_type].is_blast else cell_type


def _finished(session: Session, analyses: Sequence[Analysis]) -> dict[str, dict[str, Reading]]:
    """Return, by analysis and reader, what people have finished: the first reading while it is signed."""
    rows = session.scalars(
        select(Reading)
        .where(
            Reading.analysis_id.in_([analysis.id for analysis in analyses]),
            Reading.status == FINISHED,
            Reading.kind != LEARNER,
        )
        .order_by(Reading.kind.desc(), Reading.finished_at)
    )
    signers = {analysis.id: (analysis.signed or {}).get("by") for analysis in analyses}
    found: dict[str, dict[str, Reading]] = {analysis.id: {} for analysis in analyses}
    for reading in rows:
        name = signers[reading.analysis_id] if reading.kind == FIRST else reading.reader
        if name:
            found[reading.analysis_id][name] = reading
    return found


def _person(session: Session, analysis: Analysis, reading: Reading) -> Counted:
    specimen = patients.details_of(analysis.patient).specimen
    key = reading.id, reading.finished_at, specimen
    return _people.get(key, lambda: _count_of(session, reading))


def _count_of(session: Session, reading: Reading) -> Counted:
    """Count a reading; one in which nobody answered is the networks' and no count of a person."""
    found = cells.every(session, reading)
    if not any(cell.reviewed_by for cell in found):
        return Counted({}, 0)
    return _count(cell.type for cell in found if cell.counted)


def _read_before(occasion: Occasion, found: Sequence[Seen]) -> Seen | None:
    """Return the latest occasion with the same images and another bundle."""
    same = [each for each in found if each.occasion.images == occasion.images]
    other = [each for each in same if each.occasion.bundle != occasion.bundle]
    return other[-1] if other else None


def _changed(session: Session, earlier: Analysis, now: Analysis) -> dict[str, Change]:
    key = earlier.id, earlier.finished_at, *_read_as(now)
    return _changes.get(key, lambda: _compare(session, earlier, now))


def _compare(session: Session, earlier: Analysis, now: Analysis) -> dict[str, Change]:
    specimen = patients.details_of(now.patient).specimen

    def measure(cell: Cell) -> str | None:
        name = cell.model_type
        counts = name is not None and cell.model_counted and belongs_to(name, specimen)
        return _measure(name) if counts and name is not None else None

    before, after = _by_image(session, earlier), _by_image(session, now)
    pairs = list(same_cells(before, after))
    named = [(measure(one), measure(other)) for one, other in pairs]
    paired = {cell.id for pair in pairs for cell in pair}
    named += [(measure(cell), None) for found in before.values() for cell in found if cell.id not in paired]
    named += [(None, measure(cell)) for found in after.values() for cell in found if cell.id not in paired]
    apart = [(one, other) for one, other in named if one != other]
    lost, gained = Counter(one for one, _ in apart), Counter(other for _, other in apart)
    return {name: Change(gained[name], lost[name]) for name in {*lost, *gained} if name is not None}


def _by_image(session: Session, analysis: Analysis) -> dict[str, list[Cell]]:
    rows = session.execute(
        select(Field.sha256, Cell)
        .join(Field, Field.id == Cell.field_id)
        .where(Cell.analysis_id == analysis.id, Cell.origin == NETWORK, Field.sha256.is_not(None))
        .order_by(Cell.place, Cell.number)
    )
    found: dict[str, list[Cell]] = {}
    for digest, cell in rows:
        found.setdefault(digest or "", []).append(cell)
    return found


def _against(
    session: Session, target: Analysis, analysis: Analysis, readings: Mapping[str, Reading]
) -> dict[str, Agreement]:
    """Compare everybody's names with the target's where the images are the same, by reader."""
    key = (
        target.id, target.version, target.revision, analysis.id, analysis.finished_at,
        tuple((reading.id, reading.finished_at) for reading in readings.values()),
    )  # fmt: skip
    return _agreements.get(key, lambda: _agreed(session, target, analysis, readings))


def _agreed(
    session: Session, target: Analysis, analysis: Analysis, readings: Mapping[str, Reading]
) -> dict[str, Agreement]:
    expected = cells.said(session, target.id)
    pairs = [
        (expected[one.id], other)
        for one, other in same_cells(_by_image(session, target), _by_image(session, analysis))
        if one.id in expected
    ]
    if not pairs:
        return {}
    told = {NETWORKS: {cell.id: cell.model_type or ARTEFACT for _, cell in pairs}}
    # In the target itself the first reading is what is expected.
    told |= {
        name: cells.said(session, reading.id, with_carried=False)
        for name, reading in readings.items()
        if reading.id != target.id
    }
    return {
        reader: agreement(
            [name for name, cell in pairs if cell.id in said],
            [said[cell.id] for _, cell in pairs if cell.id in said],
        )
        for reader, said in told.items()
        if any(cell.id in said for _, cell in pairs)
    }
