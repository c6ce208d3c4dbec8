"""A patient's reading, assembled from the readings of the fields."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from marrowscope.analysis.clustering import clustering
from marrowscope.analysis.decide import decide
from marrowscope.analysis.intervals import LEVEL, clopper_pearson, field_bootstrap, level_of_repeated_looks
from marrowscope.analysis.limits import limits
from marrowscope.analysis.numbers import NOT_REVIEWED, Inferred, Numbers
from marrowscope.domain.case.details import NOTHING_STATED, CaseDetails
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.cells import FLAG_BORDER, FLAG_REPEATED, FLAG_UNFAMILIAR
from marrowscope.domain.counting import counted_in
from marrowscope.domain.decision import FLOOR, OVER_20, RULES, TARGET, Decision, Interval, Rule
from marrowscope.domain.differential import Differential, count
from marrowscope.domain.patient import NO_MIDDLE_CELL, OF_SEVERAL, FieldReading, FieldStatus, PatientReading
from marrowscope.domain.quantity import quantity
from marrowscope.domain.rates import NOTHING_KNOWN, KnownErrors
from marrowscope.domain.scale import SCALE_DISPUTED, ScaleSource
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.models.feature_space import USUAL_SHARE

UNFAMILIAR = 3 * USUAL_SHARE  # with a larger share of unfamiliar cells, a smear as a whole is unfamiliar
_ENOUGH_TO_JUDGE = 20  # whole cells; among fewer, three unfamiliar ones may be chance
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
    looks_again : the count is looked at repeatedly, until it decides or the images end
    """

    rule: Rule = OVER_20
    floor: int = FLOOR
    target: int = TARGET
    equivalents: tuple[str, ...] = ()
    looks_again: bool = False

    @property
    def level(self) -> float:
        """Coverage of the deciding interval."""
        return level_of_repeated_looks() if self.looks_again else LEVEL

    def target_of(self, specimen: Specimen) -> int:
        """Return the recommended number of cells of a specimen: in blood no more than a decision needs."""
        return min(self.floor, self.target) if specimen is Specimen.BLOOD else self.target

    def decide(self, numbers: Numbers, rule: Rule | None = None) -> Decision:
        """Return the decision that numbers support, by the chosen rule if no other is given."""
        return decide(numbers, rule or self.rule, self.floor, self.target_of(numbers.specimen))


def read_patient(
    patient: str,
    fields: Sequence[FieldReading],
    settings: CountingSettings,
    known: KnownErrors = NOTHING_KNOWN,
    *,
    inferred: Inferred = NOT_REVIEWED,
    truth: str | None = None,
    problems: Sequence[str] = (),
    passed_over: Sequence[str] = (),
    details: CaseDetails = NOTHING_STATED,
    resamples: bool = True,
) -> PatientReading:
    """Count all fields of a patient together and decide.

    Parameters
    ----------
    patient : name
    fields : readings, in natural order
    settings : rule, floor and target
    known : what is known of the networks' errors
    inferred : the share from reviewed cells
    truth : known state of the patient, if any
    problems : problems already found in the patient's files
    passed_over : names of files that are no images as far as is known
    details : what is stated about the case; its specimen says which cells are counted
    resamples : compute `bootstrap_interval`, which takes longer than all else and decides nothing
    """
    fields = [replace(field, cells=counted_in(field.cells, details.specimen)) for field in fields]
    numbers = numbers_of(fields, details.specimen, settings, known, inferred)
    return decided(
        PatientReading(
            patient=patient,
            fields=tuple(fields),
            differential=numbers.differential,
            blast_interval=numbers.counted,
            adjusted_interval=None,
            decision=settings.decide(numbers),
            clustering=numbers.clustering,
            exact_interval=clopper_pearson(
                numbers.differential.blasts, numbers.differential.counted, clustering=numbers.clustering
            ),
            bootstrap_interval=_resampled(fields, numbers.differential) if resamples else None,
            looks_again=settings.looks_again,
            limits=limits(numbers.differential, known),
            flags=(*problems, *_flags(fields, numbers.differential)),
            truth=truth,
            passed_over=tuple(passed_over),
            details=details,
        ),
        numbers,
        settings,
    )


def resampled(patient: PatientReading) -> PatientReading:
    """Return a patient with the interval over resampled fields."""
    return replace(patient, bootstrap_interval=_resampled(patient.fields, patient.differential))


def _resampled(fields: Sequence[FieldReading], differential: Differential) -> Interval | None:
    return field_bootstrap(*_per_field(fields, differential))


def decided(patient: PatientReading, numbers: Numbers, settings: CountingSettings) -> PatientReading:
    """Return a patient with the decisions that these numbers support."""
    return replace(
        patient,
        adjusted_interval=numbers.deciding,
        expected_interval=numbers.expected,
        reviewed_interval=numbers.reviewed,
        decision=settings.decide(numbers),
        alternatives=tuple(
            settings.decide(numbers, rule) for rule in RULES.values() if rule.id != settings.rule.id
        ),
    )


def numbers_of(
    fields: Sequence[FieldReading],
    specimen: Specimen,
    settings: CountingSettings,
    known: KnownErrors = NOTHING_KNOWN,
    inferred: Inferred = NOT_REVIEWED,
) -> Numbers:
    """Count the fields of a patient, and measure how their cells cluster.

    `fields` are those of a patient's reading: what does not belong to the specimen is not counted in them.
    """
    differential = count((cell for field in fields for cell in field.cells), settings.equivalents)
    return Numbers(
        differential, clustering(*_per_field(fields, differential)), known, inferred, settings.level, specimen
    )


def _per_field(fields: Sequence[FieldReading], differential: Differential) -> tuple[list[int], list[int]]:
    """Return counted cells per field, and those of them that count as blasts."""
    counted = [int(field.cells.is_counted.sum()) for field in fields]
    blasts = [
        sum(cell.is_counted and differential.counts_as_blast(cell) for cell in field.cells)
        for field in fields
    ]
    return counted, blasts


def _unfamiliar(fields: Sequence[FieldReading]) -> list[str]:
    """Return a sentence if the smear as a whole is unlike those the networks learned from."""
    whole = [flags for field in fields for flags in field.cells.flags if FLAG_BORDER not in flags]
    share = sum(FLAG_UNFAMILIAR in flags for flags in whole) / max(len(whole), 1)
    if len(whole) < _ENOUGH_TO_JUDGE or share <= UNFAMILIAR:
        return []
    sentence = (
        f"{100 * share:.0f} % of the cells look unlike those the networks learned from "
        f"({100 * USUAL_SHARE:.0f} % would be usual): check names by eye before relying on a figure."
    )
    return [sentence]


def _equivalents(differential: Differential) -> list[str]:
    """Return a sentence on which types count as blasts by setting, and on the consequence."""
    if not differential.equivalents:
        return []
    names = ", ".join(taxonomy()[name].name.lower() for name in differential.equivalents)
    sentence = (
        f"Counted as blasts by setting: {names}. The networks' error rates are those of blasts, so they say "
        "nothing of this share."
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


def _flags(fields: Sequence[FieldReading], differential: Differential) -> list[str]:
    """Return sentences on what makes the count of this patient less reliable."""
    flags = []
    failed = sum(f.status is FieldStatus.FAILED for f in fields)
    repeated = sum(f.status is FieldStatus.DUPLICATE for f in fields)
    read = [f for f in fields if f.status is FieldStatus.READ]
    if failed:
        flags.append(f"{failed} of {len(fields)} fields could not be read.")
    if repeated:
        fields_repeat = "1 field repeats" if repeated == 1 else f"{repeated} fields repeat"
        flags.append(f"{fields_repeat} another field of the patient; counted once.")
    shown_twice = sum(FLAG_REPEATED in flags for f in read for flags in f.cells.flags)
    if shown_twice:
        flags.append(f"Fields overlap: {quantity(shown_twice, 'cell')} on two or more of them; counted once.")
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
    flags += _unfamiliar(fields)
    flags += _without_cell(read)
    flags += _chosen_images(read)
    flags += _equivalents(differential)
    return flags
