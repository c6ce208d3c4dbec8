"""Patients, their images, and the files both are kept in."""
