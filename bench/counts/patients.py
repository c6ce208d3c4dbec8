"""Apply the verdict to patients of a laboratory that the networks never saw, and compare it with its own.

    python bench/counts/patients.py runs/local/jhu --apart "Johns Hopkins Hospital" \
        --write docs/explanation/statistics.md

The folder is an analysis of single-cell images that people signed (`analyse --single-cells`), by networks
that were not taught this laboratory; the signed and the counted share are of the same cells. Compared are the
ways to decide without a review: by the laboratories that a bundle knows, with and without this one among
them, and by this laboratory's validation on labelled cells of its other patients, many or few.
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import put

from marrowscope.analysis.decide import side
from marrowscope.analysis.numbers import Numbers
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.decision import OVER_20, Verdict
from marrowscope.domain.differential import Differential
from marrowscope.domain.rates import KnownErrors, Laboratory, PatientCells, Validation
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.models.bundle import load_bundle

FEWEST_CELLS = 40  # of a patient, signed and counted
NEAR = (0.15, 0.25)  # wrong decisions are told apart outside


@dataclass(frozen=True)
class Cell:
    """A cell of a patient as signed and as called; what is not counted is no part of either share."""

    patient: str
    is_signed_blast: bool
    is_signed_counted: bool
    is_called_blast: bool
    is_counted: bool


@dataclass(frozen=True)
class Outcome:
    """A patient's signed share, whether the deciding interval holds it (None without one), the verdict."""

    signed: float
    covered: bool | None
    verdict: Verdict

    @property
    def is_wrong(self) -> bool:
        """Whether the verdict contradicts the signed share."""
        above = OVER_20.is_met_by(100 * self.signed)
        return self.verdict is (Verdict.NEGATIVE if above else Verdict.POSITIVE)


def read_cells(results: Path) -> list[Cell]:
    """Return the signed cells of an analysis."""
    known = taxonomy()
    with (results / "cells.csv").open(encoding="utf-8", newline="") as stream:
        return [
            Cell(
                patient=row["patient"],
                is_signed_blast=known[row["signed_type"]].is_blast,
                is_signed_counted=known[row["signed_type"]].is_counted,
                is_called_blast=row["is_blast"] == row["counted"] == "true",
                is_counted=row["counted"] == "true",
            )
            for row in csv.DictReader(stream)
            if row["signed_type"]
        ]


def measured(cells: Sequence[Cell]) -> Laboratory:
    """Return how cells were named, as `marrowscope validate` measures it."""
    blasts = [cell for cell in cells if cell.is_signed_blast]
    others = [cell for cell in cells if cell.is_signed_counted and not cell.is_signed_blast]
    return Laboratory(
        "here",
        Specimen.BLOOD,
        len(blasts),
        sum(cell.is_called_blast for cell in blasts),
        len(others),
        sum(cell.is_called_blast for cell in others),
    )


def validation(cells: Sequence[Cell], patients: int, number: int, rng: np.random.Generator) -> KnownErrors:
    """Draw labelled cells of some patients, half of them blasts as far as there are."""
    names = sorted({cell.patient for cell in cells})
    chosen = set(rng.choice(names, min(patients, len(names)), replace=False).tolist())
    kept = [cell for cell in cells if cell.patient in chosen and cell.is_signed_counted]
    drawn: list[Cell] = []
    for of_blasts in (True, False):
        kind = [cell for cell in kept if cell.is_signed_blast is of_blasts]
        drawn += [kind[i] for i in rng.permutation(len(kind))[: number // 2]]
    of_each = []
    for name in sorted(chosen):
        one = measured([cell for cell in drawn if cell.patient == name])
        of_each.append(PatientCells(one.blasts, one.blasts_called, one.others, one.others_called))
    figures = replace(measured(drawn), by_patient=tuple(of_each))
    return KnownErrors((), Validation(figures, "", "", "", ""))


def outcome(cells: Sequence[Cell], known: KnownErrors) -> Outcome | None:
    """Decide one patient as the software does, but from fewer cells; None with too few even so."""
    signed = sum(cell.is_signed_counted for cell in cells)
    counted = sum(cell.is_counted for cell in cells)
    if min(signed, counted) < FEWEST_CELLS:
        return None
    share = sum(cell.is_signed_blast for cell in cells) / signed
    called = sum(cell.is_called_blast for cell in cells)
    numbers = Numbers(
        Differential({"blast": called, "lymphocyte": counted - called}, {}, called),
        known=known,
        specimen=Specimen.BLOOD,
    )
    interval = numbers.deciding
    if interval is None:
        return Outcome(share, None, Verdict.INDETERMINATE)
    return Outcome(share, interval.low <= share <= interval.high, side(interval, OVER_20))


def line(name: str, outcomes: Sequence[Outcome | None]) -> str:
    """Return one row of the table."""
    found = [one for one in outcomes if one is not None]
    decided = [one for one in found if one.verdict is not Verdict.INDETERMINATE]
    wrong = [one for one in decided if one.is_wrong]
    far = [one for one in wrong if not NEAR[0] <= one.signed <= NEAR[1]]
    holding = [one.covered for one in found if one.covered is not None]
    covered = f"{100 * sum(holding) / len(holding):.1f}" if holding else "no interval"
    return (
        f"| {name} | {len(found)} | {covered} | {100 * len(decided) / len(found):.1f} "
        f"| {100 * len(wrong) / len(found):.1f} | {100 * len(far) / len(found):.1f} |"
    )


def table(cells: Sequence[Cell], laboratories: Sequence[Laboratory], apart: str, draws: int) -> Iterator[str]:
    """Yield the rows."""
    names = sorted({cell.patient for cell in cells})
    of = {name: [cell for cell in cells if cell.patient == name] for name in names}
    without = KnownErrors(tuple(one for one in laboratories if one.name != apart))
    yield "| decides | patients | covers % | decided % | wrong % | wrong outside 15 to 25 % |"
    yield "|:--|--:|--:|--:|--:|--:|"
    yield line("laboratories, without this one", [outcome(of[name], without) for name in names])
    every = KnownErrors(tuple(laboratories))
    yield line("laboratories, this one among them", [outcome(of[name], every) for name in names])
    rng = np.random.default_rng(0)
    for patients, number in ((len(names), 300), (5, 300)):
        outcomes = [
            outcome(of[name], validation([c for c in cells if c.patient != name], patients, number, rng))
            for _ in range(draws)
            for name in names
        ]
        whose = "all others" if patients == len(names) else f"{patients} others"
        yield line(f"validation on {number} cells of {whose}, {draws} draws", outcomes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("results", type=Path, help="an analysis of signed single-cell images")
    parser.add_argument("--bundle", help="whose laboratories are known (built-in)")
    parser.add_argument("--apart", default="", help="name of this laboratory among them")
    parser.add_argument("--draws", type=int, default=20, help="validations drawn for each patient (20)")
    parser.add_argument("--write", type=Path, help="document whose table between the markers is replaced")
    options = parser.parse_args()
    rows = table(
        read_cells(options.results), load_bundle(options.bundle).laboratories, options.apart, options.draws
    )
    text = "\n".join(rows)
    print(text)
    if options.write:
        put(options.write, "patients", text)


if __name__ == "__main__":
    main()
