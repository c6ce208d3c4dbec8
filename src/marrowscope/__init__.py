"""marrowscope: from the images of a blood or bone-marrow smear to a differential count.

For research use only: nothing here is a diagnosis.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from marrowscope.version import __version__

if TYPE_CHECKING:
    from marrowscope.api import (
        analyse,
        batch,
        classify,
        count,
        detect,
        export,
        load_bundle,
        merge_batch,
        open_results,
        watch,
    )

    open = open_results  # noqa: A001  # public only as `marrowscope.open`

# `open` is left out: `from marrowscope import *` would hide the built-in function.
__all__ = [
    "__version__",
    "analyse",
    "batch",
    "classify",
    "count",
    "detect",
    "export",
    "load_bundle",
    "merge_batch",
    "watch",
]
_NAMED_OTHERWISE = {"open": "open_results"}


def __getattr__(name: str) -> Any:
    """Import the functions on first use, so that ``import marrowscope`` alone is fast."""
    if name in __all__ or name in _NAMED_OTHERWISE:
        return getattr(import_module("marrowscope.api"), _NAMED_OTHERWISE.get(name, name))
    raise AttributeError(f"module 'marrowscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_NAMED_OTHERWISE})
