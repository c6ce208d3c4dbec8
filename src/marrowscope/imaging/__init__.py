"""Image files, pixel size, image quality and pictures."""
