"""The public functions of the package, which match the commands of the command line."""

from marrowscope.api.batches import batch, merge_batch
from marrowscope.api.images import classify, count, detect
from marrowscope.api.live import watch
from marrowscope.api.patients import analyse, export
from marrowscope.finished.opening import open_results
from marrowscope.models.bundle import load_bundle

__all__ = [
    "analyse",
    "batch",
    "classify",
    "count",
    "detect",
    "export",
    "load_bundle",
    "merge_batch",
    "open_results",
    "watch",
]
