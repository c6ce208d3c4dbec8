"""The page stands alone, escapes what it is given, and prints the figures of the tables."""

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment
from tests.service.browser import browsing

from marrowscope.domain.decision import Verdict
from marrowscope.domain.percent import percent_text, range_text
from marrowscope.exports.figures import share_rows
from marrowscope.exports.html import render, write_html
from marrowscope.exports.pictures import FULL, NoPictures, cells_to_show, limits_for
from marrowscope.exports.tables import patient_row

from .fake_report import DrawnPictures, failed_field, nine_patients, patient, real_pictures, report


@pytest.fixture(scope="module")
def page() -> str:
    cohort = nine_patients()
    return render(cohort, DrawnPictures(cohort))


class _Tags(HTMLParser):
    """Collects tags with their attributes and checks that they close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page)
    assert parser.open == []
    return parser.found


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    assert not re.search(r"https?://|@import|url\(", page)
    for tag, attributes in _tags(page):
        assert tag not in {"script", "link", "iframe", "object", "embed", "base"}
        assert not [name for name in attributes if name.startswith("on")]
        source = attributes.get("src")
        assert source is None or source.startswith("data:image/jpeg;base64,")
        link = attributes.get("href")
        assert link is None or link.startswith(("#", "annotated/"))


def test_names_are_text_not_markup(page: str) -> None:
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "山田 太郎" in page
    assert "Фёдорова Анна" in page


def test_figures_are_those_of_the_tables(page: str) -> None:
    table = page[page.index("<tbody>") : page.index("</tbody>")]
    lines = table.split("<tr>")[1:]
    for line, reading in zip(lines, nine_patients().patients, strict=True):
        row = patient_row(reading)
        numbers = re.findall(r'<td class="n(?: [^"]*)?">([^<]*)', line)
        assert f">{reading.decision.words}</span>" in line
        if row["blast_percent"] is None:
            assert numbers[:2] == ["–", "–"]
        else:
            assert numbers[0] == percent_text(float(str(row["blast_percent"])) / 100)
            # The tables carry two decimals, the page prints those with one.
            bounds = [float(str(row[name])) / 100 for name in ("adjusted_low", "adjusted_high")]
            assert (f"({range_text(*bounds)})" in line) == reading.decision.is_by_enough_cells
        assert [int(n) for n in numbers[2:5]] == [row["blasts"], row["counted"], row["fields"]]


def test_every_patient_starts_with_the_decision(page: str) -> None:
    sections = page.split('<section class="patient" id="patient-')[1:]
    assert len(sections) == 9
    for section, reading in zip(sections, nine_patients().patients, strict=True):
        words = unescape(re.sub(r"<[^>]+>", " ", section))
        verdict = reading.decision.words
        assert words.index(verdict) < words.index("Differential") < words.index("Comparison of rules")
        for reason in (*reading.decision.reasons, *reading.limits, *reading.flags):
            assert reason in words
        for other in reading.alternatives:
            assert other.rule.title in words
        for cell_type, number in reading.differential.counts.items():
            assert re.search(rf"{number}\b", words), cell_type


def test_research_use_and_provenance_are_said(page: str) -> None:
    assert "Research use only" in page
    assert "4c1d" * 16 in page
    assert "marrowscope-1" in page


def test_known_states_make_a_confusion_matrix(page: str) -> None:
    part = page[page.index("Known state and decision") :]
    rows = re.findall(r'<tr><td class="name">([\w ]+)</td>(.*?)</tr>', part)
    numbers = {name: [int(n) for n in re.findall(r">(\d+)<", cells)] for name, cells in rows}
    assert list(numbers) == ["leukemia", "no leukemia"]
    assert sum(numbers["leukemia"][:4]) == numbers["leukemia"][4] == 4
    assert "healthy" not in part
    unknown = render(report([patient("p")]), NoPictures())
    assert "Known state" not in unknown


def test_poor_input_gives_a_page(tmp_path: Path) -> None:
    failures = [failed_field(f"{i}.jpg", "<b>truncated</b>") for i in range(60)]
    cohort = report(
        [patient("\udcff", fields=0, cells=0, extra=failures), patient("none", fields=0, cells=0)]
    )
    write_html(cohort, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    _tags(page)
    assert "&lt;b&gt;truncated&lt;/b&gt;" in page
    assert "and 10 more fields that could not be read" in page
    assert "There were no fields to read." in page
    _tags(render(report([]), NoPictures()))


def test_the_cells_missing_to_the_floor_are_not_said_to_settle_the_case() -> None:
    few = report([patient("P01", blast_share=0.2, cells=120, fields=3)])
    counted = few.patients[0].differential.counted
    page = render(few, NoPictures())
    assert f"at least {200 - counted} more counted cells, to decide at all" in page
    assert "about " not in page.split("To settle the case")[1].split("</table>")[0]


def test_equal_reports_give_equal_bytes(page: str) -> None:
    cohort = nine_patients()
    assert render(cohort, DrawnPictures(cohort)) == page


def test_cells_shown_are_the_likeliest() -> None:
    reading = patient("p", 0.6, cells=400, fields=4)
    by_name = {field.name: field for field in reading.fields}
    chosen = [by_name[name].cells[row] for name, row in cells_to_show(reading)]
    blasts = [cell for cell in chosen if cell.is_blast]
    assert len(blasts) == FULL.blasts
    assert chosen[: len(blasts)] == blasts
    counted = [cell.p_blast for cell in reading.cells if cell.is_blast and cell.is_counted]
    assert [cell.p_blast for cell in blasts] == sorted(counted, reverse=True)[: len(blasts)]
    assert sum(cell.cell_type == "lymphocyte" for cell in chosen) == FULL.of_a_type


def test_large_cohorts_show_fewer_pictures() -> None:
    assert limits_for(9) == FULL
    many = limits_for(100)
    assert 0 < many.blasts < FULL.blasts
    assert 0 < many.fields < FULL.fields


def test_nine_patients_with_real_cells_stay_light(shared_data: Path) -> None:
    cohort = nine_patients()
    assert len(render(cohort, real_pictures(cohort, shared_data))) < 15_000_000


def test_templates_are_compiled_once_whatever_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    first = render(report([patient("one")]), NoPictures())

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(Environment, "compile", refuse)
    assert render(report([patient("one")]), NoPictures()) == first
    assert "another" in render(report([patient("another")]), NoPictures())


def test_the_threshold_is_drawn_beside_the_titles_of_the_shares_and_never_through_one() -> None:
    (plot,) = re.findall(
        r'<svg class="plot".*?</svg>', render(report([patient("P", 0.3, 400, 10)]), NoPictures()), re.DOTALL
    )
    baselines = [int(y) for y in re.findall(r'x="10" y="(\d+)">', plot)]
    (line,) = re.findall(r'stroke-dasharray="4 3" d="(M[^"]+)"', plot)
    pieces = [(int(top), int(bottom)) for top, bottom in re.findall(r"M[\d.]+ (\d+)V(\d+)", line)]
    assert len(baselines) >= 2
    assert len(pieces) == 1 + len(baselines)
    for baseline in baselines:
        assert all(bottom <= baseline - 12 or top >= baseline + 3 for top, bottom in pieces)


def test_with_too_few_cells_no_share_is_said_to_decide() -> None:
    few, enough = (patient("P", 0.3, cells, 10) for cells in (90, 400))
    assert few.decision.verdict is Verdict.INSUFFICIENT
    pages = [render(report([each]), NoPictures()) for each in (few, enough)]
    assert [page.count(": decides</text>") for page in pages] == [0, 1]
    assert [page.count("with enough cells, it decides") for page in pages] == [1, 0]
    assert [sum(row.decides for row in share_rows(each)) for each in (few, enough)] == [0, 1]
    assert [sum(row.is_basis for row in share_rows(each)) for each in (few, enough)] == [1, 1]


def test_the_table_of_all_patients_names_no_interval_that_does_not_decide() -> None:
    few, enough = patient("few", 0.3, 90), patient("enough", 0.3, 500)
    page = render(report([few, enough]), NoPictures())
    rows = re.findall(r"<tr>\s*<td class=\"name\">.*?</tr>", page, re.DOTALL)
    assert [row.count('class="strip"') for row in rows] == [0, 1]
    assert '<td class="soft small">Too few cells</td>' in rows[0]
    for row, reading in zip(rows, (few, enough), strict=True):
        share = reading.adjusted_interval
        assert share is not None
        assert (f"({range_text(share.low, share.high)})" in row) == (reading is enough)


def test_the_table_of_all_patients_stays_within_its_page(tmp_path: Path) -> None:
    written = tmp_path / "report.html"
    write_html(nine_patients(), written)
    ends = """() => ["main", ".scroll", ".cohort"].map(
        (name) => document.querySelector(name).getBoundingClientRect().right)"""
    with browsing() as browser:
        tab = browser.new_page()
        tab.goto(written.as_uri())
        for width in (1440, 1200):
            tab.set_viewport_size({"width": width, "height": 900})
            page_ends, part_ends, table_ends = tab.evaluate(ends)
            assert table_ends <= part_ends <= page_ends
        tab.set_viewport_size({"width": 900, "height": 900})
        assert tab.evaluate("() => document.documentElement.scrollWidth") <= 900
        tab.focus(".scroll")
        tab.keyboard.press("End")
        tab.keyboard.press("ArrowRight")
        tab.wait_for_function("() => document.querySelector('.scroll').scrollLeft > 0")


@pytest.mark.parametrize("width", [500, 360])
def test_the_page_never_scrolls_sideways_on_a_phone_and_tables_do_in_their_boxes(
    tmp_path: Path, width: int
) -> None:
    cohort = nine_patients()
    write_html(cohort, tmp_path / "report.html", DrawnPictures(cohort))
    with browsing() as browser:
        tab = browser.new_page(viewport={"width": width, "height": 800})
        tab.goto((tmp_path / "report.html").as_uri())
        tab.evaluate("() => document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert tab.evaluate("() => document.documentElement.scrollWidth") == width
        differential = tab.locator(".scroll", has=tab.locator(".differential")).first
        differential.focus()
        tab.keyboard.press("ArrowRight")
        tab.wait_for_function("(box) => box.scrollLeft > 0", arg=differential.element_handle())


def test_blasts_that_are_shown_add_up_with_those_that_are_counted() -> None:
    cohort = report([patient("P", 0.3, 500, 10)])
    reading = cohort.patients[0]
    found = int(reading.cells.is_blast.sum())
    cut = found - reading.differential.blasts
    assert cut > 0
    page = render(cohort, DrawnPictures(cohort))
    assert f"60 of {found} ({cut} cut by the edge, not counted) shown" in page
