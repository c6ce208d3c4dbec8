"""Analyses and what they amount to."""
