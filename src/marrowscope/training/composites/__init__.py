"""Dense fields composed of cut-out cells, with known boxes."""
