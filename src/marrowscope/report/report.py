"""The report that Python gets: that of a run, as a data frame, in a notebook, as a plot."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any, Literal, Self

from marrowscope import optional
from marrowscope.domain.patient import CohortReport, PatientReading
from marrowscope.domain.percent import percent_text, range_text
from marrowscope.domain.quantity import quantity
from marrowscope.errors import InputError
from marrowscope.exports.figures import why_nothing_decides
from marrowscope.exports.html import INKS
from marrowscope.exports.provenance import NOTICE
from marrowscope.exports.tables import PATIENT_COLUMNS, patient_row
from marrowscope.imaging.names import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

_HEAD = ("Patient", "Fields", "Counted", "Blasts, % (as counted)", "What decides, %", "Decision")


class Report(CohortReport):
    """The results of a run, as `analyse` returns them and `open` reads them back."""

    @classmethod
    def of(cls, report: CohortReport) -> Self:
        """Return a report with what people in Python want of it."""
        return cls(report.patients, report.provenance, report.laboratory)

    def to_frame(self, of: Literal["patients", "cells"] = "patients") -> DataFrame:
        """Return a pandas data frame, a row for each patient or for each cell.

        Columns are those of `patients.csv` or `cells.csv`, with numbers as numbers: percentages 0 to 100, NaN
        where a figure is not defined. Boxes are in pixels of the original image, of a slide's tiles in those
        of the slide.

        Raises
        ------
        InputError
            `of` is neither.
        MissingExtraError
            pandas is not installed.
        """
        if of not in {"patients", "cells"}:
            raise InputError(f"no table of {of}: choose patients or cells")
        frames = optional.pandas()
        if of == "cells":
            return _cells(self, frames)
        rows = [patient_row(patient) for patient in self.patients]
        return frames.DataFrame(rows, columns=list(PATIENT_COLUMNS))

    def plot(self) -> Figure:
        """Draw blast shares with their intervals and the rule's threshold; of one patient the differential.

        The figure shows itself at the end of a notebook's cell; `savefig` writes it to a file.
        """
        from marrowscope.report.plots import draw_differential, draw_shares  # noqa: PLC0415  # matplotlib

        if len(self.patients) == 1:
            return draw_differential(self.patients[0])
        return draw_shares(self)

    def __repr__(self) -> str:
        """Return what it holds in one line: everything would fill many screens."""
        decisions = Counter(patient.decision.words for patient in self.patients)
        parts = (
            quantity(len(self.patients), "patient"),
            quantity(sum(len(patient.fields) for patient in self.patients), "field"),
            quantity(sum(patient.differential.cells for patient in self.patients), "cell"),
            *(f"{words}: {number}" for words, number in sorted(decisions.items())),
        )
        return f"<Report of {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        head = "".join(f"<th>{title}</th>" for title in _HEAD)
        rows = "".join(map(_row, self.patients))
        return (
            f"<table><caption>{escape(shown(self.provenance.bundle))}, "
            f"marrowscope {escape(self.provenance.version)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{NOTICE}</p>"
        )


def _row(patient: PatientReading) -> str:
    counted, deciding, decision = patient.blast_interval, patient.deciding_interval, patient.decision
    ink = INKS[decision.verdict.value]
    cells = (
        escape(shown(patient.patient)),
        str(len(patient.fields)),
        str(patient.differential.counted),
        "" if counted is None else percent_text(counted.estimate),
        why_nothing_decides(patient) if deciding is None else range_text(deciding.low, deciding.high),
        f'<span style="color:{ink}">{escape(decision.words)}</span>',
    )
    return f"<tr>{''.join(f'<td>{text}</td>' for text in cells)}</tr>"


def _cells(report: CohortReport, frames: Any) -> DataFrame:
    parts = []
    for patient in report.patients:
        for field in patient.fields:
            part = field.cells.to_frame()
            part[["x0", "y0", "x1", "y1"]] = field.boxes_in_image
            part.insert(0, "patient", shown(patient.patient))
            part.insert(1, "field", shown(field.name))
            part.insert(2, "cell", range(1, len(part) + 1))
            parts.append(part)
    filled = [part for part in parts if len(part)] or parts[:1]
    if not filled:
        return frames.DataFrame(columns=["patient", "field", "cell"])
    return frames.concat(filled, ignore_index=True)
