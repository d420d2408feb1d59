"""Delivering to ComfyUI."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import cast

from lora_manager.adapters.dispatch.comfyui_answers import Entry, rejection
from lora_manager.adapters.dispatch.comfyui_api import ComfyApi
from lora_manager.adapters.dispatch.comfyui_following import Pace, follow, listening
from lora_manager.adapters.dispatch.comfyui_loras import LoraFiles
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.delivery import ComfyTarget, Delivery, DispatchFailed, Outcome, Result, parse_target
from lora_manager.domain.delivery.wanted import untagged, wanted_loras
from lora_manager.domain.delivery.workflow import PLACEHOLDER, chain_loras, fill_prompt, has_place
from lora_manager.domain.errors import InvalidFields
from lora_manager.ports.dispatcher import Dispatcher, Report

# Ends after which the worker of an attempt, if it still lives, may stop a run that a later attempt follows.
_UNFINISHED = frozenset({Outcome.LOST, Outcome.HANDED_BACK})


class ComfyDispatcher(Dispatcher):
    """Runs a workflow on a ComfyUI server, with the LoRAs and the prompt put into it.

    The run has the delivery's id, so that an attempt takes over what an earlier one has begun. What an earlier attempt
    has seen fail is run again.
    """

    def __init__(self, client: OutboundClient, pace: Pace | None = None) -> None:
        self._client = client
        self._pace = pace or Pace()

    async def dispatch(self, delivery: Delivery, report: Report) -> Result:
        target = cast("ComfyTarget", parse_target(delivery.mode, delivery.params))
        api = ComfyApi(self._client, target.base_url)
        try:
            entry = await self._run(api, delivery, target, report)
        except asyncio.CancelledError:
            await self._withdraw(api, delivery)
            raise
        return _result(api, delivery, target, entry)

    async def _run(self, api: ComfyApi, delivery: Delivery, target: ComfyTarget, report: Report) -> Entry:
        run_id = str(delivery.id)
        sighting = await api.look(run_id)
        if sighting.entry is not None:
            if sighting.entry.failure is None:
                return sighting.entry
            await api.forget(run_id)  # or it would be taken for the end of the run that follows
        if sighting.queued is not None:
            async with listening(api, sighting.queued.client_id, run_id, report) as news:
                return await follow(api, run_id, news, self._pace)
        graph = await _graph(api, delivery, target)
        client_id = f"{run_id}-{delivery.fence}"  # of its own, as the latest client of an id takes all that it is told
        async with listening(api, client_id, run_id, report) as news:
            await self._submit(api, delivery, graph, client_id)
            return await follow(api, run_id, news, self._pace)

    async def _submit(self, api: ComfyApi, delivery: Delivery, graph: Mapping[str, object], client_id: str) -> None:
        run_id = str(delivery.id)
        try:
            node_errors = await api.submit(graph, run_id, client_id, delivery.fence)
        except DispatchFailed as failure:
            # A server that fails, or whose answer got lost, may have queued the run all the same.
            if not failure.error.retryable or (await api.look(run_id)).is_empty:
                raise
            return
        if node_errors:
            await self._withdraw(api, delivery, forget=True)  # it did not do what was asked, whatever the history says
            raise rejection(node_errors)

    async def _withdraw(self, api: ComfyApi, delivery: Delivery, *, forget: bool = False) -> None:
        """Stop the run; soon, or not at all."""
        try:
            async with asyncio.timeout(self._pace.stopping_s):
                await api.withdraw(str(delivery.id))
                if forget:
                    await api.forget(str(delivery.id))
        except (DispatchFailed, TimeoutError):
            return  # it goes on with work that nobody waits for; there is nobody to tell and nothing more to try


async def _graph(api: ComfyApi, delivery: Delivery, target: ComfyTarget) -> Mapping[str, object]:
    wanted = wanted_loras(delivery.prompt, delivery.content)
    nodes = LoraFiles(await api.lora_names()).nodes(wanted) if wanted else ()
    filled = fill_prompt(target.workflow, untagged(delivery.prompt, delivery.content))
    try:
        return chain_loras(filled, nodes, target.loader)
    except InvalidFields as error:
        raise DispatchFailed("workflow_rejected", str(error), retryable=False) from error


def _result(api: ComfyApi, delivery: Delivery, target: ComfyTarget, entry: Entry) -> Result:
    outputs = [
        {
            "node": output.node,
            "filename": output.filename,
            "subfolder": output.subfolder,
            "type": output.folder,
            "url": api.view_url(output.filename, output.subfolder, output.folder),
        }
        for output in entry.outputs
    ]
    warnings = [{"code": code, "message": message} for code, message in _warnings(delivery, target, entry)]
    result: dict[str, object] = {"prompt_id": str(delivery.id), "outputs": outputs, "warnings": warnings}
    if entry.failure is None:
        return result
    if entry.was_stopped:
        retryable = any(attempt.outcome in _UNFINISHED for attempt in delivery.attempts)
        raise DispatchFailed("interrupted", entry.failure, retryable=retryable, result=result)
    code = "out_of_memory" if entry.ran_out_of_memory else "execution_error"
    raise DispatchFailed(code, entry.failure, retryable=entry.ran_out_of_memory, result=result)


def _warnings(delivery: Delivery, target: ComfyTarget, entry: Entry) -> Iterator[tuple[str, str]]:
    if untagged(delivery.prompt, delivery.content) and not has_place(target.workflow):
        yield "prompt_unused", f"the prompt's text was not used: no text of the workflow holds {PLACEHOLDER}"
    if entry.was_cached:
        message = (
            "ComfyUI computed nothing, as it had run the same before: the outputs are the files of that run. It does "
            "not notice a LoRA file that was replaced under its name; POST /free with free_memory true makes it read "
            "the files again, and another seed gives another picture"
        )
        yield "cached", message
