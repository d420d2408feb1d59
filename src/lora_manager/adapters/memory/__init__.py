"""The registry and the deliveries in dictionaries: for tests, and for trying things out."""
