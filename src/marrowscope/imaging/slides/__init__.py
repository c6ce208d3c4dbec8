"""Whole slides: opening them, finding where cells lie in one layer, and cutting tiles there."""
