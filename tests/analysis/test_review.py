"""Cells worth reviewing, and the share that a review gives."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.exports.fake_report import patient, report
from typer.testing import CliRunner

from marrowscope.analysis.numbers import ENOUGH_REVIEWED
from marrowscope.analysis.patient import CountingSettings
from marrowscope.analysis.review import (
    Part,
    random_order,
    reviewed_share,
    share_from_random_sample,
    suggest_review,
)
from marrowscope.analysis.reviewed import Answer
from marrowscope.cli.app import app
from marrowscope.cli.commands.reading.analyse import show_reviewed, suggest
from marrowscope.datasets.layouts.csv_boxes import read_csv
from marrowscope.domain.decision import Basis
from marrowscope.domain.rates import NOTHING_KNOWN
from marrowscope.errors import InputError
from marrowscope.exports.review import read_review, with_review, write_review


def test_a_review_is_right_on_average_whatever_the_classifier_does() -> None:
    rng = np.random.default_rng(2)
    estimates, covered, widths = [], [], []
    for _ in range(600):
        truth = rng.random(500) < 0.2
        called = np.where(rng.random(500) < 0.15, ~truth, truth)  # reads 29 % where 20 % is true
        drawn = rng.permutation(500) < 100
        share = reviewed_share(truth[drawn], called[drawn], called[~drawn])
        assert share is not None
        estimates.append(share.estimate)
        covered.append(share.low <= 0.2 <= share.high)
        widths.append(share.high - share.low)
    assert np.mean(estimates) == pytest.approx(0.2, abs=0.005)
    assert np.mean(covered) > 0.92
    assert np.mean(widths) < 2 * 1.96 * np.sqrt(0.16 / 100)  # narrower than the reviewed cells alone


def test_a_review_without_disagreement_does_not_prove_a_faultless_classifier() -> None:
    truth = np.arange(50) < 10
    share = reviewed_share(truth, truth, np.arange(100_000) < 20_000)
    assert share is not None
    assert share.high - share.low > 0.05


def test_too_few_reviewed_cells_give_no_share() -> None:
    assert reviewed_share([True] * 19, [True] * 19, [False] * 100) is None
    assert reviewed_share([True] * 50, [True] * 50, []) is None


def test_suggestions_are_counted_cells_half_by_lot() -> None:
    reading = patient("a", cells=300)
    chosen = suggest_review(reading, 41)
    assert len({(s.field, s.row) for s in chosen}) == 41
    assert sum(s.part is Part.RANDOM for s in chosen) == 21
    fields = {field.name: field for field in reading.fields}
    assert all(fields[s.field].cells[s.row].is_counted for s in chosen)
    doubt = [abs(fields[s.field].cells[s.row].p_blast - 0.5) for s in chosen if s.part is Part.UNCERTAIN]
    assert doubt == sorted(doubt)
    assert {s.part for s in suggest_review(reading, 10_000)} == {Part.RANDOM}


def filled(path: Path, parts: tuple[str, ...] = ("random",), leave: int = 0) -> None:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows[leave:]:
        if row["part"] in parts:
            row["reviewed_type"] = row["cell_type"]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("looks_again", [False, True])
def test_a_file_that_names_every_counted_cell_decides(tmp_path: Path, *, looks_again: bool) -> None:
    reading = replace(patient("a", cells=300, blast_share=0.4), looks_again=looks_again)
    cohort, path = report([reading]), tmp_path / "review.csv"
    counted = reading.differential.counted
    assert write_review(cohort, path, counted) == counted
    path.write_text(path.read_text("utf-8").replace(",uncertain,", ",random,"), "utf-8")
    filled(path)
    (found,) = with_review(cohort, path, CountingSettings(), NOTHING_KNOWN).patients
    assert found.decision.decided_by is Basis.REVIEWED
    assert found.reviewed_interval is not None
    assert found.reviewed_interval.estimate == pytest.approx(reading.differential.blast_share)
    assert found.reviewed_interval.method.startswith("Wilson")
    assert (found.reviewed_interval.level > 0.99) is looks_again


def test_a_review_goes_out_and_comes_back(tmp_path: Path) -> None:
    cohort = report([patient("a", blast_share=0.3), patient("b", seed=2)])
    path = tmp_path / "review.csv"
    assert write_review(cohort, path, 80) == 160
    filled(path)
    found = read_review(cohort, path)
    assert list(found) == ["a", "b"]
    first = found["a"]
    assert first.warnings == ()
    assert first.share is not None
    raw = cohort.patients[0].blast_interval
    assert raw is not None
    assert first.share.estimate == pytest.approx(raw.estimate, abs=0.05)
    with pytest.raises(InputError, match="filled in"):
        write_review(cohort, path, 80)


def test_a_review_not_by_lot_is_told(tmp_path: Path) -> None:
    cohort = report([patient("a")])
    path = tmp_path / "review.csv"
    write_review(cohort, path, 80)
    filled(path, ("random", "uncertain"), leave=5)
    answer = read_review(cohort, path)["a"]
    assert any("not drawn by lot" in warning for warning in answer.warnings)
    assert any("Only 35 of the 40" in warning for warning in answer.warnings)
    path.write_text(path.read_text("utf-8").replace("a,slide 1", "z,slide 1"), "utf-8")
    with pytest.raises(InputError, match="patient z"):
        read_review(cohort, path)
    path.write_text("patient,field\n", "utf-8")
    with pytest.raises(InputError, match=r"missing columns: cell, x0"):
        read_review(cohort, path)


def test_the_command_writes_suggestions_and_says_what_a_review_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cohort = report([patient("a", blast_share=0.3)])
    suggest(cohort, tmp_path, 60)
    filled(tmp_path / "review.csv")
    show_reviewed(with_review(cohort, tmp_path / "review.csv", CountingSettings(), NOTHING_KNOWN))
    said = capsys.readouterr().err
    assert "60 cells to review" in said
    assert "from 30 reviewed cells drawn by lot" in said


def test_a_review_that_is_not_there_is_told_before_anything_is_read(tmp_path: Path) -> None:
    missing = tmp_path / "review.csv"
    answer = CliRunner().invoke(app, ["analyse", str(tmp_path), "--reviewed", str(missing)])
    assert answer.exit_code == 2
    assert "no such review" in answer.stderr


def test_a_filled_review_is_a_training_set_as_it_is(tmp_path: Path) -> None:
    """Only what somebody looked at teaches; a patient's cells stay together."""
    cohort = report([patient("a", blast_share=0.3), patient("b", seed=2)])
    for person in cohort.patients:
        for field in person.fields:
            path = tmp_path / "images" / person.patient / field.name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (field.width, field.height)).save(path)
    write_review(cohort, tmp_path / "review.csv", 40)
    filled(tmp_path / "review.csv")
    fields = read_csv(tmp_path / "review.csv", tmp_path / "images")
    assert sum(int((~f.ignore).sum()) for f in fields) == 40  # those drawn by lot, twenty a patient
    assert {f.group.rpartition("/")[2] for f in fields} == {"a", "b"}


def test_what_is_seen_is_not_suggested_again() -> None:
    reading = patient("a", cells=300)
    first = {(s.field, s.row) for s in suggest_review(reading, 20)}
    second = {(s.field, s.row) for s in suggest_review(reading, 20, seen=first)}
    assert len(second) == 20
    assert not first & second
    drawn = [cell for cell in random_order(reading) if cell not in first][:10]
    assert {(s.field, s.row) for s in suggest_review(reading, 20, seen=first) if s.part is Part.RANDOM} == {
        *drawn
    }


def test_the_share_rests_on_the_beginning_of_the_lot() -> None:
    reading = patient("a", cells=400, blast_share=0.2)
    cells = {field.name: field.cells for field in reading.fields}
    answers: dict[str, dict[int, Answer]] = {}
    for name, row in random_order(reading)[:60]:
        answers.setdefault(name, {})[row] = Answer(cells[name].cell_types[row])
    found = share_from_random_sample(reading, answers)
    assert found.cells == 60
    assert found.share is not None
    assert found.share.low < reading.differential.blasts / reading.differential.counted < found.share.high
    name, row = random_order(reading)[100]  # picked for its looks: tells nothing of a share
    answers.setdefault(name, {})[row] = Answer("blast")
    assert share_from_random_sample(reading, answers) == found
    name, row = random_order(reading)[10]  # taken back: the sample ends there
    answers[name][row] = Answer()
    assert share_from_random_sample(reading, answers).cells == 10
    assert share_from_random_sample(reading, answers).share is None


@pytest.mark.parametrize("cells", [400, 30])
def test_how_far_the_lot_is_says_when_its_share_decides(cells: int) -> None:
    reading = patient("a", cells=cells, blast_share=0.2)
    order = random_order(reading)
    wanted = min(ENOUGH_REVIEWED, reading.differential.counted)
    answers: dict[str, dict[int, Answer]] = {}
    for done, (name, row) in enumerate(reversed(order[:wanted]), start=1):  # in whatever order they are named
        answers.setdefault(name, {})[row] = Answer("blast")
        found = share_from_random_sample(reading, answers)
        assert (found.answered, found.wanted, found.is_enough) == (done, wanted, done == wanted)


def test_cells_that_are_none_are_told() -> None:
    reading = patient("a", cells=400, blast_share=0.2)
    answers: dict[str, dict[int, Answer]] = {}
    for name, row in random_order(reading)[:30]:
        answers.setdefault(name, {})[row] = Answer(is_deleted=True)
    found = share_from_random_sample(reading, answers)
    assert found.share is not None
    assert found.share.estimate < reading.differential.blasts / reading.differential.counted
    assert "30 of the 30" in found.warnings[0]


def test_a_hundred_cells_of_the_lot_decide(tmp_path: Path) -> None:
    cohort = report([patient("a", blast_share=0.6)])
    for number, decides in ((190, False), (200, True)):
        path = tmp_path / f"{number}.csv"
        write_review(cohort, path, number)
        filled(path)
        (found,) = with_review(cohort, path, CountingSettings(), NOTHING_KNOWN).patients
        assert (found.decision.decided_by is Basis.REVIEWED) is decides
        assert found.decision.words == ("Above 20 %" if decides else "Undecided")


def test_a_review_looked_at_after_every_answer_has_the_wider_interval() -> None:
    reading = patient("a", cells=400, blast_share=0.2)
    cells = {field.name: field.cells for field in reading.fields}
    answers: dict[str, dict[int, Answer]] = {}
    for name, row in random_order(reading)[:100]:
        answers.setdefault(name, {})[row] = Answer(cells[name].cell_types[row])
    share = share_from_random_sample(reading, answers).share
    assert share is not None
    assert share.level > 0.99
