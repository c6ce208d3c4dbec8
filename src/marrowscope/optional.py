"""Libraries that the package does without until somebody asks for what they give."""

from importlib import import_module
from typing import Any

from marrowscope.errors import MissingExtraError


def pandas() -> Any:
    """Return pandas.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        return import_module("pandas")
    except ImportError as error:
        raise MissingExtraError("a data frame", "pandas") from error
