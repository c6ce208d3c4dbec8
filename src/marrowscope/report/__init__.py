"""A report in the hands of Python people: as a table of pandas, in a notebook, as a plot."""
