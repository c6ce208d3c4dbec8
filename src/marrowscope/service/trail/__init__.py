"""The audit trail, and events for listeners."""
