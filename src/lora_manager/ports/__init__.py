"""What the use cases need from the world; each docstring is a contract that every implementation is tested against."""
