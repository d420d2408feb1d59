"""What the use cases need from the world; each docstring is the contract that every implementation is tested against."""
