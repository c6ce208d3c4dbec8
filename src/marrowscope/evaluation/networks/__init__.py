"""Each network measured on labelled images."""
