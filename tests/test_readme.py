"""What the README claims is what the bundle's metrics say."""

import json
from pathlib import Path

from marrowscope.evaluation.card.summary import with_figures
from marrowscope.models.bundle import load_bundle

ROOT = Path(__file__).parents[1]


def test_figures_are_those_measured() -> None:
    metrics = json.loads((load_bundle().folder / "metrics.json").read_text("utf-8"))
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme == with_figures(readme, metrics)
    measured = {entry["data"] for entry in metrics["evaluations"]}
    assert measured, "metrics.json holds no evaluation"


def test_files_the_readme_points_to_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    links = [part.split(")")[0] for part in readme.split("](")[1:]]
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing
