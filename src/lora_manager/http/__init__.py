"""REST: requests become commands, answers become JSON, and nothing is decided here."""
