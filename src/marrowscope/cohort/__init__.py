"""Reading of patients: from the list of images to the report."""
