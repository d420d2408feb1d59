"""The registry in a dictionary: for tests, and for trying things out."""
