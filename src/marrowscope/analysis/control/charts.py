"""The charts of a control slide, and what has drifted where a rule is broken.

Only new images set limits and are judged by the rules, once in each chart: images that are read again are the
same smear under the same light. Images are new unless those of an earlier patient were the same files. Read
again by another bundle, whatever differs is the bundle's doing, and is tested cell by cell.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from marrowscope.analysis.control.limits import Limits, individuals, shares
from marrowscope.analysis.control.occasions import BLASTS, Counted, ImageMeasure, Occasion
from marrowscope.analysis.control.rules import Rule, broken_rules

NETWORKS = ""
"""As the reader of a chart."""
MAIN_SHARE = 0.05
"""Types with at least this share of the networks' cells have a chart of their own."""


class Cause(StrEnum):
    """What has drifted."""

    BUNDLE = "bundle"
    STAIN = "stain"
    CAMERA = "camera"
    BUNDLE_OR_SMEAR = "bundle or smear"
    """The share of new images by a bundle that has set no limits: reading old images again tells which."""
    READER_OR_SMEAR = "reader or smear"
    """The share is out while stain, camera and bundle are as they were."""


_CAUSES: Mapping[ImageMeasure, Cause] = {
    ImageMeasure.CONTRAST: Cause.STAIN,
    ImageMeasure.TINT: Cause.STAIN,
    ImageMeasure.LIGHT: Cause.CAMERA,
    ImageMeasure.SCALE: Cause.CAMERA,
    ImageMeasure.SHARPNESS: Cause.CAMERA,
}


class NoLimits(StrEnum):
    """Why a chart has no limits."""

    FEW_OCCASIONS = "few occasions"
    FEW_CELLS = "few cells"


@dataclass(frozen=True)
class Point:
    """A value at an occasion.

    Attributes
    ----------
    occasion : its identifier
    value : of an image's figure in its own unit, of a share 0 to 1
    cells, counted : what a share is made of, None for a figure of images
    sets_limits : whether it is one of those that set the limits
    low, high : limits, None where there are none
    rules : broken with this value
    causes : what has drifted, where a rule is broken
    """

    occasion: str
    value: float
    cells: int | None = None
    counted: int | None = None
    sets_limits: bool = False
    low: float | None = None
    high: float | None = None
    rules: tuple[Rule, ...] = ()
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A measure over time, of one reader or of the images.

    Attributes
    ----------
    reader : a person's name, or `NETWORKS`; None for a figure of images
    measure : an `ImageMeasure`, `BLASTS` or a cell type
    points : in order of time
    centre : the centre line, None without limits
    missing : occasions with new images that are missing until there are limits
    no_limits : why there are none, None where there are
    """

    reader: str | None
    measure: str
    points: tuple[Point, ...]
    centre: float | None = None
    missing: int = 0
    no_limits: NoLimits | None = None


def charts(
    occasions: Sequence[Occasion], first: int, target: Mapping[str, float] | None = None
) -> list[Chart]:
    """Return all charts of a control slide.

    Parameters
    ----------
    occasions : in order of time
    first : number of occasions that set the limits
    target : known shares by measure; the centre line is else that of the first occasions
    """
    new = _patients_with_new_images(occasions)
    of_images = [_figure_chart(occasions, measure, new, first) for measure in ImageMeasure]
    drifted = _drifted(of_images)
    found = [chart for chart in of_images if chart.points]
    readers = sorted({name for occasion in occasions for name in occasion.readers})
    measures = _measures(occasions)
    for reader in (NETWORKS, *readers):
        for measure in measures:
            chart = _share_chart(occasions, (reader, measure), new, first, (target or {}).get(measure))
            found.append(_explained(chart, occasions, drifted))
    return found


def _patients_with_new_images(occasions: Sequence[Occasion]) -> frozenset[str]:
    """Return the patients none of whose images was read before as another patient's."""
    owners: dict[str, str] = {}
    new = {occasion.patient for occasion in occasions}
    for occasion in occasions:
        if any(owners.setdefault(image, occasion.patient) != occasion.patient for image in occasion.images):
            new.discard(occasion.patient)
    return frozenset(new)


def _judged_once(occasions: Iterable[Occasion], new: Collection[str]) -> list[Occasion]:
    """Return the first of these occasions of each patient with new images."""
    found: dict[str, Occasion] = {}
    for occasion in occasions:
        if occasion.patient in new:
            found.setdefault(occasion.patient, occasion)
    return list(found.values())


def _measures(occasions: Sequence[Occasion]) -> list[str]:
    """Return the blasts, and the other types that are common enough."""
    counted = sum(occasion.networks.counted for occasion in occasions)
    totals: dict[str, int] = {}
    for occasion in occasions:
        for measure, cells in occasion.networks.cells.items():
            totals[measure] = totals.get(measure, 0) + cells
    main = [name for name, cells in totals.items() if name != BLASTS and cells >= MAIN_SHARE * counted]
    return [BLASTS, *sorted(main, key=lambda name: -totals[name])]


def _figure_chart(
    occasions: Sequence[Occasion], measure: ImageMeasure, new: Collection[str], first: int
) -> Chart:
    known = _judged_once((each for each in occasions if measure in each.figures), new)
    points = [Point(each.id, each.figures[measure]) for each in known]
    if len(points) < first:
        return _without_limits(Chart(None, measure, tuple(points)), first)
    values = np.array([point.value for point in points])
    chart = _judged(Chart(None, measure, tuple(points)), individuals(values, np.arange(first)), first)
    return replace(chart, points=tuple(_caused(point, [_CAUSES[measure]]) for point in chart.points))


def _share_chart(
    occasions: Sequence[Occasion],
    about: tuple[str, str],
    new: Collection[str],
    first: int,
    target: float | None,
) -> Chart:
    """Chart a share: the new images judged by the rules, the others where they belong in time."""
    reader, measure = about
    points = {each.id: point for each in occasions if (point := _share(each, reader, measure)) is not None}
    known = _judged_once((each for each in occasions if each.id in points), new)
    judged = [points[each.id] for each in known]
    chart = Chart(reader, measure, tuple(judged))
    if len(judged) < first:
        chart = _without_limits(chart, first)
    else:
        cells = np.array([point.cells for point in judged], float)
        counted = np.array([point.counted for point in judged], float)
        limits = shares(cells, counted, np.arange(first), target)
        if limits is None:
            chart = replace(chart, no_limits=NoLimits.FEW_CELLS)
        else:
            chart = _judged(chart, limits, first)
    points.update({point.occasion: point for point in chart.points})
    return replace(chart, points=tuple(points.values()))


def _share(occasion: Occasion, reader: str, measure: str) -> Point | None:
    count: Counted | None = occasion.networks if reader == NETWORKS else occasion.readers.get(reader)
    if count is None or count.counted == 0:
        return None
    cells = count.cells.get(measure, 0)
    return Point(occasion.id, cells / count.counted, cells, count.counted)


def _without_limits(chart: Chart, first: int) -> Chart:
    return replace(chart, missing=first - len(chart.points), no_limits=NoLimits.FEW_OCCASIONS)


def _judged(chart: Chart, limits: Limits, first: int) -> Chart:
    """Give a chart its limits; what comes after the occasions that set them is judged by the rules."""
    deviations = limits.deviations(np.array([point.value for point in chart.points]))
    broken = [*[()] * first, *broken_rules(deviations[first:].tolist())]
    is_share = chart.reader is not None
    return replace(
        chart,
        centre=limits.centre,
        points=tuple(
            replace(
                point,
                sets_limits=row < first,
                low=max(0.0, low) if is_share else low,
                high=min(1.0, high) if is_share else high,
                rules=rules,
            )
            for row, (point, low, high, rules) in enumerate(
                zip(chart.points, limits.low.tolist(), limits.high.tolist(), broken, strict=True)
            )
        ),
    )


def _drifted(of_images: Iterable[Chart]) -> dict[str, list[Cause]]:
    """Return, by occasion, what the figures of its images show."""
    found: dict[str, list[Cause]] = {}
    for chart in of_images:
        for point in chart.points:
            for cause in point.causes:
                known = found.setdefault(point.occasion, [])
                if cause not in known:
                    known.append(cause)
    return found


def _explained(chart: Chart, occasions: Sequence[Occasion], drifted: Mapping[str, list[Cause]]) -> Chart:
    """Say of every point of a share's chart that breaks a rule what has drifted."""
    by_id = {occasion.id: occasion for occasion in occasions}
    settled = {by_id[point.occasion].bundle for point in chart.points if point.sets_limits}
    points = []
    for point in chart.points:
        occasion = by_id[point.occasion]
        change = occasion.changes.get(chart.measure) if chart.reader == NETWORKS else None
        if change is not None and change.is_real:
            points.append(replace(point, rules=(Rule.PAIRED,), causes=(Cause.BUNDLE,)))
            continue
        other_bundle = chart.reader == NETWORKS and occasion.bundle not in settled
        alone = Cause.BUNDLE_OR_SMEAR if other_bundle else Cause.READER_OR_SMEAR
        points.append(_caused(point, drifted.get(point.occasion, [alone])))
    return replace(chart, points=tuple(points))


def _caused(point: Point, causes: Sequence[Cause]) -> Point:
    return replace(point, causes=tuple(causes)) if point.rules else point
