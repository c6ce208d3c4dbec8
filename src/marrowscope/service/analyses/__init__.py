"""Analyses and their counts."""
