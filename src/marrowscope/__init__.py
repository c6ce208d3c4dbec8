"""marrowscope: from the images of a blood or bone-marrow smear to a differential count.

For research use only: nothing here is a diagnosis.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from marrowscope.version import __version__

if TYPE_CHECKING:
    from marrowscope.api import analyse, classify, count, detect, export, load_bundle, watch
    from marrowscope.api import open_results as open  # noqa: A004  # public only as `marrowscope.open`

__all__ = ["__version__", "analyse", "classify", "count", "detect", "export", "load_bundle", "open", "watch"]
_NAMED_OTHERWISE = {"open": "open_results"}  # there, the name is that of the built-in function


def __getattr__(name: str) -> Any:
    """Import the functions on first use, so that ``import marrowscope`` alone is fast."""
    if name in __all__:
        return getattr(import_module("marrowscope.api"), _NAMED_OTHERWISE.get(name, name))
    raise AttributeError(f"module 'marrowscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
