"""The names that an analyser or a technologist signed beside the networks': two counts of the same cells."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from marrowscope.analysis.agreement.kappa import Agreement, agreement
from marrowscope.analysis.intervals import wilson
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.cells import Cell
from marrowscope.domain.counting import belongs_to, counts_in_differential
from marrowscope.domain.decision import Interval
from marrowscope.domain.differential import Differential, count
from marrowscope.domain.patient import PatientReading
from marrowscope.domain.percent import file_percent, percents_that_sum
from marrowscope.domain.taxonomy import BLAST, CellType, taxonomy


@dataclass(frozen=True)
class SignedRow:
    """One counted type in both differentials: cells and percent each; the percentages sum to 100."""

    cell_type: CellType
    signed: int
    signed_percent: float
    network: int
    network_percent: float


@dataclass(frozen=True, eq=False)
class SignedNames:
    """Both names of a patient's signed cells.

    Attributes
    ----------
    signed, network : differentials of the same cells, by either name
    signed_blasts, network_blasts : their blast shares with Wilson's interval, None if no cell is counted
    agreement : rows are the signed names, columns the networks', each by its broadest type
    rows : counted types of either differential, by their broadest type
    """

    signed: Differential
    network: Differential
    signed_blasts: Interval | None
    network_blasts: Interval | None
    agreement: Agreement
    rows: tuple[SignedRow, ...]


def broadest(cell_type: str) -> str:
    """Return the broadest type that a type belongs to: those who name cells differ in how finely they do."""
    return next((kind.id for kind in reversed(taxonomy().ancestors(cell_type))), cell_type)


def named_otherwise(cell_type: str, signed_type: str | None) -> bool:
    """Return whether a cell was signed as another type than the networks name, by their broadest types."""
    return signed_type is not None and broadest(cell_type) != broadest(signed_type)


def signed_names(patient: PatientReading) -> SignedNames | None:
    """Compare the signed names with the networks', None where nothing is signed."""
    pairs = [
        (cell, field.signed_type)
        for field in patient.fields
        if field.signed_type is not None
        for cell in field.cells
    ]
    if not pairs:
        return None
    equivalents = patient.differential.equivalents
    signed = count((_signed(cell, kind, patient.details.specimen) for cell, kind in pairs), equivalents)
    network = count((cell for cell, _ in pairs), equivalents)
    return SignedNames(
        signed=signed,
        network=network,
        signed_blasts=wilson(signed.blasts, signed.counted),
        network_blasts=wilson(network.blasts, network.counted),
        agreement=agreement(
            [broadest(kind) for _, kind in pairs], [broadest(cell.cell_type) for cell, _ in pairs]
        ),
        rows=_rows(_by_broadest(signed), _by_broadest(network)),
    )


def signed_document(patient: PatientReading) -> dict[str, Any] | None:
    """Return the comparison for `run.json`, percentages with two decimals; None where nothing is signed."""
    names = signed_names(patient)
    if names is None:
        return None
    kappa = names.agreement.kappa
    return {
        "cells": names.agreement.cells,
        "named_alike": names.agreement.agreed,
        "kappa": None if kappa is None else [round(v, 4) for v in (kappa.estimate, kappa.low, kappa.high)],
        "signed": _document(names.signed, names.signed_blasts),
        "network": _document(names.network, names.network_blasts),
    }


def _document(differential: Differential, blasts: Interval | None) -> dict[str, Any]:
    return {
        "counted": differential.counted,
        "blasts": differential.blasts,
        "blast_percent": None
        if blasts is None
        else [file_percent(share) for share in (blasts.estimate, blasts.low, blasts.high)],
        "types": dict(differential.counts),
        "excluded": dict(differential.excluded),
    }


def _signed(cell: Cell, kind: str, specimen: Specimen) -> Cell:
    """Return the cell as it was signed."""
    counts = counts_in_differential(kind, at_border=False, count_border_cells=True)
    is_counted = counts and belongs_to(kind, specimen)
    return replace(cell, cell_type=kind, is_blast=taxonomy()[kind].is_blast, is_counted=is_counted, flags=())


def _by_broadest(differential: Differential) -> Mapping[str, int]:
    totals: Counter[str] = Counter()
    for name, cells in differential.counts.items():
        totals[broadest(name)] += cells
    return totals


def _rows(signed: Mapping[str, int], network: Mapping[str, int]) -> tuple[SignedRow, ...]:
    signed_percents = percents_that_sum(signed, fixed=BLAST)
    percents = percents_that_sum(network, fixed=BLAST)
    return tuple(
        SignedRow(
            kind,
            signed.get(kind.id, 0),
            signed_percents.get(kind.id, 0.0),
            network.get(kind.id, 0),
            percents.get(kind.id, 0.0),
        )
        for kind in taxonomy()
        if kind.id in signed or kind.id in network
    )
