"""Routes of analyses, their count and their events."""
