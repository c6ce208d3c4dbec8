"""``patients.xlsx``: the tables as a workbook, with a sheet for each patient's differential."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import xlsxwriter

from marrowscope.domain.case.laboratory import Laboratory
from marrowscope.domain.decision import Decision, Interval, Verdict
from marrowscope.domain.patient import CohortReport, FieldStatus, PatientReading
from marrowscope.domain.percent import file_percent
from marrowscope.domain.quantity import quantity
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.case.comparison import Compared, Comparison, compare
from marrowscope.exports.case.rows import beside_rows, case_rows, megakaryocyte_rows
from marrowscope.exports.figures import (
    excluded_rows,
    fields_with,
    lineage_rows,
    non_erythroid_blasts,
    review_facts,
    sampling,
    scales,
    type_rows,
)
from marrowscope.exports.provenance import NOTICE
from marrowscope.exports.signed import signed_names
from marrowscope.exports.tables import PATIENT_COLUMNS, Value, patient_row
from marrowscope.imaging.files.spreadsheets import sheet_name
from marrowscope.imaging.names import shown

_PATIENTS = "Patients"
_PROVENANCE = "Provenance"
_TITLES = {
    "patient": ("Patient", 24),
    "fields": ("Fields", 8),
    "fields_failed": ("Fields failed", 8),
    "images_passed_over": ("Images passed over", 8),
    "specimen": ("Specimen", 11),
    "erythroblasts_per_100": ("Erythroblasts per 100 leukocytes", 13),
    "cells": ("Cells", 8),
    "counted": ("Counted", 9),
    "excluded": ("Excluded", 9),
    "unclassified": ("Unclassified", 12),
    "blasts": ("Blasts", 8),
    "blast_percent": ("Blasts %", 9),
    "reviewed_percent": ("Blasts % reviewed", 11),
    "reviewed_low": ("Reviewed low %", 9),
    "reviewed_high": ("Reviewed high %", 9),
    "effective_cells": ("Effective cells", 10),
    "ci_low": ("Interval low %", 9),
    "ci_high": ("Interval high %", 9),
    "adjusted_percent": ("What decides, %", 10),
    "adjusted_low": ("Deciding low %", 10),
    "adjusted_high": ("Deciding high %", 10),
    "expected_low": ("If like others, low %", 11),
    "expected_high": ("If like others, high %", 11),
    "decided_by": ("Decided by", 13),
    "decision": ("Decision", 14),
    "rule": ("Rule", 10),
    "reasons": ("Reasons", 90),
}
_DIFFERENTIAL = (
    "Cell type",
    "Cells",
    "Percent",
    "Interval low %",
    "Interval high %",
    "Exact low %",
    "Exact high %",
    "Effective cells",
    "Reference low",
    "Reference high",
    "Outside",
    "Networks alone",
)
# Fill and text colour of a decision. They also differ in lightness, and the decision is always in words, too.
_COLOURS = {
    Verdict.POSITIVE: ("#F6D5CC", "#8A2A0C"),
    Verdict.NEGATIVE: ("#D6E6F4", "#0B4A7A"),
    Verdict.INDETERMINATE: ("#FBEBC0", "#6B4A00"),
    Verdict.INSUFFICIENT: ("#E6E6E6", "#444444"),
}
_FORMATS: dict[str, dict[str, Any]] = {
    "head": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "vcenter"},
    "title": {"bold": True, "font_size": 14},
    "notice": {"italic": True, "font_color": "#8A2A0C"},
    "bold": {"bold": True},
    "text": {"valign": "top"},
    "wrap": {"text_wrap": True, "valign": "top"},
    "whole": {"num_format": "0", "valign": "top"},
    "percent": {"num_format": "0.0", "valign": "top"},
    "hundredths": {"num_format": "0.00", "valign": "top"},
    "total": {"num_format": "0", "bold": True, "top": 1},
    "total_percent": {"num_format": "0.0", "bold": True, "top": 1},
    "total_text": {"bold": True, "top": 1},
    "ratio": {"num_format": "0.0", "align": "left"},
    "left": {"num_format": "0", "align": "left"},
}


def write_workbook(report: CohortReport, path: Path) -> None:
    """Write the workbook: patients, a differential per patient, and provenance.

    Percentages are numbers 0..100 as in `patient_row`, displayed with one decimal. Text is never taken as a
    formula or a link. Equal reports give equal bytes.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    # Made in memory, as on a full disk the library leaves an archive half closed, of which Python complains.
    made = BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True, **options}) as book:
        # The creation date is that of the run, so that bytes do not depend on the clock.
        book.set_properties(
            {
                "title": "marrowscope",
                "comments": NOTICE,
                "created": datetime.fromisoformat(report.provenance.started).replace(tzinfo=None),
            }
        )
        _Writer(book).write(report)
    write_atomic(path, made.getvalue())


class _Writer:
    """The sheets of one workbook."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._formats = {name: book.add_format(look) for name, look in _FORMATS.items()}
        self._verdicts = {
            verdict: book.add_format({"bg_color": fill, "font_color": ink, "bold": True})
            for verdict, (fill, ink) in _COLOURS.items()
        }

    def write(self, report: CohortReport) -> None:
        overview = self._book.add_worksheet(_PATIENTS)
        taken = [_PATIENTS, _PROVENANCE]
        sheets = []
        for patient in report.patients:
            taken.append(sheet_name(patient.patient, taken))
            sheets.append(self._book.add_worksheet(taken[-1]))
        self._overview(overview, report.patients, taken[2:])
        for sheet, patient in zip(sheets, report.patients, strict=True):
            self._differential(sheet, patient, report.laboratory)
        self._provenance(self._book.add_worksheet(_PROVENANCE), report)

    def _overview(self, sheet: Any, patients: Sequence[PatientReading], names: Sequence[str]) -> None:
        has_truth = any(patient.truth for patient in patients)
        columns = [*PATIENT_COLUMNS, "sheet", *(["known state"] if has_truth else [])]
        for column, name in enumerate(columns):
            title, width = _TITLES.get(name, (name.capitalize(), 24))
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, title, self._formats["head"])
        for line, (patient, name) in enumerate(zip(patients, names, strict=True), start=1):
            words = {"decision": patient.decision.words}
            row = {**patient_row(patient), **words, "sheet": name, "known state": patient.known_state}
            for column, key in enumerate(columns):
                self._write(sheet, line, column, row[key], "wrap" if key == "reasons" else None)
        sheet.set_row(0, 30)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, max(len(patients), 1), len(columns) - 1)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.write_string(len(patients) + 2, 0, NOTICE, self._formats["notice"])
        if patients:
            decisions = [patient.decision for patient in patients]
            self._colour_decisions(sheet, 1, PATIENT_COLUMNS.index("decision"), decisions)

    def _differential(self, sheet: Any, patient: PatientReading, laboratory: Laboratory) -> None:
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, len(_DIFFERENTIAL) - 1, 12)
        sheet.write_string(0, 0, shown(patient.patient), self._formats["title"])
        sheet.write_string(1, 0, NOTICE, self._formats["notice"])
        network = patient.review.network.differential.counts if patient.review else None
        for column, title in enumerate(_DIFFERENTIAL[: None if network is not None else -1]):
            sheet.write_string(3, column, title, self._formats["head"])
        sheet.freeze_panes(4, 1)
        comparison = compare(patient, laboratory)
        line = 4
        for row in type_rows(patient):
            self._write(sheet, line, 0, row.cell_type.name, "bold" if row.cell_type.is_blast else None)
            self._write(sheet, line, 1, row.cells)
            self._share(sheet, line, row.interval)
            self._write(sheet, line, 2, row.share.percent, "percent")
            self._write(sheet, line, 5, file_percent(row.share.exact.low), "percent")
            self._write(sheet, line, 6, file_percent(row.share.exact.high), "percent")
            self._write(sheet, line, 7, round(row.share.effective))
            self._compared(sheet, line, comparison.by_type.get(row.cell_type.id))
            if network is not None:
                self._write(sheet, line, 11, network.get(row.cell_type.id, 0))
            line += 1
        counted = patient.differential.counted
        self._write(sheet, line, 0, f"Counted {patient.details.specimen.counted}s", "total_text")
        self._write(sheet, line, 1, counted, "total")
        self._write(sheet, line, 2, 100.0 if counted else None, "total_percent")
        line = self._ranges(sheet, line + 1, comparison)
        line = self._facts(sheet, line + 1, patient, comparison)
        rows = excluded_rows(patient.differential) or (("nothing", None),)
        line = self._table(sheet, line + 1, ("Not in the count", "Cells"), rows)
        if large := tuple(megakaryocyte_rows(patient)):
            line = self._table(sheet, line + 1, large[0], large[1:], "hundredths")
        line = self._table(sheet, line + 1, ("Case", ""), case_rows(patient))
        line = self._signed(sheet, line + 1, patient)
        self._decisions(sheet, line, patient)

    def _table(
        self,
        sheet: Any,
        line: int,
        titles: Sequence[Value],
        rows: Iterable[Sequence[Value]],
        decimals: str = "percent",
    ) -> int:
        """Write rows below their titles; return the next free line."""
        for number, row in enumerate((titles, *rows), start=line):
            for column, value in enumerate(row):
                own = decimals if isinstance(value, float) else None
                self._write(sheet, number, column, value, "head" if number == line else own)
            line_after = number + 1
        return line_after

    def _compared(self, sheet: Any, line: int, compared: Compared | None) -> None:
        """Write a reference range, and where the figure lies outside it."""
        if compared is None:
            return
        self._write(sheet, line, 8, compared.range.low, "percent")
        self._write(sheet, line, 9, compared.range.high, "percent")
        self._write(sheet, line, 10, compared.flag.value, "bold")

    def _ranges(self, sheet: Any, line: int, comparison: Comparison) -> int:
        """Write figures of several types with their ranges, and the ranges' sources; return the next line."""
        for group in comparison.groups:
            self._write(sheet, line, 0, group.range.title)
            self._write(sheet, line, 1, group.cells)
            self._write(sheet, line, 2, group.value)
            self._compared(sheet, line, group)
            line += 1
        for source in comparison.sources:
            self._write(sheet, line, 0, f"Reference: {source}")
            line += 1
        if comparison.missing:
            self._write(sheet, line, 0, comparison.missing)
            line += 1
        return line

    def _facts(self, sheet: Any, line: int, patient: PatientReading, comparison: Comparison) -> int:
        """Write the figures beside the differential; return the next free line."""
        differential, exact = patient.differential, patient.exact_interval
        self._write(sheet, line, 0, "Blasts, of all counted cells", "bold")
        self._write(sheet, line, 1, differential.blasts)
        if exact is not None:
            self._write(sheet, line, 5, file_percent(exact.low))
            self._write(sheet, line, 6, file_percent(exact.high))
        shares: list[tuple[str, Interval | None]] = [
            ("Blasts, of all counted cells", patient.blast_interval),
            ("Blasts, what decides", patient.adjusted_interval),
            ("Blasts, of non-erythroid cells", non_erythroid_blasts(patient)),
            ("Blasts, inferred from reviewed cells", patient.reviewed_interval),
            ("Blasts, resampled fields", patient.bootstrap_interval),
            ("Blasts, if like the laboratories measured", patient.expected_interval),
        ]
        if patient.review is not None:
            shares.append(("Blasts, networks alone", patient.review.network.blast_interval))
            self._write(sheet, line + len(shares) - 1, 1, patient.review.network.differential.blasts)
        for number, (title, interval) in enumerate(shares, start=line):
            self._write(sheet, number, 0, title, "bold" if number == line else None)
            self._share(sheet, number, interval)
        line += len(shares)
        self._write(sheet, line, 0, "Effective cells, design effect")
        self._write(sheet, line, 1, round(patient.clustering.effective(differential.counted)), "whole")
        self._write(sheet, line, 2, round(patient.clustering.design_effect, 2), "hundredths")
        line += 1
        for figure, title, value, text in beside_rows(patient):
            for column, cell in enumerate((title, value, text)):
                self._write(sheet, line, column, cell)
            self._compared(sheet, line, comparison.beside.get(figure))
            line += 1
        rows = ((row.name, row.cells, row.percent) for row in lineage_rows(differential))
        line = self._table(sheet, line + 1, ("Lineage", "Cells", "Percent"), rows)
        spread = sampling(patient)
        if spread is not None and len(spread.slides) > 1:
            line = self._table(sheet, line + 1, ("Slide", "Counted cells"), spread.slides)
        return line

    def _signed(self, sheet: Any, line: int, patient: PatientReading) -> int:
        """Write the signed names beside the networks', if there are any; return the next free line."""
        names = signed_names(patient)
        if names is None:
            return line
        rows: list[tuple[Value, ...]] = [
            (row.cell_type.name, row.signed, row.signed_percent, row.network, row.network_percent)
            for row in names.rows
        ]
        title = f"Counted {patient.details.specimen.counted}s"
        rows.append((title, names.signed.counted, None, names.network.counted, None))
        shares = (names.signed_blasts, names.network_blasts)
        blasts = [None if share is None else file_percent(share.estimate) for share in shares]
        rows.append(("Blasts", names.signed.blasts, blasts[0], names.network.blasts, blasts[1]))
        rows.append(("Named alike", names.agreement.agreed, None, None, None))
        line = self._table(sheet, line, ("Signed names", "Signed", "Percent", "Networks", "Percent"), rows)
        kappa = names.agreement.kappa
        self._write(sheet, line, 0, "Cohen's kappa")
        self._write(sheet, line, 1, None if kappa is None else kappa.estimate, "hundredths")
        return line + 2

    def _decisions(self, sheet: Any, line: int, patient: PatientReading) -> None:
        titles = ("Rule", "Above when", "", "Decision", "More cells to settle", "Band")
        for column, title in enumerate(titles):
            self._write(sheet, line, column, title, "head")
        decisions = (patient.decision, *patient.alternatives)
        for number, decision in enumerate(decisions, start=1):
            self._write(sheet, line + number, 0, decision.rule.title)
            self._write(sheet, line + number, 1, decision.rule.condition)
            self._write(sheet, line + number, 3, decision.words)
            self._write(sheet, line + number, 4, decision.cells_to_settle, "whole")
            self._write(sheet, line + number, 5, decision.band)
        self._colour_decisions(sheet, line + 1, 3, decisions)
        line += len(decisions) + 2
        self._write(sheet, line, 0, "Reasons, limits and flags", "head")
        for number, text in enumerate((*patient.decision.reasons, *patient.limits, *patient.flags), start=1):
            self._write(sheet, line + number, 0, text)

    def _provenance(self, sheet: Any, report: CohortReport) -> None:
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, 1, 70)
        provenance = report.provenance
        facts: list[tuple[str, Value]] = [
            ("Version", provenance.version),
            ("Networks", provenance.bundle),
            ("Networks' SHA-256", provenance.bundle_sha256),
            ("Started (UTC)", provenance.started),
            ("Finished (UTC)", provenance.finished),
            *((f"Setting: {name}", value) for name, value in sorted(provenance.settings.items())),
            *((f"Seconds: {name}", value) for name, value in provenance.seconds.items()),
        ]
        for patient in report.patients:
            name = shown(patient.patient)
            facts += [(f"{title}: {name}", text) for title, text in review_facts(patient)]
            facts += [
                (f"Scale: {name}", f"{mpp:.4f} µm per pixel from {source} ({quantity(number, 'field')})")
                for mpp, source, number in scales(patient.fields)
            ]
            facts += [
                (f"Failed field: {name}", f"{field.name}: {field.message}")
                for field in fields_with(patient, FieldStatus.FAILED)
            ]
        sheet.write_string(0, 0, NOTICE, self._formats["notice"])
        sheet.write_string(1, 0, "Fact", self._formats["head"])
        sheet.write_string(1, 1, "Value", self._formats["head"])
        sheet.freeze_panes(2, 0)
        for line, (name, value) in enumerate(facts, start=2):
            self._write(sheet, line, 0, name, "text")
            self._write(sheet, line, 1, value, "left" if isinstance(value, int | float) else "wrap")

    def _share(self, sheet: Any, line: int, interval: Interval | None) -> None:
        """Write a share and its interval as percentages into the third to fifth columns."""
        if interval is None:
            return
        for column, share in enumerate((interval.estimate, interval.low, interval.high), start=2):
            self._write(sheet, line, column, file_percent(share))

    def _colour_decisions(self, sheet: Any, line: int, column: int, decisions: Sequence[Decision]) -> None:
        words = {(one.verdict, one.words) for one in decisions}
        for verdict, text in sorted(words):
            rule = {"type": "cell", "criteria": "==", "value": f'"{text}"', "format": self._verdicts[verdict]}
            sheet.conditional_format(line, column, line + len(decisions) - 1, column, rule)

    def _write(self, sheet: Any, line: int, column: int, value: Value, look: str | None = None) -> None:
        if value is None:
            return
        if isinstance(value, int | float):
            own = "percent" if isinstance(value, float) else "whole"
            sheet.write_number(line, column, value, self._formats[look or own])
        else:
            sheet.write_string(line, column, shown(value), self._formats[look or "text"])
