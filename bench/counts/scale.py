"""Measure what scale fields get that are read alone, and what is found in them, on public sets with boxes.

    python bench/counts/scale.py --data DATA --into docs/explanation/limits.md

Of each set, up to 60 fields are read, each as if it were all there is of a patient. What files state is not
looked at. A scale is compared with the median of those that red cells gave in the set; the leukocytes' own is
measured on every field, as if it had no red cells.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import put

from marrowscope.evaluation.card.tests import DetectorTest
from marrowscope.evaluation.networks.detector import score_detections
from marrowscope.evaluation.statistics.matching import Found
from marrowscope.imaging.files.decode import FieldImage
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.detector import Detector
from marrowscope.models.working_scale import mpp_from_red_cells, scale_from_cells
from marrowscope.pipeline import FieldReader, ReadingSettings

SETS = {
    "bccd": ("BCCD", 0.5), "txl_pbc": ("TXL-PBC", 0.5), "txl_raabin": ("TXL-Raabin", 0.5),
    "deepbionet": ("Bio-net", 0.5), "allidb_validation": ("ALL-IDB", 0.4),
}  # fmt: skip
"""Folder of fields → its name, and overlap at which a box found a cell: those of ALL-IDB follow the stain."""
_EACH = 60
_OFF = 1.5  # from which a scale is wrong: a cell is then found and named by another size
_COLUMNS = (
    "fields read alone", "number", "without red cells", f"scale off by more than {_OFF:g}",
    "the same by leukocytes", "recall", "precision",
)  # fmt: skip


def row(bundle: Bundle, folder: Path, title: str, match_iou: float) -> str:
    """Return the row of a set."""
    fields = DetectorTest(folder).fields()
    fields = fields[:: max(1, len(fields) // _EACH)][:_EACH]
    reader, detector = FieldReader(bundle, ReadingSettings(), threads=1), Detector(bundle)
    alone, red, own, found = [], [], [], []
    for field in fields:
        pixels = field.pixels()
        scale = reader.scale_of(FieldImage(pixels, None))
        leukocytes = scale_from_cells(detector, pixels)
        alone.append(scale.mpp)
        red.append(mpp_from_red_cells([pixels]))
        own.append(np.nan if leukocytes is None else leukocytes.mpp)
        seen = reader.detect(pixels, scale.mpp)
        found.append(Found(seen.boxes, seen.scores))
    known = np.array([each for each in red if each is not None])
    scored = score_detections(
        fields, found, operating_score=bundle.detector.score_threshold, match_iou=match_iou
    )
    cells = (
        title, f"{len(fields)}", f"{len(fields) - len(known)}", _off(alone, known), _off(own, known),
        f"{scored.recall.value:.3f}", f"{scored.precision.value:.3f}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def _off(scales: list[float], known: npt.NDArray[np.float64]) -> str:
    """Return how many of the scales that could be told are wrong."""
    told = np.array(scales)[np.isfinite(scales)]
    wrong = np.abs(np.log(told / np.median(known))) > np.log(_OFF)
    return f"{int(wrong.sum())} of {len(told)}"


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real images")
    parser.add_argument("--into", type=Path, help="document to write the table into")
    given = parser.parse_args()
    bundle = load_bundle()
    table = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|\n"
    for name, (title, match_iou) in SETS.items():
        table += row(bundle, given.data / "fields" / name, title, match_iou)
    print(table)
    if given.into is not None:
        put(given.into, "bench/counts/scale.py", table)


if __name__ == "__main__":
    main()
