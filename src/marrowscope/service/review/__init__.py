"""Readers' answers and comments."""
