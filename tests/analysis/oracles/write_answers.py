"""Writes what QuaPy and ppi-python answer to random tables into `answers.json`, which the tests read.

Neither is installed for development: QuaPy needs a package that states no licence in what it ships,
ppi-python needs numba and llvmlite. To renew the answers, in an environment of its own:

    python -m venv oracles-env && oracles-env/bin/pip install quapy ppi-python
    oracles-env/bin/python tests/analysis/oracles/write_answers.py
"""

import importlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ANSWERS = Path(__file__).with_name("answers.json")


def adjusted_counts(functional: Any, rng: np.random.Generator) -> list[dict[str, Any]]:
    rows = []
    for _ in range(100):
        called, cleared = int(rng.integers(700, 1000)), int(rng.integers(800, 1001))
        blasts = int(rng.integers(0, 501))
        share = functional.solve_adjustment_binary(blasts / 500, called / 1000, 1 - cleared / 1000)
        rows.append({"called": called, "cleared": cleared, "blasts": blasts, "share": float(share)})
    return rows


def prediction_powered(ppi: Any, rng: np.random.Generator) -> list[dict[str, Any]]:
    rows = []
    for _ in range(30):
        n, others = int(rng.integers(40, 120)), int(rng.integers(100, 400))
        seen = rng.random(n) < rng.uniform(0.1, 0.9)
        called = np.where(rng.random(n) < 0.8, seen, ~seen)
        others_called = rng.random(others) < rng.uniform(0.1, 0.9)
        y, f, g = (marks.astype(float) for marks in (seen, called, others_called))
        low, high = ppi.ppi_mean_ci(y, f, g, alpha=0.05)
        marks = {"seen": seen, "called": called, "others_called": others_called}
        bits = {name: "".join("01"[int(mark)] for mark in of) for name, of in marks.items()}
        rows.append({**bits, "low": low.item(), "high": high.item()})
    return rows


def main() -> None:
    names = ("quapy.functional", "ppi_py")  # of another environment
    functional, ppi = map(importlib.import_module, names)
    rng = np.random.default_rng(11)
    document = {
        "versions": {name: version(name) for name in ("quapy", "ppi-python")},
        "adjusted_count": adjusted_counts(functional, rng),
        "prediction_powered": prediction_powered(ppi, rng),
    }
    ANSWERS.write_text(json.dumps(document, indent=None, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
