"""What happened: the audit trail, and events for those who watch."""
