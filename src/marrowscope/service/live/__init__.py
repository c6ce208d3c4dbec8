"""Live sessions: images come from the microscope while the count is looked at."""
