"""Reports as files, a module per format."""
