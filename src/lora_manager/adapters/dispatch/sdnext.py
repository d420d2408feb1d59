"""Delivering to SD.Next, AUTOMATIC1111 and Forge.

These servers know no idempotency: an attempt that repeats one whose worker was lost makes the images again (at least
once). The delivery's id goes along as ``force_task_id``, which A1111 and Forge name the task by, and as
``Idempotency-Key``, for what stands in front of them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple, cast

from lora_manager.adapters.dispatch.sdnext_following import following, look, stop
from lora_manager.adapters.dispatch.sdnext_images import Image, decode_image
from lora_manager.adapters.dispatch.sdnext_infotext import Info, seed_in
from lora_manager.adapters.dispatch.sdnext_loras import (
    Warned,
    asked_for,
    missing_from,
    not_found,
    unmentioned,
    unused,
    warning,
)
from lora_manager.adapters.dispatch.sdnext_runtime import Runtime
from lora_manager.adapters.dispatch.sdnext_wire import Generated
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.delivery import Delivery, DispatchFailed, Result, SdnextTarget, parse_target
from lora_manager.domain.errors import Unavailable
from lora_manager.ports.artefacts import ArtefactStore
from lora_manager.ports.dispatcher import Dispatcher, Report

_GRACE_S = 60.0  # seconds: the caller ends a late attempt before the client does, so that the server is stopped too


class SdnextDispatcher(Dispatcher):
    """Has images made from the prompt, and keeps them.

    :param artefacts: where the images go
    :param progress_every_s: seconds between two looks at how far the server is
    """

    def __init__(self, client: OutboundClient, artefacts: ArtefactStore, *, progress_every_s: float = 1.0) -> None:
        self._client = client
        self._artefacts = artefacts
        self._progress_every_s = progress_every_s

    async def dispatch(self, delivery: Delivery, report: Report) -> Result:
        target = cast("SdnextTarget", parse_target(delivery.mode, delivery.params))
        runtime = Runtime(self._client, target.base_url)
        # What the payload says goes before send_images and force_task_id, never before the prompt.
        payload = {"send_images": True, "force_task_id": str(delivery.id), **target.payload, "prompt": delivery.prompt}
        asked = asked_for(delivery.prompt)
        warnings = await _look_for(asked, runtime, delivery)
        generated = await self._generate(runtime, payload, delivery, report)
        if payload["send_images"] and not generated.images:
            raise _no_images(runtime)
        info = Info(generated.info)
        pictures = _pictures(generated, info)
        infotext = next((picture.infotext for picture in pictures if picture.infotext), info.infotext_of(0))
        return {
            "images": [await self._keep(delivery, number, picture) for number, picture in enumerate(pictures, 1)],
            "seed": info.seed if info.seed is not None else seed_in(infotext),
            "infotext": infotext,
            "warnings": [*warnings, *unmentioned(delivery), *unused(asked, info, infotext, runtime.name)],
        }

    async def _generate(
        self, runtime: Runtime, payload: dict[str, object], delivery: Delivery, report: Report
    ) -> Generated:
        headers = {"Idempotency-Key": str(delivery.id), "X-Delivery-Attempt": str(delivery.fence)}
        before = await look(runtime)
        try:
            async with following(runtime, before, report, self._progress_every_s):
                return await runtime.generate(payload, headers, delivery.timeout_s + _GRACE_S)
        except asyncio.CancelledError:
            await stop(runtime, str(payload["force_task_id"]), before)
            raise

    async def _keep(self, delivery: Delivery, number: int, picture: "_Picture") -> dict[str, object]:
        name = f"image-{number}.{picture.image.suffix}"
        try:
            artefact = await self._artefacts.put(delivery.id, name, picture.image.content)
        except Unavailable as error:
            message = f"the images were made but cannot be kept: {error}"
            raise DispatchFailed("storage_unavailable", message, retryable=True) from error
        return {**asdict(artefact), "seed": picture.seed, "infotext": picture.infotext}


class _Picture(NamedTuple):
    """An image and what is known of how it was made."""

    image: Image
    seed: int | None
    infotext: str | None


def _pictures(generated: Generated, info: Info) -> list[_Picture]:
    """The images of the answer, each of them sound; what ``info`` does not tell, the image may."""
    pictures = []
    for place, image in enumerate(map(decode_image, generated.images or ())):
        infotext = info.infotext_of(place) or image.infotext
        seed = info.seed_of(place)
        pictures.append(_Picture(image, seed_in(infotext) if seed is None else seed, infotext))
    return pictures


def _no_images(runtime: Runtime) -> DispatchFailed:
    message = (
        f"{runtime.name} made no image and gives no reason; somebody may have interrupted it, or it ran out of memory: "
        "its log tells"
    )
    return DispatchFailed("no_images", message, retryable=True)


async def _look_for(asked: Sequence[str], runtime: Runtime, delivery: Delivery) -> list[Warned]:
    """Make sure that the server has these LoRAs; a warning where it does not let itself be asked.

    :raises DispatchFailed: it lacks one, even after it looked into its folder again: ``lora_not_found``
    """
    if not asked:
        return []
    try:
        listed = await runtime.loras()
        if missing_from(listed, asked):
            await _refresh(runtime)
            listed = await runtime.loras()
    except DispatchFailed as failure:
        message = f"whether the server has the LoRAs of the prompt could not be looked up: {failure.error.message}"
        return [warning("lora_list_unavailable", message)]
    if missing := missing_from(listed, asked):
        raise not_found(delivery, missing, listed, runtime.name)
    return []


async def _refresh(runtime: Runtime) -> None:
    try:
        await runtime.refresh_loras()
    except DispatchFailed:
        return  # not every server has this call; whether it was of use, the list tells
