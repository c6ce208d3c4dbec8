"""Annotated pictures of fields that were read already."""

from collections.abc import Sequence

from marrowscope.domain.cells import FLAG_REPEATED
from marrowscope.domain.patient import FieldReading, FieldStatus
from marrowscope.journal import Journal
from marrowscope.pipeline import ReadingSettings, annotated_again
from marrowscope.planning import Plan
from marrowscope.progress import Listener, Progress


class FieldPictures:
    """Draws fields whose picture is missing or no longer shows which of their cells count.

    Parameters
    ----------
    journal : where pictures are kept
    settings : of the reading; where it wants no pictures, none is drawn
    listener : called with every field that is drawn
    """

    def __init__(self, journal: Journal, settings: ReadingSettings, listener: Listener) -> None:
        self._journal = journal
        self._settings = settings
        self._listener = listener
        self._drawn: dict[tuple[str, str, str], tuple[bool, ...]] = {}

    def draw_missing(self, plan: Plan, fields: Sequence[FieldReading]) -> None:
        """Draw fields that have no picture, or whose picture shows other cells as counted than are now."""
        patient, tasks = plan.source.patient, {task.source.name: task for task in plan.fields}
        whole = [each for each in fields if each.status is FieldStatus.READ and not each.is_single_cell]
        for field in whole if self._settings.pictures else ():
            marks = tuple(FLAG_REPEATED in flags for flags in field.cells.flags)
            key = patient, field.name, field.sha256
            is_there = self._journal.annotated_path(patient, field.name).is_file()
            if is_there and self._drawn.get(key, (False,) * len(marks)) == marks:
                continue
            self._listener(Progress("drawing", patient, field.name))
            self._drawn[key] = marks
            picture = annotated_again(tasks[field.name], field.cells, self._settings.limits)
            if picture:
                self._journal.draw_again(patient, field.name, picture)
