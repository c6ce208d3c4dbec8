"""How much a bundle gains by learning a few labelled cells of a laboratory it has not seen.

    python runs/adapting.py --bundle FOLD --data DATA/patients/jhu --mpp 0.138 --out runs/local/adapting.json

FOLD is a bundle whose classifier was trained without the laboratory (`folds.py`, then `marrowscope bundle
build`). In each round some of the laboratory's patients are drawn; at most --cells blasts and as many other
cells of them are learned by what `marrowscope train classifier --from` and `marrowscope bundle build` do; and
both bundles name cells of all other patients. Needs the `adapt` extra. The plan of the evaluation reads the
result (kind "adapting").
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from marrowscope.cli.console import say
from marrowscope.datasets.layouts.cells import LabelledCell, read_folder_per_type
from marrowscope.domain.rates import ErrorRates
from marrowscope.errors import DatasetError, MarrowscopeError
from marrowscope.evaluation.networks.adapting import AdaptingResult
from marrowscope.evaluation.networks.classifier import BlastResult, evaluate_classifier
from marrowscope.evaluation.networks.measured import write_measured
from marrowscope.evaluation.networks.shown_cells import cells_of_folders
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.classifier import Classifier
from marrowscope.models.detector import Detector
from marrowscope.training.adapting.adapt import adapt_classifier
from marrowscope.training.release import bundle_of_runs

FEWEST_OF_A_KIND = 10  # cells of a patient that is drawn
EVERY = 3  # of the cells asked, each third: they are many


def adapting(
    bundle: Bundle, cells: Sequence[LabelledCell], mpp: float, options: argparse.Namespace
) -> AdaptingResult:
    """Measure a bundle before and after adapting, on cells of patients that were not learned from."""
    learned, before, after = [], [], []
    for number in range(options.rounds):
        shown, asked = drawn(cells, options.patients, options.cells, seed=number)
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            link_cells(shown, work / "shown")
            adapt_classifier(
                work / "shown", work / "run", bundle=bundle.folder, mpp=mpp, threads=options.threads
            )
            adapted = bundle_of_runs(
                work / "bundle", None, work / "run", bundle.folder,
                name="adapted", version="1", licence=bundle.licence,
            )  # fmt: skip
            before.append(blasts(bundle, asked, mpp, options.threads))
            after.append(blasts(adapted, asked, mpp, options.threads))
        learned.append(numbers(shown))
        say(f"round {number + 1}: AUC {before[-1].auc.value} before, {after[-1].auc.value} after")
    where = f"{options.data.name}, {options.rounds} draws of {options.patients} patients"
    counts = together(before, where), together(after, where)
    return AdaptingResult(options.cells, tuple(learned), *counts, mean_auc(before), mean_auc(after))


def drawn(
    cells: Sequence[LabelledCell], patients: int, of_each: int, seed: int
) -> tuple[list[LabelledCell], list[LabelledCell]]:
    """Draw cells of some patients to learn from, and cells of all others to ask."""
    rng = np.random.default_rng(seed)
    groups = np.array([cell.group for cell in cells])
    is_blast = np.array([cell.is_blast for cell in cells])
    rich = [
        group
        for group in np.unique(groups)
        if min((groups == group)[is_blast].sum(), (groups == group)[~is_blast].sum()) >= FEWEST_OF_A_KIND
    ]
    if len(rich) < patients:
        raise DatasetError(f"only {len(rich)} patients have {FEWEST_OF_A_KIND} blasts and as many others")
    chosen = np.isin(groups, rng.choice(rich, patients, replace=False))
    rows = [rng.permutation(np.flatnonzero(chosen & kind))[:of_each] for kind in (is_blast, ~is_blast)]
    asked = np.flatnonzero(~chosen)[::EVERY]
    return [cells[row] for row in np.concatenate(rows)], [cells[row] for row in asked]


def link_cells(cells: Sequence[LabelledCell], folder: Path) -> None:
    """Link cells into a folder per type, the patient in the file's name."""
    for number, cell in enumerate(cells):
        patient = cell.group.rsplit("/", 1)[-1]
        path = folder / cell.taxonomy_type / f"{patient}@{number}{cell.path.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(cell.path.absolute())


def blasts(bundle: Bundle, cells: Sequence[LabelledCell], mpp: float, threads: int) -> BlastResult:
    """Measure the blast head on cells."""
    settings = bundle.classifier
    shown = cells_of_folders(cells, Detector(bundle, threads), settings, mpp)
    return evaluate_classifier(
        Classifier(bundle, threads),
        shown,
        blast_threshold=settings.blast_threshold,
        type_threshold=settings.type_threshold,
    ).blast


def numbers(cells: Sequence[LabelledCell]) -> dict[str, int]:
    """Cells of each type."""
    types = [cell.taxonomy_type for cell in cells]
    return {kind: types.count(kind) for kind in sorted(set(types))}


def together(results: Sequence[BlastResult], source: str) -> ErrorRates:
    """Sum the counts of all rounds."""
    return ErrorRates(
        sum(each.n_blasts_called for each in results),
        sum(each.n_blasts for each in results),
        sum(each.n_others_cleared for each in results),
        sum(each.n_others for each in results),
        source,
    )


def mean_auc(results: Sequence[BlastResult]) -> float:
    """Mean over the rounds."""
    return float(np.mean([r.auc.value for r in results]))


def main() -> None:
    """Measure and write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--data", type=Path, required=True, help="a laboratory's cells, patient by patient")
    options.add_argument("--mpp", type=float, required=True, help="micrometres per pixel of the images")
    options.add_argument("--bundle", required=True, help="folder of a bundle that never saw them")
    options.add_argument("--out", type=Path, default=Path(__file__).parent / "local" / "adapting.json")
    options.add_argument("--cells", type=int, default=50, help="at most so many blasts, and others")
    options.add_argument("--patients", type=int, default=5, help="of so many patients")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=2)
    given = options.parse_args()
    try:
        bundle = load_bundle(given.bundle)
        result = adapting(bundle, read_folder_per_type(given.data), given.mpp, given)
    except MarrowscopeError as error:
        raise SystemExit(str(error)) from error
    write_measured(result.to_json(), given.out)
    print(f"{given.out}: {result.to_json()}")


if __name__ == "__main__":
    main()
