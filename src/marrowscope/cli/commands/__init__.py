"""The commands, a module per noun or verb."""
