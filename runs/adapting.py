"""How much a bundle gains by learning a few labelled cells of a source it has not seen.

    python runs/adapting.py --data DATA/fields/allidb_validation --out runs/local/adapting.json

The fields are dealt into rounds. In each, cells of the other rounds' fields are cut out, at most --cells of
each kind; the bundle is adapted to them by what `marrowscope train classifier --from` and `marrowscope bundle
build` do; and both bundles name the cells of this round's fields, cut out alike. Needs the `train` extra.
The plan of the evaluation reads the result (kind "adapting").
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from marrowscope.cli.console import say
from marrowscope.datasets.layouts.fields import LabelledField, read_fields
from marrowscope.domain.geometry import longer_sides
from marrowscope.domain.rates import ErrorRates
from marrowscope.errors import DatasetError, MarrowscopeError
from marrowscope.evaluation.card.tests import ClassifierTest
from marrowscope.evaluation.networks.adapting import AdaptingResult, write_adapting
from marrowscope.evaluation.networks.classifier import BlastResult
from marrowscope.imaging.crops import crop_cells
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.working_scale import mpp_from_red_cells
from marrowscope.training.adapting.adapt import adapt_classifier
from marrowscope.training.release import bundle_of_runs

CONTEXT = 2.4  # room round a cell for it to be outlined, as in `data convert --to cells`


def adapting(bundle: Bundle, data: Path, cells: int, rounds: int, threads: int) -> AdaptingResult:
    """Measure a bundle before and after adapting, on every labelled cell of a set once."""
    fields = read_fields(data)
    mpp = mpp_from_red_cells(field.pixels() for field in fields)
    learned, before, after = [], [], []
    for test in range(rounds):
        shown = at_most([field for i, field in enumerate(fields) if i % rounds != test], cells, seed=test)
        asked = [field for i, field in enumerate(fields) if i % rounds == test]
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            write_cells(shown, work / "shown")
            write_cells(asked, work / "asked")
            adapt_classifier(work / "shown", work / "run", bundle=bundle.folder, mpp=mpp, threads=threads)
            adapted = bundle_of_runs(
                work / "bundle", None, work / "run", bundle.folder,
                name="adapted", version="1", licence=bundle.licence,
            )  # fmt: skip
            blasts = ClassifierTest(work / "asked", mpp=mpp)
            before.append(blasts.measure(bundle, threads).blast)
            after.append(blasts.measure(adapted, threads).blast)
        learned.append(numbers(shown))
        say(f"round {test + 1}: AUC {before[-1].auc.value} before, {after[-1].auc.value} after")
    where = f"{data.name}, {rounds} rounds of fields"
    counts = together(before, where), together(after, where)
    return AdaptingResult(cells, tuple(learned), *counts, mean_auc(before), mean_auc(after))


def at_most(fields: Sequence[LabelledField], cells: int, seed: int) -> list[LabelledField]:
    """Mark all but `cells` randomly chosen cells of each kind to be ignored."""
    places = [
        (i, row, field.labels[row])
        for i, field in enumerate(fields)
        for row in np.flatnonzero(field.is_nucleated & ~field.ignore)
    ]
    rng = np.random.default_rng(seed)
    chosen: set[tuple[int, int]] = set()
    for kind in sorted({label for _, _, label in places}):
        of_kind = [(i, row) for i, row, label in places if label == kind]
        chosen |= {of_kind[k] for k in rng.permutation(len(of_kind))[:cells]}
    return [
        replace(field, ignore=np.array([(i, row) not in chosen for row in range(len(field.boxes))], bool))
        for i, field in enumerate(fields)
    ]


def numbers(fields: Sequence[LabelledField]) -> dict[str, int]:
    """Cells of each kind that are not to be ignored."""
    labels = [field.labels[row] for field in fields for row in np.flatnonzero(~field.ignore)]
    return {kind: labels.count(kind) for kind in sorted(set(labels))}


def write_cells(fields: Sequence[LabelledField], folder: Path) -> None:
    """Cut cells into a folder per kind, in the fields' own pixels, so that all are of one scale."""
    for field in fields:
        pixels = field.pixels()
        for row in np.flatnonzero(field.is_nucleated & ~field.ignore):
            box = field.boxes[row : row + 1]
            side_px = round(float(longer_sides(box)[0]) * CONTEXT)
            path = folder / field.labels[row] / f"{field.path.stem}_{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(crop_cells(pixels, box, side_px, CONTEXT)[0]).save(path)


def together(results: Sequence[BlastResult], source: str) -> ErrorRates:
    """Sum the counts of all rounds."""
    counts = [(r.n_blasts_called, r.n_blasts, r.n_others_cleared, r.n_others) for r in results]
    called, blasts, cleared, others = (sum(column) for column in zip(*counts, strict=True))
    if not blasts or not others:
        raise DatasetError(f"{source}: both blasts and other cells must be labelled")
    return ErrorRates(called, blasts, cleared, others, source)


def mean_auc(results: Sequence[BlastResult]) -> float:
    """Mean over the rounds that hold both kinds."""
    return float(np.mean([r.auc.value for r in results if r.auc.value is not None]))


def main() -> None:
    """Measure and write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument(
        "--data", type=Path, required=True, help="fields with labelled boxes of a new source"
    )
    options.add_argument("--out", type=Path, default=Path(__file__).parent / "local" / "adapting.json")
    options.add_argument("--bundle", default=None, help="built-in name or folder; the built-in one without")
    options.add_argument("--cells", type=int, default=50, help="at most so many cells of each kind are shown")
    options.add_argument("--rounds", type=int, default=5, help="parts the fields are dealt into")
    options.add_argument("--threads", type=int, default=2)
    given = options.parse_args()
    try:
        bundle = load_bundle(given.bundle)
        result = adapting(bundle, given.data, given.cells, given.rounds, given.threads)
    except MarrowscopeError as error:
        raise SystemExit(str(error)) from error
    write_adapting(result, bundle, given.out)
    print(f"{given.out}: {result.to_json()}")


if __name__ == "__main__":
    main()
