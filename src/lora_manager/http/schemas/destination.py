"""Where a prompt is to go, in the words of a client; ``POST /deliveries`` and ``POST /compose`` have different ones."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any

from msgspec import Meta, convert

from lora_manager.app.deliveries.deliver_composition import Destination
from lora_manager.domain.delivery import Mode, parse_target
from lora_manager.domain.delivery.limits import (
    DEFAULT_ATTEMPTS,
    DEFAULT_TIMEOUT_S,
    MAX_ATTEMPTS,
    MAX_TIMEOUT_S,
    MIN_TIMEOUT_S,
    check_limits,
)
from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.http.schemas.input import Input
from lora_manager.http.schemas.targets import CliParams, ComfyParams, HttpParams, SdnextParams
from lora_manager.http.wrong_fields import fields_of, wrong_fields


class Limits(Input, frozen=True, kw_only=True):
    """How often and for how long to try."""

    max_attempts: Annotated[
        int | None,
        Meta(
            description=f"How many attempts to make at most; {DEFAULT_ATTEMPTS} unless given",
            extra_json_schema={"minimum": 1, "maximum": MAX_ATTEMPTS},
        ),
    ] = None
    timeout_s: Annotated[
        float | None,
        Meta(
            description=f"Seconds that one attempt may take; {DEFAULT_TIMEOUT_S:g} unless given",
            extra_json_schema={"minimum": MIN_TIMEOUT_S, "maximum": MAX_TIMEOUT_S},
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidDestination:
    """A target with its parameters, as said. The limits may stand among the parameters: users look for them there, too.

    :param limits: those beside the parameters
    :param params_name: what the request calls the parameters: ``params``, ``delivery.http``
    :param before_limits: what stands before the names of the limits in the request: nothing, or ``delivery.``
    """

    mode: Mode
    params: Mapping[str, Any]
    limits: Limits
    params_name: str = "params"
    before_limits: str = ""

    def to_destination(self) -> Destination:
        """The destination as the application knows it.

        :raises InvalidFields: a limit is said twice and not the same, or is no number
        """
        limits = self._all_limits()
        return Destination(
            mode=self.mode,
            params={name: value for name, value in self.params.items() if name not in fields_of(Limits)},
            max_attempts=DEFAULT_ATTEMPTS if limits.max_attempts is None else limits.max_attempts,
            timeout_s=DEFAULT_TIMEOUT_S if limits.timeout_s is None else limits.timeout_s,
        )

    def check(self, prompt: str = "", idempotency_key: str | None = None) -> None:
        """Hold everything against the limits that the domain sets.

        :raises InvalidFields: naming all that is wrong, as the client wrote it
        """
        it = self.to_destination()
        with self.naming():
            require(
                lambda: check_limits(prompt, it.params, it.max_attempts, it.timeout_s, idempotency_key),
                lambda: parse_target(it.mode, it.params),
            )

    @contextmanager
    def naming(self) -> Iterator[None]:
        """What is found wrong in the block, the client is told of by the names in its request."""
        try:
            yield
        except InvalidFields as error:
            raise InvalidFields(replace(field, name=self._named(field.name)) for field in error.fields) from error

    def _named(self, name: str) -> str:
        """What the request calls a field that the domain knows by this name."""
        if name in fields_of(Limits):
            is_inside = getattr(self.limits, name) is None and self.params.get(name) is not None
            return f"{self.params_name}.{name}" if is_inside else self.before_limits + name
        first, dot, rest = name.partition(".")
        return self.params_name + dot + rest if first == "params" else name

    def _all_limits(self) -> Limits:
        """The limits from wherever they are said."""
        inside = {name: self.params[name] for name in fields_of(Limits) if self.params.get(name) is not None}
        beside = {name: said for name in fields_of(Limits) if (said := getattr(self.limits, name)) is not None}
        wrong = [*wrong_fields(Limits, inside)] or [
            InvalidField(name, f"is {inside[name]}, but {self.before_limits}{name} is {beside[name]}: say it once")
            for name in inside.keys() & beside.keys()
            if inside[name] != beside[name]
        ]
        if wrong:
            raise InvalidFields(replace(field, name=f"{self.params_name}.{field.name}") for field in wrong)
        return convert(inside | beside, Limits)


class DestinationInput(Limits, frozen=True, kw_only=True):
    """Where a composed prompt is to go: the parameters stand under the name of the mode."""

    mode: Annotated[Mode, Meta(description="The kind of the target")]
    http: HttpParams | None = None
    cli: CliParams | None = None
    comfyui: ComfyParams | None = None
    sdnext: SdnextParams | None = None

    def said(self) -> SaidDestination:
        """The destination, and what the request calls its parts.

        :raises InvalidFields: there are parameters of another mode
        """
        given: dict[Mode, dict[str, Any] | None] = {mode: getattr(self, mode) for mode in Mode}
        params = given.pop(self.mode)
        if others := [mode for mode, foreign in given.items() if foreign is not None]:
            reason = f"cannot go together with mode {self.mode}"
            raise InvalidFields(InvalidField(f"delivery.{mode}", reason) for mode in others)
        return SaidDestination(
            mode=self.mode,
            params=params or {},
            limits=Limits(max_attempts=self.max_attempts, timeout_s=self.timeout_s),
            params_name=f"delivery.{self.mode}",
            before_limits="delivery.",
        )


def require(*checks: Callable[[], object]) -> None:
    """Make all of these checks.

    :raises InvalidFields: naming what any of them found wrong
    """
    wrong: list[InvalidField] = []
    for check in checks:
        try:
            check()
        except InvalidFields as error:
            wrong += error.fields
    if wrong:
        raise InvalidFields(wrong)
