"""Whole fields read and compared."""
