"""The public functions of the package, which match the commands of the command line."""

from marrowscope.api.patients import (
    analyse,
    classify,
    count,
    detect,
    export,
    load_bundle,
    open_results,
    watch,
)

__all__ = ["analyse", "classify", "count", "detect", "export", "load_bundle", "open_results", "watch"]
