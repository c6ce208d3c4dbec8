"""Routers of control slides and of learners."""
