"""The machine's clock and its randomness."""
