"""Numbers from cells: counts, intervals, decisions."""
