"""The detector: its recipe, fields, network, loss, and the run that trains it."""
