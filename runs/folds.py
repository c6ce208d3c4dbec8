"""Train variants of a recipe, each once per laboratory left out, and read that laboratory with it.

    python runs/folds.py runs/folds.toml procedure --data DATA -o runs/local/folds --page docs/comparisons.md

Every variant is trained with every seed and fold unless its folder holds a finished run; a run that was cut
short is resumed. Thresholds and temperatures come from validation patients of the laboratories that are
taught, and no test part is looked at. Writes the figures as JSON beside the runs and, with --page, the tables
between this comparison's markers of a page.
"""

import argparse
import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from marrowscope.domain.taxonomy import taxonomy
from marrowscope.evaluation.statistics.bootstrap import Estimate, group_bootstrap
from marrowscope.evaluation.statistics.metrics import (
    area_under_roc,
    balanced_accuracy,
    confusion_matrix,
    expected_calibration_error,
    f1_scores,
    reliability,
    share,
)
from marrowscope.models.bundle import ClassifierSettings
from marrowscope.training.classifier.recipe import ClassifierRecipe
from marrowscope.training.classifier.report import PREDICTIONS
from marrowscope.training.classifier.train import train_classifier
from marrowscope.training.finished_run import read_run
from marrowscope.training.loop import CHECKPOINT
from marrowscope.training.run_log import METRICS

Weights = npt.NDArray[np.float64]
FEWEST_OF_A_PATIENT = 40  # cells, for a share
FEWEST_PATIENTS = 10
SMALLER_IS_BETTER = {
    "smudge cells called blasts", "calibration error", "share of a patient, mean absolute error",
}  # fmt: skip
TYPES = "types, macro F1"
"""The one figure that a laboratory without blasts, or with nothing else, has, too."""
FEWEST = 20  # cells of a type in the laboratory left out and in those taught, for its F1 to count


@dataclass(frozen=True)
class Reading:
    """How one run read the laboratory it never saw: a column for each thing known of n cells."""

    fold: str
    is_blast: npt.NDArray[np.bool_]
    p_blast: npt.NDArray[np.float64]
    types: npt.NDArray[np.int64]
    named: npt.NDArray[np.int64]
    groups: list[str]
    threshold: float
    names: tuple[str, ...]
    taught: frozenset[int]
    background_auc: float | None

    @property
    def called(self) -> npt.NDArray[np.bool_]:
        """Whether each cell is called a blast."""
        return self.p_blast >= self.threshold

    @property
    def has_both(self) -> bool:
        """Whether the laboratory has blasts and others."""
        return bool(self.is_blast.any() and not self.is_blast.all())


def main() -> None:
    """Train what is not trained yet, read, write."""
    options = _parse()
    plan = tomllib.loads(options.plan.read_text("utf-8"))[options.comparison]
    base = ClassifierRecipe.from_toml(options.plan.parent / plan["recipe"], options.data)
    base = replace(base, look_at_test=False, cache=options.out / "cache", **plan.get("settings", {}))
    rows = []
    for variant in plan["variant"]:
        readings = [
            _reading(base, dict(variant), fold, seed, options)
            for fold in plan["folds"]
            for seed in plan["seeds"]
        ]
        rows.append({"name": variant["name"], "folds": _figures(readings, plan["folds"])})
    result = {"comparison": options.comparison, "steps": base.steps, "seeds": plan["seeds"], "rows": rows}
    (options.out / f"{options.comparison}.json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    text = _markdown(result)
    print(text)
    if options.page:
        _put(options.page, options.comparison, text)


def _reading(
    base: ClassifierRecipe, variant: dict[str, Any], fold: str, seed: int, options: argparse.Namespace
) -> Reading:
    """Train one variant without one laboratory, if that is not done yet, and give what it reads there."""
    name = variant.pop("name")
    folder = options.out / options.comparison / f"{name.replace(' ', '-')}-{fold}-{seed}"
    recipe = replace(base, left_out=(fold,), seed=seed, **variant)
    if not _is_finished(folder, recipe):
        print(f"{name}, without {fold}, seed {seed} ...", flush=True)
        train_classifier(recipe, folder, resume=(folder / CHECKPOINT).is_file())
    run = read_run(folder, ClassifierSettings)
    with np.load(folder / PREDICTIONS) as stored:
        read = {key.removeprefix("left_out_"): stored[key] for key in stored if key.startswith("left_out_")}
        taught = np.unique(stored["val_types"], return_counts=True)
    return Reading(
        fold, read["is_blast"], read["p_blast"], read["types"], read["named"], read["groups"].tolist(),
        run.settings.blast_threshold, run.settings.types,
        frozenset(int(t) for t, n in zip(*taught, strict=True) if t >= 0 and n >= FEWEST / 5),
        run.figures["left_out"]["background"]["auc"],
    )  # fmt: skip


def _is_finished(folder: Path, recipe: ClassifierRecipe) -> bool:
    """Whether the run's last line is an evaluation at the end of its schedule."""
    if not (folder / METRICS).is_file():
        return False
    last = json.loads((folder / METRICS).read_text("utf-8").splitlines()[-1])
    over_time = recipe.minutes is not None and last["seconds"] >= 60 * recipe.minutes
    return "loss" not in last and (over_time or last["step"] >= recipe.steps)


def _auc(read: Reading, weights: Weights) -> float:
    return area_under_roc(read.is_blast, read.p_blast, weights)


def _balanced(read: Reading, weights: Weights) -> float:
    return balanced_accuracy(read.is_blast, read.called, weights)


def _sensitivity(read: Reading, weights: Weights) -> float:
    return share(read.called, read.is_blast, weights)


def _specificity(read: Reading, weights: Weights) -> float:
    return share(~read.called, ~read.is_blast, weights)


def _types_f1(read: Reading, weights: Weights) -> float:
    """Mean F1 over the types that both sides know; a cell called a blast is named none of them."""
    k = len(read.names)
    typed = (read.types >= 0) & ~read.is_blast
    named = np.where(read.called, k, read.named)
    matrix = confusion_matrix(read.types[typed], named[typed], k + 1, k + 1, weights[typed])
    here = np.bincount(read.types[typed], minlength=k + 1)
    known = [t for t in sorted(read.taught) if here[t] >= FEWEST]
    return float(np.mean(f1_scores(matrix)[known])) if known else float("nan")


def _smudges(read: Reading, weights: Weights) -> float:
    index = read.names.index("smudge_cell") if "smudge_cell" in read.names else -2
    return share(read.called, read.types == index, weights)


def _calibration(read: Reading, _: Weights) -> float:
    return float(expected_calibration_error(reliability(read.is_blast, read.p_blast)))


def _share_errors(read: Reading) -> npt.NDArray[np.float64]:
    """Give how many points the share of called blasts is above the true one, patient by patient."""
    counted = np.array([taxonomy()[name].is_counted for name in read.names])
    true = read.is_blast | ((read.types >= 0) & counted[read.types])
    read_so = read.called | counted[read.named]
    groups = np.array(read.groups)
    errors = []
    for group in np.unique(groups):
        here = groups == group
        if min((here & true).sum(), (here & read_so).sum()) >= FEWEST_OF_A_PATIENT:
            share_read = read.called[here].sum() / read_so[here].sum()
            errors.append(100 * (share_read - read.is_blast[here].sum() / true[here].sum()))
    return np.array(errors)


def _share_error(read: Reading, _: Weights) -> float:
    errors = _share_errors(read)
    return float(np.abs(errors).mean()) if len(errors) >= FEWEST_PATIENTS else float("nan")


def _share_bias(read: Reading, _: Weights) -> float:
    errors = _share_errors(read)
    return float(errors.mean()) if len(errors) >= FEWEST_PATIENTS else float("nan")


FIGURES: dict[str, Callable[[Reading, Weights], float]] = {
    "blast AUC": _auc,
    "balanced accuracy": _balanced,
    "sensitivity": _sensitivity,
    "specificity": _specificity,
    TYPES: _types_f1,
    "smudge cells called blasts": _smudges,
    "calibration error": _calibration,
    "share of a patient, mean absolute error": _share_error,
    "share of a patient, bias": _share_bias,
}


def _figures(readings: Sequence[Reading], folds: Sequence[str]) -> dict[str, Any]:
    """Give each fold's figures, means over seeds, the first seed's interval over patients or fields."""
    found: dict[str, Any] = {}
    for fold in folds:
        own = [read for read in readings if read.fold == fold]
        found[fold] = {
            name: _json(figure, own) for name, figure in FIGURES.items() if own[0].has_both or name == TYPES
        }
        found[fold]["background alone, AUC"] = {"value": own[0].background_auc}
    return found


def _json(figure: Callable[[Reading, Weights], float], own: Sequence[Reading]) -> dict[str, Any]:
    values = [figure(read, np.ones(len(read.is_blast))) for read in own]
    value = float(np.mean(values))
    if np.isnan(value):
        return {"value": None}
    estimate: Estimate = group_bootstrap(lambda weights: figure(own[0], weights), own[0].groups)
    return {
        "value": round(value, 4),
        "seeds": [round(one, 4) for one in values],
        "interval": [round(v, 4) for v in estimate.to_json() or []] or None,
    }


def _markdown(result: dict[str, Any]) -> str:
    """Write a table of means and worst folds, and one of every fold of the first variant."""
    names = list(FIGURES)
    lines = [f"| | {' | '.join(f'{name}, mean / worst' for name in names)} |", "|---|" + "---|" * len(names)]
    for row in result["rows"]:
        cells = [_mean_and_worst(name, row["folds"]) for name in names]
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    first = result["rows"][0]
    every = [*names, "background alone, AUC"]
    lines += ["", f"Every laboratory left out, {first['name']}:", ""]
    lines += [f"| left out | {' | '.join(every)} |", "|---|" + "---|" * len(every)]
    for fold, figures in first["folds"].items():
        lines.append(f"| {fold} | {' | '.join(_cell(figures.get(name)) for name in every)} |")
    seeds = "one seed" if len(result["seeds"]) == 1 else f"{len(result['seeds'])} seeds"
    return "\n".join([*lines, "", f"({result['steps']} steps each, {seeds}; 95 % intervals over groups)"])


def _mean_and_worst(name: str, folds: dict[str, Any]) -> str:
    values = [f[name]["value"] for f in folds.values() if f.get(name, {}).get("value") is not None]
    if not values:
        return "–"
    worst = max(values) if name in SMALLER_IS_BETTER else min(values)
    return f"{np.mean(values):.3f} / {worst:.3f}"


def _cell(figure: dict[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return "–"
    interval = figure.get("interval")
    return f"{figure['value']:.3f}" + (f" ({interval[0]:.3f}–{interval[1]:.3f})" if interval else "")


def _put(page: Path, name: str, text: str) -> None:
    """Replace what stands between the comparison's markers."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = page.read_text("utf-8").partition(start)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{start}\n{text}\n{end}{after}", "utf-8")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("plan", type=Path, help="TOML file of comparisons")
    parser.add_argument("comparison", help="which of them")
    parser.add_argument("--data", type=Path, required=True, help="where the recipes' folders are")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--page", type=Path, help="page whose tables are written anew")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    main()
