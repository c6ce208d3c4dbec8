"""Commands for networks and labelled sets."""
