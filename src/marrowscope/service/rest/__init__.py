"""The HTTP interface: the only package that uses FastAPI."""
