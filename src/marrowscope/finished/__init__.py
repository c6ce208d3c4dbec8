"""Finished runs: read back, and written for other programs."""
