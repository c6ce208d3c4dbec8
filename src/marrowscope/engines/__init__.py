"""Engines: where the networks run."""
