"""Tables, a module for what they are about."""
