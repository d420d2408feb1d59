"""Ids that sort by the time they were made."""

from uuid import UUID

_RANDOM_BITS = 74  # RFC 9562 section 5.7: 12 bits rand_a + 62 bits rand_b


def uuid7(unix_ms: int, random: int) -> UUID:
    """A UUIDv7 of a time and 74 random bits.

    :param unix_ms: milliseconds since 1970, 0 <= unix_ms < 2**48
    :param random: 0 <= random < 2**74; a caller that counts up here keeps ids of one millisecond in order
    :raises ValueError: either is out of range

    Source: RFC 9562, section 5.7.
    """
    if not 0 <= unix_ms < 1 << 48 or not 0 <= random < 1 << _RANDOM_BITS:
        raise ValueError(f"out of range for a UUIDv7: unix_ms={unix_ms}, random={random}")
    rand_a, rand_b = random >> 62, random & ((1 << 62) - 1)
    return UUID(int=unix_ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)
