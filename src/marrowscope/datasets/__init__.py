"""Readers for public layouts of labelled images, cleaning, splits, conversion."""
