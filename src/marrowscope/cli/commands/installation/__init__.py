"""Commands of a service installation."""
