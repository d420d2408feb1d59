"""What a server with A1111's API answers, as far as it is read.

Source: AUTOMATIC1111/stable-diffusion-webui modules/api/models.py, modules/progress.py, vladmandic/sdnext
modules/api/models.py. Fields that are not named here, such as the metadata of every LoRA, are passed over unread.
"""

from typing import Any, TypeVar

import msgspec

from lora_manager.domain.delivery import DispatchFailed, Progress

AnswerT = TypeVar("AnswerT")


class Generated(msgspec.Struct):
    """The answer to txt2img."""

    images: list[str] | None = None
    info: Any = None


class ListedLora(msgspec.Struct):
    """One element of the list of LoRAs; SD.Next, A1111 and stable-diffusion.cpp leave out different fields."""

    name: str | None = None
    alias: str | None = None
    path: str | None = None


class TaskState(msgspec.Struct):
    """What the user interface is told of one task, by its id; SD.Next knows no ids of tasks."""

    active: bool = False
    queued: bool = False
    completed: bool = False


class _State(msgspec.Struct):
    job: str | None = None
    job_count: float | None = None
    job_no: float | None = None
    job_timestamp: str | None = None
    sampling_step: float | None = None
    sampling_steps: float | None = None


class Seen(msgspec.Struct):
    """What the server is doing, whoever asked for it."""

    progress: float | None = None
    state: _State = msgspec.field(default_factory=_State)

    @property
    def job(self) -> str | None:
        """What tells the running job from the ones before and after it; None while there is none."""
        is_busy = self.state.job or self.state.job_count
        return f"{self.state.job} {self.state.job_timestamp}" if is_busy else None

    def told(self) -> Progress:
        """The same in the domain's words."""
        details = []
        if (images := self.state.job_count or 0) > 1:
            details.append(f"batch {min((self.state.job_no or 0) + 1, images):g} of {images:g}")
        if steps := self.state.sampling_steps:
            details.append(f"step {self.state.sampling_step or 0:g} of {steps:g}")
        return Progress(round(min(max(self.progress or 0.0, 0.0), 1.0), 2), ", ".join(details) or "running")


def decode(body: bytes, kind: type[AnswerT], runtime: str) -> AnswerT:
    """The answer as this kind.

    :raises DispatchFailed: it is none: ``bad_answer``
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if body.lstrip()[:1] == b"<":
            message = f"{runtime} answers with a web page; check that base_url leads to SD.Next, A1111 or Forge itself"
            raise DispatchFailed("bad_answer", message, retryable=False) from error
        message = f"the answer of {runtime} cannot be read ({error}); check that the server is well"
        raise DispatchFailed("bad_answer", message, retryable=True) from error
