"""Readers of the layouts in which labelled images come."""
