"""What readers say of cells."""
