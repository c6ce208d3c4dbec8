"""Plain values that make up the reading of a smear; no input or output."""
