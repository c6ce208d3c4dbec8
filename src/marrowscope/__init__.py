"""Reading blood and bone-marrow smears."""
