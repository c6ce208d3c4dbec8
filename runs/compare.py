"""Train variants of a recipe for as many steps and compare them cell by cell on validation and choosing set.

    python runs/compare.py runs/comparisons.toml hierarchy --data DATA -o runs/local/compare

Every variant is trained with every seed unless its folder holds a finished run. No test part is looked at.
Writes RESULTS.json beside the runs and, with --page, the table between this comparison's markers of a page.
"""

import argparse
import json
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from marrowscope.evaluation.statistics.bootstrap import Estimate, resampled_weights
from marrowscope.evaluation.statistics.metrics import area_under_roc
from marrowscope.models.bundle import ClassifierSettings
from marrowscope.models.runtime import Network
from marrowscope.training.classifier.recipe import ClassifierRecipe
from marrowscope.training.classifier.report import PREDICTIONS
from marrowscope.training.classifier.train import train_classifier
from marrowscope.training.finished_run import read_run
from marrowscope.training.loop import CHECKPOINT
from marrowscope.training.run_log import METRICS

ROUNDS = 1000
TIMED_CELLS = 32
TIMED_ROUNDS = 20

Predictions = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Variant:
    """One way of training, with its finished runs, a seed each."""

    name: str
    folders: tuple[Path, ...]

    def predictions(self) -> list[Predictions]:
        """Read each run's predictions."""
        found = []
        for folder in self.folders:
            with np.load(folder / PREDICTIONS) as stored:
                found.append(dict(stored))
        return found


def main() -> None:
    """Train what is not trained yet, compare, write."""
    options = _parse()
    table = tomllib.loads(options.plan.read_text("utf-8"))
    plan = table[options.comparison]
    base = ClassifierRecipe.from_toml(options.plan.parent / plan["recipe"], options.data)
    base = replace(base, look_at_test=False, cache=options.out / "cache", **plan.get("settings", {}))
    variants = [_trained(base, variant, plan["seeds"], options) for variant in plan["variant"]]
    rows = _rows(variants)
    result = {"comparison": options.comparison, "steps": base.steps, "seeds": plan["seeds"], "rows": rows}
    (options.out / f"{options.comparison}.json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    text = _markdown(result)
    print(text)
    if options.page:
        _put(options.page, options.comparison, text)


def _trained(
    base: ClassifierRecipe, variant: dict[str, Any], seeds: Sequence[int], options: argparse.Namespace
) -> Variant:
    settings = dict(variant)
    name = settings.pop("name")
    folders = []
    for seed in seeds:
        folder = options.out / options.comparison / f"{name.replace(' ', '-')}-{seed}"
        recipe = replace(base, seed=seed, **settings)
        if not (folder / PREDICTIONS).is_file() or not _is_finished(folder, recipe):
            print(f"{name}, seed {seed} ...", flush=True)
            train_classifier(recipe, folder, resume=(folder / CHECKPOINT).is_file())
        folders.append(folder)
    return Variant(name, tuple(folders))


def _is_finished(folder: Path, recipe: ClassifierRecipe) -> bool:
    """Whether the run's last line is an evaluation at the end of its schedule."""
    last = json.loads((folder / METRICS).read_text("utf-8").splitlines()[-1])
    over_time = recipe.minutes is not None and last["seconds"] >= 60 * recipe.minutes
    return "loss" not in last and (over_time or last["step"] >= recipe.steps)


def _rows(variants: Sequence[Variant]) -> list[dict[str, Any]]:
    """Give each variant's figures over all seeds, and its differences from the first variant."""
    first = variants[0].predictions()
    rows = []
    for variant in variants:
        own = variant.predictions()
        figures = {}
        for name, (statistic, part) in STATISTICS.items():
            value = float(np.mean([statistic(a, np.ones(len(a[f"{part}_is_blast"]))) for a in own]))
            figures[name] = {"value": round(value, 4)}
            if variant is not variants[0]:
                figures[name] |= _json(_difference(statistic, part, own, first))
        rows.append({"name": variant.name, "ms_per_cell": _milliseconds(variant), "figures": figures})
    return rows


def _difference(statistic: Any, part: str, own: list[Predictions], first: list[Predictions]) -> Estimate:
    """Difference in a figure, mean over seeds, with its interval: cells and seeds drawn with replacement."""
    n = len(own[0][f"{part}_is_blast"])
    weights = resampled_weights([str(i) for i in range(n)], ROUNDS, seed=0)
    rng = np.random.default_rng(1)
    drawn = []
    for one in weights:
        pairs = rng.integers(0, min(len(own), len(first)), len(own))
        drawn.append(np.mean([statistic(own[i], one) - statistic(first[i], one) for i in pairs]))
    even = np.ones(n)
    value = np.mean([statistic(a, even) for a in own]) - np.mean([statistic(a, even) for a in first])
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))


def _auc(part: str) -> Any:
    return lambda a, w: area_under_roc(a[f"{part}_is_blast"], a[f"{part}_p_blast"], w)


def _type_accuracy(a: Predictions, w: npt.NDArray[np.float64]) -> float:
    typed = a["val_types"] >= 0
    hits = (a["val_named"] == a["val_types"])[typed]
    return float(np.average(hits, weights=w[typed])) if w[typed].sum() else float("nan")


STATISTICS = {
    "blast AUC, other laboratory": (_auc("choosing"), "choosing"),
    "blast AUC, validation": (_auc("val"), "val"),
    "type accuracy, validation": (_type_accuracy, "val"),
}


def _milliseconds(variant: Variant) -> float:
    """Time a cell on one thread, the median of many batches."""
    network = Network(variant.folders[0] / "classifier.onnx", 1)
    side = read_run(variant.folders[0], ClassifierSettings).settings.input_px
    crops = np.zeros((TIMED_CELLS, 3, side, side), np.float32)
    network(crops)
    times = []
    for _ in range(TIMED_ROUNDS):
        started = time.perf_counter()
        network(crops)
        times.append(time.perf_counter() - started)
    return round(1000 * float(np.median(times)) / TIMED_CELLS, 2)


def _json(estimate: Estimate) -> dict[str, Any]:
    value = None if estimate.value is None else round(estimate.value, 4)
    interval = estimate.to_json()
    return {"difference": value, "interval": interval and [round(v, 4) for v in interval]}


def _markdown(result: dict[str, Any]) -> str:
    names = list(STATISTICS)
    lines = [f"| | ms a cell | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for row in result["rows"]:
        cells = [_cell(row["figures"][name]) for name in names]
        lines.append(f"| {row['name']} | {row['ms_per_cell']:.1f} | {' | '.join(cells)} |")
    seeds = "one seed" if len(result["seeds"]) == 1 else f"{len(result['seeds'])} seeds"
    budget = f"{result['steps']} steps each, {seeds}"
    return "\n".join([*lines, "", f"({budget}; differences from the first row, 95 % intervals)"])


def _cell(figure: dict[str, Any]) -> str:
    text = f"{figure['value']:.3f}"
    if figure.get("interval"):
        low, high = figure["interval"]
        text += f" ({figure['difference']:+.3f}; {low:+.3f} to {high:+.3f})"
    return text


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
    parser.add_argument("--page", type=Path, help="page whose table is written anew")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    main()
