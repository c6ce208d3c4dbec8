"""HTTP of the outbox."""
