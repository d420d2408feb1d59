"""The command line: each command converts, calls a use case and shows what came of it."""
