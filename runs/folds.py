"""Train variants of a recipe, each once per laboratory left out, and read that laboratory with it.

    python runs/folds.py runs/folds.toml procedure --data DATA -o runs/local/folds \
        --page docs/explanation/comparisons.md

Every variant is trained with every seed and fold unless its folder holds a finished run; a run that was cut
short is resumed. Thresholds and temperatures come from validation patients of the laboratories that are
taught, and no test part is looked at. Writes the first variant's figures as JSON beside the runs (the plan of
the evaluation and `bundle build` read them) and, with --page, the tables between this comparison's markers of
a page.
"""

import argparse
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from marrowscope.evaluation.networks.left_out import (
    FEWEST,
    FIGURES,
    LeftOutCells,
    LeftOutResult,
    figures_of,
)
from marrowscope.evaluation.networks.measured import write_measured
from marrowscope.models.bundle import ClassifierSettings
from marrowscope.training.classifier.recipe import ClassifierRecipe
from marrowscope.training.classifier.report import PREDICTIONS
from marrowscope.training.classifier.train import train_classifier
from marrowscope.training.finished_run import read_run
from marrowscope.training.loop import CHECKPOINT
from marrowscope.training.run_log import METRICS


def main() -> None:
    """Train what is not trained yet, read, write."""
    options = _parse()
    plan = tomllib.loads(options.plan.read_text("utf-8"))[options.comparison]
    base = ClassifierRecipe.from_toml(options.plan.parent / plan["recipe"], options.data)
    base = replace(base, look_at_test=False, cache=options.out / "cache", **plan.get("settings", {}))
    results = {variant["name"]: _result(base, dict(variant), plan, options) for variant in plan["variant"]}
    write_measured(next(iter(results.values())).to_json(), options.out / f"{options.comparison}.json")
    text = _markdown(results, len(plan["seeds"]))
    print(text)
    if options.page:
        _put(options.page, options.comparison, text)


def _result(
    base: ClassifierRecipe, variant: dict[str, Any], plan: Mapping[str, Any], options: argparse.Namespace
) -> LeftOutResult:
    """Train one variant without each laboratory in turn, and give what it reads there."""
    name = variant.pop("name")
    found = {}
    for fold in plan["folds"]:
        recipes = [replace(base, left_out=(fold,), seed=seed, **variant) for seed in plan["seeds"]]
        readings = [_read(recipe, name, options) for recipe in recipes]
        about = plan["laboratories"][fold]
        found[fold] = {**about, **figures_of(readings, about["groups_are"])}
    return LeftOutResult(found, tuple(plan.get("apart", ())), len(plan["variant"]), base.steps)


def _read(recipe: ClassifierRecipe, name: str, options: argparse.Namespace) -> LeftOutCells:
    """Train one network unless that is done, and give its answers."""
    (fold,) = recipe.left_out
    folder = options.out / options.comparison / f"{name.replace(' ', '-')}-{fold}-{recipe.seed}"
    if not _is_finished(folder, recipe):
        print(f"{name}, without {fold}, seed {recipe.seed} ...", flush=True)
        train_classifier(recipe, folder, resume=(folder / CHECKPOINT).is_file())
    run = read_run(folder, ClassifierSettings)
    with np.load(folder / PREDICTIONS) as stored:
        columns = {name: stored[f"left_out_{name}"] for name in ("is_blast", "types", "p_blast", "named")}
        groups = tuple(stored["left_out_groups"].tolist())
        taught = np.unique(stored["val_types"], return_counts=True)
    return LeftOutCells(
        fold,
        **columns,
        groups=groups,
        threshold=run.settings.blast_threshold,
        names=run.settings.types,
        taught=frozenset(int(t) for t, n in zip(*taught, strict=True) if t >= 0 and n >= FEWEST / 5),
        background_auc=run.figures["left_out"]["background"]["auc"],
    )


def _is_finished(folder: Path, recipe: ClassifierRecipe) -> bool:
    """Whether the run's last line is an evaluation at the end of its schedule."""
    if not (folder / METRICS).is_file():
        return False
    last = json.loads((folder / METRICS).read_text("utf-8").splitlines()[-1])
    over_time = recipe.minutes is not None and last["seconds"] >= 60 * recipe.minutes
    return "loss" not in last and (over_time or last["step"] >= recipe.steps)


def _markdown(results: Mapping[str, LeftOutResult], seeds: int) -> str:
    """Write a table of means and worst laboratories, and one of every laboratory of the first variant."""
    words = [name.replace("_", " ") for name in FIGURES]
    lines = [f"| | {' | '.join(f'{name}, mean / worst' for name in words)} |", "|---|" + "---|" * len(words)]
    for name, result in results.items():
        found = result.to_json()
        cells = [
            f"{found['mean'][f]:.3f} / {found['worst'][f]:.3f}" if f in found["mean"] else "–"
            for f in FIGURES
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    first = next(iter(results.values()))
    lines += ["", f"Every laboratory left out, {next(iter(results))}:", ""]
    lines += [
        f"| left out | {' | '.join(words)} | background alone, AUC |",
        "|---|" + "---|" * (len(words) + 1),
    ]
    for laboratory, figures in first.laboratories.items():
        alone = figures["background_auc"]
        row = [*(_cell(figures.get(name)) for name in FIGURES), "–" if alone is None else f"{alone:.3f}"]
        lines.append(f"| {laboratory}{' (apart)' if laboratory in first.apart else ''} | {' | '.join(row)} |")
    said = "one seed" if seeds == 1 else f"{seeds} seeds"
    return "\n".join(
        [*lines, "", f"({first.steps} steps each, {said}; 95 % intervals over patients or fields)"]
    )


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "–"
    interval: Sequence[float] | None = figure.get("interval")
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
