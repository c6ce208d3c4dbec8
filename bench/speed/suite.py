"""The benchmark: `make bench`. It writes a file of figures, and tables into docs/reference/costs.md.

    python bench/speed/suite.py
    python bench/speed/suite.py --only reading peers
    python bench/speed/suite.py --only peers --peer-onnx detector.onnx

All parts together take some minutes on a quiet machine. Of parts that are not asked for, the tables show what
was measured last, and where. Ratios are of one run, in turns and warm; other figures are medians of turns.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import Options, machine, put
from bench.speed import growth, live, peers, reading, runs

PARTS = {"reading": reading, "growth": growth, "live": live, "peers": peers, "runs": runs}
ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "bench/speed/figures.json"
DOCUMENT = ROOT / "docs/reference/costs.md"


def main() -> None:
    """Measure, and write what was measured."""
    chosen = _parse()
    options = Options(
        chosen.turns, chosen.images, chosen.peer_onnx, tuple(chosen.peer_classes), chosen.peer_fields
    )
    known: dict[str, Any] = json.loads(FIGURES.read_text("utf-8")) if FIGURES.is_file() else {}
    for name in chosen.only:
        print(f"Measuring {name} ...", file=sys.stderr)
        known[name] = {"figures": PARTS[name].measure(options), "machine": machine()}
        FIGURES.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", "utf-8")
    block = tables(known)
    put(DOCUMENT, "make bench", block)
    print(block)


def tables(known: dict[str, Any]) -> str:
    """Return the bars, and the tables of all parts that were measured."""
    measured = {name: known[name] for name in PARTS if name in known}
    lines = ["| what | bar | measured |", "|---|---|---|"]
    for name, one in measured.items():
        lines += [f"| {what} | {bar} | {got} |" for what, bar, got in PARTS[name].bars(one["figures"])]
    blocks = ["\n".join(lines)]
    for name, one in measured.items():
        text = PARTS[name].text(one["figures"])
        blocks += [text] if text else []
    where = [f'- `make bench BENCH="--only {name}"`: {one["machine"]}' for name, one in measured.items()]
    return "\n\n".join([*blocks, "\n".join(where)])


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="some of the parts")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--images", type=Path, help="a patient's folder, instead of drawn fields (reading)")
    parser.add_argument("--peer-onnx", type=Path, help="a detector with the outputs of YOLOv8 or YOLOv10")
    parser.add_argument(
        "--peer-classes", type=int, nargs="+", default=[], help="its classes that are leukocytes, from 0"
    )
    parser.add_argument("--peer-fields", type=int, default=40, help="of each labelled set")
    return parser.parse_args()


if __name__ == "__main__":
    main()
