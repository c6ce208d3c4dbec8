"""Pure values: what a smear's reading is made of, with no input or output."""
