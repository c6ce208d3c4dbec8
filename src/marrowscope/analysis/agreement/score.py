"""A learner's names of cells against the signed ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marrowscope.analysis.agreement.kappa import Agreement, agreement, cohens_kappa
from marrowscope.analysis.intervals import wilson
from marrowscope.domain.decision import Interval
from marrowscope.domain.taxonomy import taxonomy


@dataclass(frozen=True)
class TypeScore:
    """How well one type was told from all others.

    Attributes
    ----------
    type : taxonomy identifier
    signed, named, both : cells that were signed so, named so by the learner, and both
    kappa : Cohen's kappa of this type against the rest; None if chance alone would give full agreement
    """

    type: str
    signed: int
    named: int
    both: int
    kappa: Interval | None


@dataclass(frozen=True)
class Score:
    """A learner's result.

    Attributes
    ----------
    agreement : rows are the signed names, columns the learner's
    types : by type, in the taxonomy's order
    signed_blasts, found_blasts : cells signed as blasts of any type, and those of them that were named so
    sensitivity : the second over the first, with Wilson's interval; None if no blast was signed
    """

    agreement: Agreement
    types: tuple[TypeScore, ...]
    signed_blasts: int
    found_blasts: int
    sensitivity: Interval | None


def score(signed: Sequence[str], named: Sequence[str]) -> Score:
    """Score a learner's names against the signed ones.

    Kappa per type is that of the table collapsed to this type against the rest (Fleiss, Levin & Paik,
    Statistical Methods for Rates and Proportions, 3rd ed. 2003, section 18.1).

    Parameters
    ----------
    signed, named : n taxonomy identifiers each, of the same cells in the same order
    """
    told = agreement(signed, named)
    blasts = [name for one, name in zip(signed, named, strict=True) if taxonomy()[one].is_blast]
    found = sum(taxonomy()[name].is_blast for name in blasts)
    return Score(
        agreement=told,
        types=tuple(_type_score(told, row) for row in range(len(told.types))),
        signed_blasts=len(blasts),
        found_blasts=found,
        sensitivity=wilson(found, len(blasts)),
    )


def _type_score(told: Agreement, row: int) -> TypeScore:
    table = _one_against_rest(told.counts, row)
    return TypeScore(
        type=told.types[row],
        signed=int(table[0].sum()),
        named=int(table[:, 0].sum()),
        both=int(table[0, 0]),
        kappa=cohens_kappa(table),
    )


def _one_against_rest(counts: npt.NDArray[np.int64], row: int) -> npt.NDArray[np.int64]:
    """(2, 2) cells: of this type and of any other, by either name."""
    both = counts[row, row]
    signed, named = counts[row].sum(), counts[:, row].sum()
    rest = counts.sum() - signed - named + both
    return np.array([[both, signed - both], [named - both, rest]], np.int64)
