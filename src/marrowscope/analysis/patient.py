"""A patient's reading, assembled from the readings of the fields."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marrowscope.analysis.clustering import clustering
from marrowscope.analysis.correction import share_from_probabilities
from marrowscope.analysis.decide import FLOOR, TARGET, decide
from marrowscope.analysis.evidence import Evidence
from marrowscope.analysis.intervals import clopper_pearson, field_bootstrap
from marrowscope.analysis.unfamiliar import UnfamiliarCells
from marrowscope.domain.cells import FLAG_BORDER, FLAG_UNCERTAIN_BLAST, FLAG_UNFAMILIAR, Cells
from marrowscope.domain.decision import OVER_20, RULES, Decision, Rule
from marrowscope.domain.differential import Differential, count
from marrowscope.domain.patient import NO_MIDDLE_CELL, OF_SEVERAL, FieldReading, FieldStatus, PatientReading
from marrowscope.domain.percent import percent_text
from marrowscope.domain.quantity import quantity
from marrowscope.domain.rates import ErrorRates
from marrowscope.domain.scale import SCALE_DISPUTED, ScaleSource
from marrowscope.domain.taxonomy import UNCLASSIFIED, taxonomy
from marrowscope.models.feature_space import USUAL_SHARE

_NOTICEABLE = 0.10  # problems are reported if they affect a larger share of cells or fields


@dataclass(frozen=True)
class CountingSettings:
    """Settings that turn a count into a decision.

    Attributes
    ----------
    rule : the decision rule
    floor : least number of counted cells; with fewer, the verdict is ``insufficient``
    target : recommended number of counted cells
    equivalents : further types that count as blasts, such as promonocytes in monocytic leukemia
    """

    rule: Rule = OVER_20
    floor: int = FLOOR
    target: int = TARGET
    equivalents: tuple[str, ...] = ()


def read_patient(
    patient: str,
    fields: Sequence[FieldReading],
    settings: CountingSettings,
    error_rates: ErrorRates | None,
    *,
    unfamiliar_rates: ErrorRates | None = None,
    truth: str | None = None,
    problems: Sequence[str] = (),
    passed_over: Sequence[str] = (),
) -> PatientReading:
    """Count all fields of a patient together and decide.

    Parameters
    ----------
    patient : name
    fields : readings, in natural order
    settings : rule, floor and target
    error_rates : of the classifier, None if not known
    unfamiliar_rates : of the classifier on unfamiliar cells, None if not known
    truth : known state of the patient, if any
    problems : problems already found in the patient's files
    passed_over : names of files that are no images as far as is known
    """
    evidence = evidence_of(fields, error_rates, unfamiliar_rates, settings.equivalents)

    def by(rule: Rule) -> Decision:
        return decide(evidence, rule, settings.floor, settings.target)

    return PatientReading(
        patient=patient,
        fields=tuple(fields),
        differential=evidence.differential,
        blast_interval=evidence.raw,
        adjusted_interval=evidence.correction.interval,
        clustering=evidence.clustering,
        share_from_probabilities=evidence.from_probabilities,
        exact_interval=clopper_pearson(
            evidence.differential.blasts, evidence.differential.counted, clustering=evidence.clustering
        ),
        bootstrap_interval=field_bootstrap(*_per_field(fields, evidence.differential)),
        rates=evidence.rates,
        decision=by(settings.rule),
        alternatives=tuple(by(rule) for rule in RULES.values() if rule.id != settings.rule.id),
        flags=(*problems, *_flags(fields, evidence)),
        truth=truth,
        passed_over=tuple(passed_over),
    )


def evidence_of(
    fields: Sequence[FieldReading],
    error_rates: ErrorRates | None,
    unfamiliar_rates: ErrorRates | None = None,
    equivalents: tuple[str, ...] = (),
) -> Evidence:
    """Collect a patient's evidence on the blast share from their fields.

    Error rates hold for blasts. With `equivalents`, therefore, the share is not corrected, and any unfamiliar
    cell may be named wrongly.
    """
    if equivalents:
        error_rates = unfamiliar_rates = None
    differential = count((cell for field in fields for cell in field.cells), equivalents)
    parts = [field.cells for field in fields]
    whole = [flags for cells in parts for flags in cells.flags if FLAG_BORDER not in flags]
    p_blast = [cells.p_blast[cells.is_counted] for cells in parts]
    return Evidence(
        differential=differential,
        rates=error_rates,
        clustering=clustering(*_per_field(fields, differential)),
        whole_cells=len(whole),
        unfamiliar_cells=sum(FLAG_UNFAMILIAR in flags for flags in whole),
        counted_unfamiliar=_counted_unfamiliar(parts, differential, unfamiliar_rates),
        uncertain_blasts=_uncertain_blasts(parts, differential),
        from_probabilities=_share_from(np.concatenate(p_blast) if p_blast else [], error_rates),
    )


def _per_field(fields: Sequence[FieldReading], differential: Differential) -> tuple[list[int], list[int]]:
    """Return counted cells per field, and those of them that count as blasts."""
    counted = [int(field.cells.is_counted.sum()) for field in fields]
    blasts = [
        sum(cell.is_counted and differential.counts_as_blast(cell) for cell in field.cells)
        for field in fields
    ]
    return counted, blasts


def _counted_unfamiliar(
    parts: Sequence[Cells], differential: Differential, rates: ErrorRates | None
) -> UnfamiliarCells:
    called = [
        differential.counts_as_blast(cells[row])
        for cells in parts
        for row, flags in enumerate(cells.flags)
        if FLAG_UNFAMILIAR in flags and cells.is_counted[row]
    ]
    return UnfamiliarCells(sum(called), len(called) - sum(called), rates)


def _uncertain_blasts(parts: Sequence[Cells], differential: Differential) -> int:
    """Count the cells named something else than a blast, or than nothing, that may be blasts."""
    return sum(
        cell.is_counted
        and FLAG_UNCERTAIN_BLAST in cell.flags
        and cell.cell_type != UNCLASSIFIED
        and not differential.counts_as_blast(cell)
        for cells in parts
        for cell in cells
    )


def _share_from(p_blast: npt.ArrayLike, rates: ErrorRates | None) -> float | None:
    seen = 0 if rates is None else rates.blasts_seen + rates.others_seen
    if rates is None or seen == 0:
        return None
    return share_from_probabilities(p_blast, rates.blasts_seen / seen)


def _disagreement(evidence: Evidence) -> list[str]:
    """Return a sentence if the cells' probabilities and names give different shares."""
    corrected, beside = evidence.correction.interval, evidence.from_probabilities
    if corrected is None or beside is None or corrected.low <= beside <= corrected.high:
        return []
    sentence = (
        "Estimated from the cells' probabilities instead of their names the share would be "
        f"{percent_text(beside)} %: the two do not agree, so the networks' certainty does not hold on this "
        "smear."
    )
    return [sentence]


def _equivalents(differential: Differential) -> list[str]:
    """Return a sentence on which types count as blasts by setting, and on the consequence."""
    if not differential.equivalents:
        return []
    names = ", ".join(taxonomy()[name].name.lower() for name in differential.equivalents)
    sentence = (
        f"Counted as blasts by setting: {names}. The classifier's error rates are those of blasts, so the "
        "share is not corrected for them."
    )
    return [sentence]


def _scale_remarks(read: Sequence[FieldReading]) -> list[str]:
    """Return a sentence on every contradiction about the scale, with the number of fields it concerns.

    A wrong scale changes every figure of a field, so even one field is said.
    """
    remarks = Counter(f.scale.remark for f in read if f.scale is not None and f.scale.remark)
    return [f"Scale of {quantity(number, 'field')}: {remark}." for remark, number in remarks.items()]


def _without_cell(read: Sequence[FieldReading]) -> list[str]:
    """Return a sentence on images of single cells in whose middle none was found."""
    missed = sum(NO_MIDDLE_CELL in field.notes for field in read)
    return [f"On {missed} of {len(read)} images {NO_MIDDLE_CELL}."] if missed else []


def _chosen_images(read: Sequence[FieldReading]) -> list[str]:
    """Return a sentence for each way in which an image was chosen among those of its file."""
    notes = Counter(note for field in read for note in field.notes if note.startswith(OF_SEVERAL))
    return [f"On {quantity(number, 'field')}, {note}." for note, number in sorted(notes.items())]


def _flags(fields: Sequence[FieldReading], evidence: Evidence) -> list[str]:
    """Return sentences on what makes the count of this patient less reliable."""
    flags = []
    differential = evidence.differential
    failed = sum(f.status is FieldStatus.FAILED for f in fields)
    repeated = sum(f.status is FieldStatus.DUPLICATE for f in fields)
    read = [f for f in fields if f.status is FieldStatus.READ]
    if failed:
        flags.append(f"{failed} of {len(fields)} fields could not be read.")
    if repeated:
        fields_repeat = "1 field repeats" if repeated == 1 else f"{repeated} fields repeat"
        flags.append(f"{fields_repeat} another field of the patient; counted once.")
    if differential.counted and differential.unclassified / differential.counted > _NOTICEABLE:
        share = 100 * differential.unclassified / differential.counted
        flags.append(f"{share:.0f} % of the counted cells could not be classified with certainty.")
    flags += _scale_remarks(read)
    for flag in sorted({flag for f in read for flag in f.flags} - {SCALE_DISPUTED}):
        number = sum(flag in f.flags for f in read)
        if number / len(read) > _NOTICEABLE:
            flags.append(f"{number} of {len(read)} fields are flagged: {flag.replace('_', ' ')}.")
    assumed = sum(f.scale is not None and f.scale.source is ScaleSource.ASSUMED for f in read)
    if assumed:
        flags.append(f"The size of a pixel could not be measured on {assumed} fields and was assumed.")
    if evidence.is_unfamiliar:
        flags.append(
            f"{100 * evidence.unfamiliar_share:.0f} % of the cells look unlike those the networks learned "
            f"from ({100 * USUAL_SHARE:.0f} % would be usual): check names by eye before relying on a figure."
        )
    flags += _without_cell(read)
    flags += _chosen_images(read)
    flags += _equivalents(differential)
    flags += _disagreement(evidence)
    if evidence.rates is not None and differential.counted and evidence.correction.interval is None:
        flags.append(evidence.correction.reason)
    return flags
