"""What a run is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from marrowscope.analysis.patient import CountingSettings
from marrowscope.domain.case.laboratory import NO_LABORATORY, Laboratory
from marrowscope.domain.decision import FLOOR, OVER_20, TARGET, Rule
from marrowscope.domain.rates import Validation
from marrowscope.domain.scale import checked_mpp
from marrowscope.domain.taxonomy import UNCLASSIFIED, taxonomy
from marrowscope.engines.choose import LOCAL
from marrowscope.errors import InputError
from marrowscope.exports.case.laboratory import read_laboratory
from marrowscope.imaging.slides.tiles import TileOrder
from marrowscope.models.bundle import Bundle
from marrowscope.pipeline import ReadingSettings
from marrowscope.validations import read_validation
from marrowscope.version import __version__

_PICTURES: Final = "pictures"
WITHOUT_FIGURES: Final = frozenset({_PICTURES})
"""Those of `RunSettings.facts` on which no figure depends."""


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run.

    Attributes
    ----------
    reading : settings for reading fields
    counting : settings that turn a count into a decision
    workers : number of processes; does not affect the result
    threads : processor threads in each process; does not affect the result
    engine : ``local`` or ``dask://HOST:PORT``; does not affect the result
    laboratory : whose report it is, with its reference ranges; does not affect the result
    until_settled : read a patient's fields in random order until the count decides
    is_live : images come while the count is looked at
    tiles : in which order the tiles of slides are counted, and whether all are
    validation : this laboratory's own validation of the networks, if it has one
    """

    reading: ReadingSettings = field(default_factory=ReadingSettings)
    counting: CountingSettings = field(default_factory=CountingSettings)
    workers: int = 1
    threads: int = 2
    engine: str = LOCAL
    laboratory: Laboratory = NO_LABORATORY
    until_settled: bool = False
    is_live: bool = False
    tiles: TileOrder = TileOrder.RANDOM
    validation: Validation | None = None

    @property
    def looks_again(self) -> bool:
        """Whether counts are looked at more than once."""
        return self.until_settled or self.is_live

    def reading_facts(self, bundle: Bundle) -> dict[str, str]:
        """Return everything on which a field's reading depends, except its content."""
        reading = self.reading
        return {
            "version": __version__,
            "bundle": bundle.sha256,
            "taxonomy": taxonomy().version,
            "mpp": "measured" if reading.mpp is None else repr(reading.mpp),
            "single_cells": str(reading.single_cells).lower(),
            "count_border_cells": str(reading.count_border_cells).lower(),
            "score_threshold": repr(
                bundle.detector.score_threshold
                if reading.score_threshold is None
                else reading.score_threshold
            ),
            "max_pixels": str(reading.limits.max_pixels),
            "max_bytes": str(reading.limits.max_bytes),
        }

    def facts(self, bundle: Bundle) -> dict[str, str]:
        """Return everything on which the report and its pictures depend, for its provenance."""
        rule = self.counting.rule
        return {
            **self.reading_facts(bundle),
            "blast_threshold": repr(bundle.classifier.blast_threshold),
            "type_threshold": repr(bundle.classifier.type_threshold),
            "working_mpp": repr(bundle.detector.working_mpp),
            "rule": f"{rule.id}: {rule.condition}",
            "floor": str(self.counting.floor),
            "target": str(self.counting.target),
            "blast_equivalents": ", ".join(self.counting.equivalents) or "none",
            "until_settled": str(self.until_settled).lower(),
            "live": str(self.is_live).lower(),
            "tiles": self.tiles.value,
            _PICTURES: str(self.reading.pictures).lower(),
            "laboratories": ", ".join(lab.name for lab in bundle.laboratories) or "none measured",
            "validation": "none" if self.validation is None else self.validation.describe(),
        }


def asked_settings(
    bundle: Bundle,
    *,
    rule: Rule = OVER_20,
    floor: int = FLOOR,
    target: int = TARGET,
    blast_equivalents: Sequence[str] = (),
    mpp: float | None = None,
    count_border_cells: bool = False,
    single_cells: bool = False,
    pictures: bool = True,
    laboratory: str | Path | None = None,
    workers: int = 1,
    threads: int = 2,
    engine: str = LOCAL,
    until_settled: bool = False,
    is_live: bool = False,
    tiles: str = TileOrder.RANDOM,
    validation: Validation | None = None,
) -> RunSettings:
    """Return the settings of a run as a user states them; the parameters are those of `api.analyse`.

    Raises
    ------
    InputError
        A type or an order of tiles is unknown, a number is out of range, or the laboratory's file cannot be
        read.
    """
    _refuse_below_one(workers=workers, threads=threads, floor=floor, target=target)
    return RunSettings(
        ReadingSettings(checked_mpp(mpp), count_border_cells, single_cells=single_cells, pictures=pictures),
        CountingSettings(rule, floor, target, _known_types(blast_equivalents)),
        workers,
        threads,
        engine,
        read_laboratory(None if laboratory is None else Path(laboratory)),
        until_settled=until_settled,
        is_live=is_live,
        tiles=_known_order(tiles, until_settled=until_settled),
        validation=validation or read_validation(bundle.sha256),
    )


def _refuse_below_one(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise InputError(f"{name} is {number}: give at least 1")


def _known_order(name: str, *, until_settled: bool) -> TileOrder:
    """Return the order of tiles of this name."""
    if name not in {*TileOrder}:
        raise InputError(f"no order of tiles {name}: choose {', '.join(TileOrder)}")
    if until_settled and name == TileOrder.BEST:
        raise InputError("a count that ends when it decides needs tiles drawn at random, not the best first")
    return TileOrder(name)


def _known_types(names: Sequence[str]) -> tuple[str, ...]:
    """Return the identifiers of types that may count as blasts, given by identifier, name or abbreviation."""
    found = []
    for name in names:
        cell_type = taxonomy().named(name)
        if cell_type is None or not cell_type.is_counted or cell_type.id == UNCLASSIFIED:
            raise InputError(f"{name} is not a counted cell type, so it cannot count as a blast")
        if not cell_type.is_blast:
            found.append(cell_type.id)
    return tuple(dict.fromkeys(found))
