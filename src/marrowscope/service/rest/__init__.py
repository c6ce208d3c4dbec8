"""HTTP: the one place that knows FastAPI."""
