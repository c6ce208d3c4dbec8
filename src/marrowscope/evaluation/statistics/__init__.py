"""Figures from plain columns, with their intervals."""
