"""Routes of teaching, and of the networks that new analyses use."""
