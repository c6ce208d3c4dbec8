"""Training of both networks: the only part that imports torch."""
