"""What Python people hold: a run opened again, as a data frame, in a notebook, as a plot."""

import re
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cohorts import analyse, table, write_fields
from tests.exports.fake_report import nine_patients, patient, report

import marrowscope
from marrowscope.codec import to_json
from marrowscope.domain.percent import percent_text, range_text
from marrowscope.errors import InputError, MissingExtraError
from marrowscope.exports.html import INKS
from marrowscope.exports.provenance import run_document
from marrowscope.report.report import Report

pandas = pytest.importorskip("pandas")
NINE = Report.of(nine_patients())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    root = tmp_path_factory.mktemp("opened")
    write_fields(root / "patients" / "007", 2, seed=3)
    write_fields(root / "patients" / "Anna Müller", 1, seed=9)
    made = analyse(root / "patients", root / "out")
    assert isinstance(made, Report)
    return made, root / "out"


def test_a_run_that_is_opened_again_is_the_same_report(finished: tuple[Report, Path]) -> None:
    made, out = finished
    again = marrowscope.open(out)
    assert isinstance(again, Report)
    assert to_json(again) == to_json(made)
    assert run_document(again) == run_document(made)


def test_a_folder_without_a_finished_run_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no record of a run: name the folder that analyse"):
        marrowscope.open(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        marrowscope.open(tmp_path / "none")


def test_frames_hold_what_the_tables_hold(finished: tuple[Report, Path]) -> None:
    made, out = finished
    for of, name in (("patients", "patients.csv"), ("cells", "cells.csv")):
        frame = made.to_frame(of)  # type: ignore[arg-type]  # both are names of tables
        rows = table(out / name)
        assert list(frame.columns) == list(rows[0])
        assert len(frame) == len(rows)
        assert frame["patient"].tolist() == [row["patient"] for row in rows]
    cells = made.to_frame("cells")
    written = np.array(
        [[float(row[side]) for side in ("x0", "y0", "x1", "y1")] for row in table(out / "cells.csv")]
    )
    np.testing.assert_allclose(cells[["x0", "y0", "x1", "y1"]].to_numpy(float), written, atol=0.06)
    assert cells.groupby("patient")["counted"].sum().to_dict() == {
        p.patient: p.differential.counted for p in made.patients
    }


def test_a_table_that_there_is_not_is_refused(finished: tuple[Report, Path]) -> None:
    with pytest.raises(InputError, match="choose patients or cells"):
        finished[0].to_frame("types")  # type: ignore[arg-type]  # what a reader may ask for


def test_figures_are_numbers_and_what_is_not_defined_is_nan() -> None:
    frame = NINE.to_frame()
    by_name = frame.set_index("patient")
    assert np.isnan(by_name.loc["no fields", "blast_percent"])
    assert by_name.loc["P02", "blast_percent"] < 5
    assert by_name["counted"].dtype.kind == "i"


def test_cells_of_one_field_are_a_frame() -> None:
    cells = NINE.patients[0].fields[0].cells
    frame = cells.to_frame()
    assert len(frame) == len(cells)
    assert frame["cell_type"].tolist() == list(cells.cell_types)
    assert frame["is_blast"].sum() == cells.is_blast.sum()


def test_without_pandas_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    for make in (NINE.to_frame, NINE.patients[0].fields[0].cells.to_frame):
        with pytest.raises(MissingExtraError, match=r"pip install 'marrowscope\[pandas\]'"):
            make()


def test_a_notebook_shows_a_row_for_each_patient_and_no_markup_of_names() -> None:
    page = NINE._repr_html_()
    assert page.count("<tr>") == 1 + len(NINE.patients)
    assert "<script>" not in page
    assert "Above 20 %" in page


def test_a_notebook_shows_what_decides_as_the_report_does_and_why_nothing_does() -> None:
    few, none, clear = patient("few", 0.3, 90), patient("none", 0, cells=0, fields=0), patient("clear", 0.62)
    rows = re.findall(r"<tr>(.*?)</tr>", Report.of(report([few, none, clear]))._repr_html_())
    heads, *cells = [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in rows]
    told = [row[heads.index("What decides, %")] for row in cells]
    deciding = clear.adjusted_interval
    assert deciding is not None
    assert told == ["Too few cells", "No cell counted", range_text(deciding.low, deciding.high)]
    counted = [each.blast_interval for each in (few, clear) if each.blast_interval]
    assert [row[heads.index("Blasts, % (as counted)")] for row in cells] == [
        percent_text(counted[0].estimate), "", percent_text(counted[1].estimate),
    ]  # fmt: skip


# The font of matplotlib has Latin, Greek and Cyrillic letters.
LATIN = Report.of(report([p for p in NINE.patients if "山" not in p.patient]))


@pytest.mark.parametrize("cohort", [LATIN, Report.of(report([patient("P01")])), Report.of(report([]))])
def test_plots_are_drawn(cohort: Report) -> None:
    figure = cohort.plot()
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    with Image.open(drawn) as picture:
        assert np.asarray(picture.convert("L")).min() < 100
    (axes,) = figure.axes
    if len(cohort.patients) > 1:
        assert [label.get_text() for label in axes.get_yticklabels()][-1] == cohort.patients[0].patient


def test_the_plot_shows_what_decides_and_the_counted_share_beside_it() -> None:
    (figure_axes,) = LATIN.plot().axes
    places = {line: float(np.asarray(line.get_ydata())[0]) for line in figure_axes.lines}
    bars = {place: line for line, place in places.items() if line.get_linewidth() > 3}
    rings = {place: line for line, place in places.items() if line.get_marker() == "o"}
    for place, each in enumerate(reversed(LATIN.patients)):
        deciding, counted = each.adjusted_interval, each.blast_interval
        if deciding is None or counted is None:
            assert place not in {*bars, *rings}
            continue
        assert np.asarray(bars[place].get_xdata()) == pytest.approx([100 * deciding.low, 100 * deciding.high])
        assert bars[place].get_color() == INKS[each.decision.verdict.value]
        assert np.asarray(rings[place].get_xdata()) == pytest.approx([100 * counted.estimate])


def test_the_plot_names_the_colour_of_each_decision_in_it() -> None:
    (legend,) = LATIN.plot().legends
    named = [text.get_text() for text in legend.get_texts()]
    assert {*named} == {each.decision.words for each in LATIN.patients} | {"as counted, which never decides"}
    assert len(named) == len({*named})


def test_a_report_says_in_one_line_what_it_holds() -> None:
    said = repr(Report.of(report([patient("P01", 0.62, 540, 14), patient("P02", 0.3, 90, 3)])))
    assert said == "<Report of 2 patients, 17 fields, 630 cells, Above 20 %: 1, Too few cells: 1>"
    assert repr(Report.of(report([]))) == "<Report of 0 patients, 0 fields, 0 cells>"
