"""Where keys are handed out: keys in memory, a clock that stands still, and texts that can be told beforehand."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lora_manager.adapters.memory.keys import MemoryKeyStore
from lora_manager.app.access.create_key import CreateKey, CreateKeyCommand, NewKey
from lora_manager.app.access.expiry import Expiry
from lora_manager.app.access.replace_key import ReplaceKey, ReplaceKeyCommand, Replacement
from lora_manager.app.access.revoke_key import RevokeKey
from lora_manager.domain.access import ApiKey, Scope, key_text
from lora_manager.ports.clock import Clock
from lora_manager.testing.strategies import EPOCH

DAY = timedelta(days=1)


@dataclass(slots=True)
class StandingClock(Clock):
    """Goes on when it is told to."""

    time: datetime = EPOCH

    def now(self) -> datetime:
        return self.time

    def elapsed(self) -> float:
        return (self.time - EPOCH).total_seconds()


@dataclass(slots=True)
class Desk:
    """The use cases over one store."""

    store: MemoryKeyStore = field(default_factory=MemoryKeyStore)
    clock: StandingClock = field(default_factory=StandingClock)
    _made: int = 0

    def new_text(self) -> str:
        """The first text, the second, ..."""
        self._made += 1
        return key_text(f"{self._made:012x}", f"{self._made:043}")

    def create(self, name: str = "studio", *scopes: Scope, expiry: Expiry = None) -> NewKey:
        command = CreateKeyCommand(name=name, scopes=frozenset(scopes or {Scope.READ}), expiry=expiry)
        return CreateKey(self.store, self.clock, self.new_text)(command)

    def replace(self, reference: str, overlap: timedelta = DAY, expiry: Expiry = None) -> Replacement:
        command = ReplaceKeyCommand(reference=reference, overlap=overlap, expiry=expiry)
        return ReplaceKey(self.store, self.clock, self.new_text)(command)

    def revoke(self, reference: str) -> ApiKey:
        return RevokeKey(self.store, self.clock)(reference)

    def pass_time(self, passed: timedelta) -> None:
        self.clock.time += passed
