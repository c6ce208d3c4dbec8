"""What README and documentation claim is what the bundle's metrics say."""

import json
from pathlib import Path

import pytest

from marrowscope.models.bundle import load_bundle
from tests.scripts import script

ROOT = Path(__file__).parents[1]
SCREENS_OF_LINES = 110
figures = script("readme_figures", "runs")


@pytest.mark.parametrize("page", figures.PAGES, ids=lambda page: page.name)
def test_figures_are_those_measured(page: Path) -> None:
    metrics = json.loads((load_bundle().folder / "metrics.json").read_text("utf-8"))
    text = page.read_text("utf-8")
    assert text == figures.PAGES[page](text, metrics)
    measured = {entry["data"] for entry in metrics["evaluations"]}
    assert measured, "metrics.json holds no evaluation"


def test_files_the_readme_points_to_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    links = [part.split(")")[0] for part in readme.split("](")[1:]]
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_the_readme_is_read_on_two_screens() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= SCREENS_OF_LINES
