"""Statistics on cells: counts, intervals, corrections, decisions."""
