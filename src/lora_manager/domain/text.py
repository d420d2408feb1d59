"""Characters that text may not hold."""

import re

UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
"""What UTF-8 cannot encode, and the one character that PostgreSQL cannot store."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""The same and every other control character."""
