"""A bundle's classifier adapted to a laboratory's own cells, heads alone."""
