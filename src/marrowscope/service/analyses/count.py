"""The count of an analysis with its readers' answers: computed from the store whenever it is asked for."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from marrowscope.analysis.review import Inferred, Suggestion, share_from_random_sample, suggest_review
from marrowscope.analysis.reviewed import AddedCell, Answer, read_reviewed
from marrowscope.domain.patient import PatientReading
from marrowscope.domain.taxonomy import ARTEFACT
from marrowscope.service.analyses import figures
from marrowscope.service.errors import ConflictError
from marrowscope.service.store.analyses import DONE, NETWORK, PERSON, Analysis, Cell
from marrowscope.service.store.patients import Field
from marrowscope.service.store.reviews import Reading, SecondAnswer

_KEPT = 64  # networks' readings in memory; one of a thousand cells takes about a megabyte

_Key = tuple[str, datetime | None, str]
_lock = threading.Lock()
_recent: OrderedDict[_Key, PatientReading] = OrderedDict()


@dataclass(frozen=True)
class Said:
    """All answers of one reading.

    Attributes
    ----------
    answers : field's name → row → what the reader says of the networks' cell there
    added : field's name → cells that a person drew
    """

    answers: Mapping[str, Mapping[int, Answer]]
    added: Mapping[str, Sequence[AddedCell]]


def network_reading(session: Session, analysis: Analysis) -> PatientReading:
    """Return the patient as the networks alone read it.

    A finished analysis does not change: its reading is kept in memory for the next question.

    Raises
    ------
    ConflictError
        The analysis is not done.
    """
    if analysis.status != DONE:
        raise ConflictError(f"this analysis is {analysis.status}: there is no count yet")
    key = analysis.id, analysis.finished_at, analysis.patient.name
    with _lock:
        if key in _recent:
            _recent.move_to_end(key)
            return _recent[key]
    reading = figures.network_reading(session, analysis)
    with _lock:
        _recent[key] = reading
        while len(_recent) > _KEPT:
            _recent.popitem(last=False)
    return reading


def said(session: Session, analysis: Analysis, reading: Reading | None) -> Said:
    """Return what was answered in a second reading, or in the first for None."""
    return _said_first(session, analysis) if reading is None else _said_second(session, reading)


def counted(session: Session, analysis: Analysis, reading: Reading | None = None) -> PatientReading:
    """Return the count with the answers of a reading in force; the networks' stands beside it.

    Raises
    ------
    ConflictError
        The analysis is not done.
    """
    network = network_reading(session, analysis)
    return with_answers(analysis, network, said(session, analysis, reading))


def with_answers(analysis: Analysis, network: PatientReading, words: Said) -> PatientReading:
    """Lay answers over the networks' reading and count anew."""
    return read_reviewed(
        network,
        words.answers,
        words.added,
        figures.counting_of(analysis),
        figures.error_rates_of(analysis),
        unfamiliar_rates=figures.unfamiliar_rates_of(analysis),
        count_border_cells=counts_border_cells(analysis),
    )


def counts_border_cells(analysis: Analysis) -> bool:
    """Tell whether cells cut by an image's edge count in this analysis."""
    return bool(analysis.facts["settings"].get("count_border_cells") == "true")


def inferred(network: PatientReading, words: Said) -> Inferred:
    """Infer the blast share from the reviewed cells of the lot."""
    return share_from_random_sample(network, words.answers)


def suggestions(
    session: Session, analysis: Analysis, reading: Reading | None, number: int
) -> list[tuple[str, Suggestion]]:
    """Return cells to review next, by identifier.

    Raises
    ------
    ConflictError
        The analysis is not done.
    """
    network = network_reading(session, analysis)
    answers = said(session, analysis, reading).answers
    seen = {(name, row) for name, told in answers.items() for row, a in told.items() if a.is_given}
    chosen = suggest_review(network, number, seen)
    wanted = {(choice.field, choice.row + 1): choice for choice in chosen}
    rows = session.execute(
        select(Field.name, Cell.number, Cell.id)
        .join(Field, Field.id == Cell.field_id)
        .where(
            Cell.analysis_id == analysis.id,
            Cell.origin == NETWORK,
            Field.name.in_({choice.field for choice in chosen}),
        )
    )
    ids = {(name, number): cell_id for name, number, cell_id in rows if (name, number) in wanted}
    return [(ids[choice.field, choice.row + 1], choice) for choice in chosen]


def _said_first(session: Session, analysis: Analysis) -> Said:
    rows = session.execute(
        select(
            Field.name, Cell.number, Cell.origin, Cell.reviewed_type, Cell.deleted, Cell.x0, Cell.y0,
            Cell.x1, Cell.y1,
        )
        .join(Field, Field.id == Cell.field_id)
        .where(
            Cell.analysis_id == analysis.id,
            or_(Cell.reviewed_type.is_not(None), Cell.deleted.is_(True), Cell.origin == PERSON),
        )
        .order_by(Cell.place, Cell.number)
    )  # fmt: skip
    answers: dict[str, dict[int, Answer]] = {}
    added: dict[str, list[AddedCell]] = {}
    for name, number, origin, cell_type, deleted, *box in rows:
        if origin == PERSON:
            x0, y0, x1, y1 = box
            added.setdefault(name, []).append(AddedCell((x0, y0, x1, y1), cell_type or ARTEFACT, deleted))
        else:
            answers.setdefault(name, {})[number - 1] = Answer(cell_type, deleted)
    return Said(answers, added)


def _said_second(session: Session, reading: Reading) -> Said:
    rows = session.execute(
        select(Field.name, Cell.number, SecondAnswer.type, SecondAnswer.deleted)
        .join(Cell, Cell.id == SecondAnswer.cell_id)
        .join(Field, Field.id == Cell.field_id)
        .where(SecondAnswer.reading_id == reading.id)
    )
    answers: dict[str, dict[int, Answer]] = {}
    for name, number, cell_type, deleted in rows:
        answers.setdefault(name, {})[number - 1] = Answer(cell_type, deleted)
    return Said(answers, {})
