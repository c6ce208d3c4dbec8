"""Reports as they stand, as they were signed, and as files."""
