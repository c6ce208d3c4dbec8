"""The classifier: its recipe, cells, network, losses, and the run that trains it."""
