"""What goes to other systems of the hospital: the outbox of signed reports."""
