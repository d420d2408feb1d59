"""Accept a prompt for delivery."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from lora_manager.app.deliveries.on_trail import on_trail_of
from lora_manager.domain.delivery import (
    CliTarget,
    ComfyTarget,
    Content,
    Delivery,
    HttpTarget,
    IdempotencyKey,
    IdempotencyKeyReused,
    Mode,
    Target,
    host_of,
    parse_target,
    runtime_of,
)
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.domain.delivery.limits import DEFAULT_ATTEMPTS, DEFAULT_TIMEOUT_S, check_limits
from lora_manager.domain.delivery.wanted import wanted_loras
from lora_manager.domain.delivery.workflow import check_workflow
from lora_manager.domain.errors import Conflict, InvalidField, InvalidFields
from lora_manager.domain.prompt import parse
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.identifiers import Identifiers
from lora_manager.ports.trail import trail
from lora_manager.ports.unit_of_work import BeginUnitOfWork
from lora_manager.ports.work_queue import WorkQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueueDeliveryCommand:
    """What to deliver, and where to.

    :param params: of the target, see ``parse_target``
    :param content: what the prompt is made of; None for a plain prompt
    :param max_attempts: 1..100
    :param timeout_s: seconds that one attempt may take, above 0, at most a day
    :param idempotency_key: 1..255 printable characters; the same key with the same request is the same delivery
    """

    prompt: str
    mode: Mode
    params: Mapping[str, object]
    content: Content | None = None
    max_attempts: int = DEFAULT_ATTEMPTS
    timeout_s: float = DEFAULT_TIMEOUT_S
    idempotency_key: str | None = None

    @property
    def made_of(self) -> Content:
        """The parts of the prompt, composed or plain."""
        return self.content or Content(parse(self.prompt).text)

    @property
    def fingerprint(self) -> str:
        """What tells this request from another."""
        said = [self.prompt, self.mode, self.params, self.max_attempts, self.timeout_s]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class EnqueueDelivery:
    """Accept a prompt for delivery. It is stored before anything is sent, and reaches a final state whatever dies.

    Sent again with the same `Idempotency-Key`, the same request is the same delivery; another request is refused.

    :param commands: the names of the commands that this deployment may run
    """

    begin: BeginUnitOfWork
    queue: WorkQueue
    identifiers: Identifiers
    log: EventLog
    allowed_hosts: AllowedHosts
    commands: Collection[str]

    async def __call__(self, command: EnqueueDeliveryCommand) -> Delivery:
        """The delivery, new or as it stands since it was first asked for.

        :raises InvalidFields: naming everything about the target that is wrong or not allowed here
        :raises IdempotencyKeyReused: the key came with another request
        """
        check_limits(command.prompt, command.params, command.max_attempts, command.timeout_s, command.idempotency_key)
        target = parse_target(command.mode, command.params)
        if problems := tuple(self._objections(command, target)):
            raise InvalidFields(problems)
        try:
            delivery = await self._add(command, runtime_of(target))
        except Conflict:
            if command.idempotency_key is None:
                raise
            delivery = await self._add(command, runtime_of(target))  # the same request came in between
        await self.queue.wake(delivery.id)
        return delivery

    def _objections(self, command: EnqueueDeliveryCommand, target: Target) -> Iterator[InvalidField]:
        """What is well said, but not possible here."""
        place = host_of(target)
        if place is not None and not self.allowed_hosts.permits_name(*place):
            name = "host" if isinstance(target, HttpTarget) else "base_url"
            host = f"{place[0]}:{place[1]}"
            yield InvalidField(
                f"params.{name}", f"{host} is not in DELIVERY_ALLOWED_HOSTS; whoever runs this service can add it there"
            )
        if isinstance(target, CliTarget) and target.template is not None and target.template not in self.commands:
            known = ", ".join(sorted(self.commands)) or "none"
            yield InvalidField("params.template", f"no command has this name; CLI_COMMANDS knows {known}")
        if isinstance(target, ComfyTarget):
            wanted = wanted_loras(command.prompt, command.made_of)
            check_workflow(target.workflow, target.loader, needs_loras=bool(wanted))

    async def _add(self, command: EnqueueDeliveryCommand, runtime: str | None) -> Delivery:
        key = IdempotencyKey(command.idempotency_key, command.fingerprint) if command.idempotency_key else None
        async with self.begin() as uow:
            if key is not None and (known := await uow.deliveries.with_key(key.key)) is not None:
                if known.idempotency != key:
                    raise IdempotencyKeyReused(key.key)
                return known
            delivery, events = Delivery(
                id=self.identifiers.new(),
                prompt=command.prompt,
                mode=command.mode,
                params=command.params,
                content=command.made_of,
                created_at=await uow.deliveries.now(),
                runtime=runtime,
                max_attempts=command.max_attempts,
                timeout_s=command.timeout_s,
                idempotency=key,
                trail=dict(trail()),
            ).accept()
            await uow.deliveries.add(delivery)
            await uow.commit()
        with on_trail_of(delivery):
            self.log.record(events)
        return delivery
