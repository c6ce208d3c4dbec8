"""Control slides and their alarms; learners and their results."""
