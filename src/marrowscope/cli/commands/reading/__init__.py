"""Commands that read smears."""
