"""Routes of cells, answers and readings."""
