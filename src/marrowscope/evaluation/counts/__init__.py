"""Blast shares and decisions of patients against the truth."""
