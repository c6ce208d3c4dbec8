"""A reading as bytes: one module per format."""
