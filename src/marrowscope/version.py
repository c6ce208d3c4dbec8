"""The version of the package, which is defined here only."""

__version__ = "1.0.0"
