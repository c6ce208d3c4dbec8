"""Routes of patients and their images."""
