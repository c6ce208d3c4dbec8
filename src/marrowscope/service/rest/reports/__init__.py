"""Routes of reports: signing and files."""
