"""Looking at who may use the service."""

import os
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from lora_manager.adapters.checks.apart import apart
from lora_manager.adapters.checks.bounded import BoundedCheck
from lora_manager.domain.access import SHORTEST, ApiKey
from lora_manager.ports.clock import Clock
from lora_manager.ports.diagnosis import Diagnosis
from lora_manager.ports.key_store import KeyStore

_SOON = timedelta(days=14)
_NEVER = datetime.max.replace(tzinfo=UTC)
_MAKE_ONE = "make another with lora-manager keys create"
_FOREIGN = stat.S_IWGRP | stat.S_IRWXO  # what only the owner should do


class Keys(BoundedCheck):
    """Looks whether keys are safe, and for how long they count. None is told.

    :param file: where the keys are kept
    :param file_is_named: whether the deployment names it: then it has to be there
    :param single_key_length: characters of API_KEY; None where it is not set
    """

    def __init__(
        self, keys: KeyStore, clock: Clock, *, file: str, file_is_named: bool, single_key_length: int | None
    ) -> None:
        super().__init__("API keys")
        self._keys = keys
        self._clock = clock
        self._file = file
        self._file_is_named = file_is_named
        self._single_key_length = single_key_length

    async def _look(self) -> Sequence[Diagnosis]:
        return await apart(lambda: list(self._told()))

    def _told(self) -> Iterator[Diagnosis]:
        if self._file_is_named and not os.path.exists(self._file):
            way_out = "make the first key with lora-manager keys create, or unset API_KEYS_FILE"
            yield self.bad(f"API_KEYS_FILE names {self._file}, which is not there", way_out)
            return
        yield from self._exposed()
        is_kept = self._keys.are_kept()
        keys = self._keys.all() if is_kept else ()
        now = self._clock.now()
        count = sum(key.counts(now) for key in keys)
        yield self._summary(count, is_needed=is_kept or self._single_key_length is not None)
        if self._single_key_length is not None and self._single_key_length < SHORTEST:
            finding = f"API_KEY has {self._single_key_length} characters, which can be guessed"
            yield self.doubtful(
                finding, f"set one of {SHORTEST} or more: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
            )
        yield from self._ending(keys, now)

    def _exposed(self) -> Iterator[Diagnosis]:
        """What others on this machine may do with the file; on Windows that does not stand in its mode."""
        if os.name == "nt" or not os.path.exists(self._file):
            return
        mode = stat.S_IMODE(os.stat(self._file).st_mode)
        advice = f"chmod 600 {self._file}"
        if mode & _FOREIGN:
            yield self.bad(f"{self._file} is open to others (mode {mode:o})", advice)
        elif mode & stat.S_IRGRP:
            yield self.doubtful(
                f"{self._file} can be read by its group (mode {mode:o})", f"{advice}, unless that is meant"
            )

    def _summary(self, count: int, *, is_needed: bool) -> Diagnosis:
        if not is_needed:
            return self.good("there are none, so the service listens on this machine only")
        if not count and self._single_key_length is None:
            return self.bad("none of them counts any more, so nobody gets in", _MAKE_ONE)
        single = [] if self._single_key_length is None else ["API_KEY"]
        kept = [f"a key in {self._file}, where {count:,} count"] if count else []
        return self.good(f"whoever asks needs {' or '.join([*single, *kept])}")

    def _ending(self, keys: Sequence[ApiKey], now: datetime) -> Iterator[Diagnosis]:
        """Names whose keys have expired or soon will; of several under one name the one that lasts longest counts."""
        for name in dict.fromkeys(key.name for key in keys):
            named = [key for key in keys if key.name == name and key.revoked_at is None]
            if not named:
                continue
            longest = max(named, key=_end_of)
            end = _end_of(longest)
            if end <= now:
                revoke = f"or lora-manager keys revoke {longest.id}"
                yield self.doubtful(f"the key {name!r} has expired on {end:%Y-%m-%d}", f"{_MAKE_ONE}, {revoke}")
            elif end <= now + _SOON:
                rotate = f"lora-manager keys rotate {longest.id}"
                yield self.doubtful(f"the key {name!r} expires on {end:%Y-%m-%d}", rotate)


def _end_of(key: ApiKey) -> datetime:
    return _NEVER if key.expires_at is None else key.expires_at
