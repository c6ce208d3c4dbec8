"""Write the built-in bundle's figures into README.md, from its metrics.json."""

import json
from pathlib import Path

from marrowscope.evaluation.summary import with_figures
from marrowscope.models.bundle import load_bundle

README = Path(__file__).parents[1] / "README.md"

if __name__ == "__main__":
    metrics = json.loads((load_bundle().folder / "metrics.json").read_text("utf-8"))
    README.write_text(with_figures(README.read_text("utf-8"), metrics), "utf-8")
