"""A whole installation as one archive, and back: rows, images, seals, networks taught here, validations."""
