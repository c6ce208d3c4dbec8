"""Counts that go on while a camera writes images."""
