"""Metrics with their uncertainty, plots, and the model card."""
