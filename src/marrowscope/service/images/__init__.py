"""Patients, their images, and the files that hold them."""
