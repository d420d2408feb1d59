"""What all tests share."""

import os

from hypothesis import settings

# Continuous integration tries the same examples on every machine, so that a red build is red everywhere.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
