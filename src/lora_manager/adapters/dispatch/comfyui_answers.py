"""What ComfyUI's answers mean for a delivery. Source: ComfyUI execution.py, validate_prompt and PromptExecutor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lora_manager.adapters.outbound.answers import PASSING, parsed
from lora_manager.domain.delivery import DispatchFailed

_TOLD = 5  # wrong inputs of one workflow that are told
_LENGTH = 500  # characters of a text that a node has written
# Words of torch's and ComfyUI's errors where the memory of the graphics card does not suffice.
_OUT_OF_MEMORY = ("outofmemory", "out of memory", "allocation on device")


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a node has written.

    :param folder: ``output``, ``temp`` or ``input``
    """

    node: str
    filename: str
    subfolder: str
    folder: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A run that has ended.

    :param outputs: of whatever was written, also by a run that failed later
    :param was_cached: whether nothing was computed, and the files are those of an earlier run
    :param was_stopped: whether somebody interrupted it
    :param failure: what went wrong, None where nothing did
    """

    outputs: tuple[Output, ...]
    was_cached: bool = False
    was_stopped: bool = False
    failure: str | None = None
    ran_out_of_memory: bool = False


def read_entry(entry: object) -> Entry:
    """An entry of the history.

    :raises DispatchFailed: it has no known form
    """
    match entry:
        case {
            "prompt": [_, _, _, _, [*targets], *_],
            "outputs": {**outputs},
            "status": {"status_str": str(word), "messages": [*messages]},
        }:
            events = {name: data for name, data in map(_event, messages) if name}
            return _read_events(word, events, tuple(_files(outputs)), frozenset(filter(_is_text, targets)))
        case _:
            raise strange("/history")


def _read_events(
    word: str, events: Mapping[str, Mapping[str, object]], files: tuple[Output, ...], targets: frozenset[object]
) -> Entry:
    if word == "success":
        cached = events.get("execution_cached", {}).get("nodes")
        was_cached = isinstance(cached, list) and targets <= frozenset(filter(_is_text, cached))
        return Entry(files, was_cached=bool(targets) and was_cached)
    if (stopped := events.get("execution_interrupted")) is not None:
        return Entry(files, was_stopped=True, failure=f"the run was stopped in ComfyUI {_where(stopped)}")
    error = events.get("execution_error", {})
    kind, said = str(error.get("exception_type", "")), _clipped(error.get("exception_message", ""))
    told = f"ComfyUI failed {_where(error)}: {said or kind or 'it does not say why'}"
    exhausted = any(words in f"{kind} {said}".lower() for words in _OUT_OF_MEMORY)
    return Entry(files, failure=told, ran_out_of_memory=exhausted)


def refusal(status: int, body: bytes) -> DispatchFailed:
    """The failure that an answer other than 2xx stands for."""
    match status, parsed(body):
        case HTTPStatus.BAD_REQUEST, {"error": {**error}, "node_errors": node_errors}:
            return rejection(node_errors if isinstance(node_errors, dict) else {}, error)
        case _:
            return _told_by_status(status)


def _told_by_status(status: int) -> DispatchFailed:
    answered = f"ComfyUI answers {status}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return DispatchFailed("server_error", f"{answered}; its log tells more", retryable=True)
    if status in PASSING:
        return DispatchFailed("server_busy", f"{answered}; it asks for patience", retryable=True)
    code, advice = _advice(status)
    return DispatchFailed(code, f"{answered}; {advice}", retryable=False)


def _advice(status: int) -> tuple[str, str]:
    """The code of an answer that trying again does not change, and what to do."""
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return "unauthorized", "if a proxy guards it, give credentials in base_url: http://user:password@host:port"
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            return "no_api", "check that base_url leads to ComfyUI"
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return "refused", "the workflow is too large for it: start it with a larger --max-upload-size"
        case _ if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return "redirected", "redirects are not followed: put the address it redirects to into base_url"
        case _:
            return "refused", "check base_url and the workflow"


def rejection(node_errors: Mapping[Any, object], error: Mapping[Any, object] | None = None) -> DispatchFailed:
    """The failure of a workflow that ComfyUI does not run, or not wholly.

    :param error: what is wrong with the workflow as a whole; says little where nodes are named
    """
    told = [problem for node, found in node_errors.items() for problem in _problems(str(node), found)]
    unknown = any(is_lora for _, is_lora in told)
    said = "; ".join(text for text, _ in told[:_TOLD]) or _overall(error or {})
    if len(told) > _TOLD:
        said += f"; and {len(told) - _TOLD} more"
    if unknown:
        return DispatchFailed("lora_not_found", f"ComfyUI does not have a LoRA: {said}", retryable=False)
    return DispatchFailed("workflow_rejected", f"ComfyUI rejects the workflow: {said}", retryable=False)


def strange(path: str) -> DispatchFailed:
    """The failure of an answer that is JSON, but not ComfyUI's."""
    message = f"what answered {path} does not answer as ComfyUI does; check that base_url leads to ComfyUI itself"
    return DispatchFailed("bad_answer", message, retryable=True)


def _overall(error: Mapping[Any, object]) -> str:
    kind, message, details = (_clipped(error.get(name, "")) for name in ("type", "message", "details"))
    if kind == "prompt_no_outputs":
        return "it has no node that puts out anything, such as SaveImage"
    if kind == "prompt_outputs_failed_validation" and not details:
        return "ComfyUI does not say why; links that lead in a circle are a known cause, and its log may tell more"
    return f"{message} ({details})" if details and details != message else message


def _problems(node: str, found: object) -> Iterator[tuple[str, bool]]:
    """What is wrong with a node, in words, and whether it is a LoRA that the server does not have."""
    match found:
        case {"class_type": class_type, "errors": [*errors]}:
            where = f"node {node!r} ({class_type})"
        case _:
            where, errors = f"node {node!r}", [found]
    for error in errors:
        match error:
            case {"type": str(kind), "message": str(message), "details": details, "extra_info": {**extra}}:
                yield _problem(where, kind, message, str(details), extra)
            case _:
                yield f"{where}: {_clipped(error)}", False


def _problem(where: str, kind: str, message: str, details: str, extra: Mapping[object, object]) -> tuple[str, bool]:
    name, value = extra.get("input_name"), _clipped(extra.get("received_value"))
    if kind == "value_not_in_list":
        return f"{where}, input {name}: the server has no {value!r}", name == "lora_name"
    if kind == "exception_during_inner_validation":
        # The input that is named belongs to the node behind this one.
        return f"{where}: could not be checked ({_clipped(details)}); a link to nothing is the usual cause", False
    if kind.startswith("value_") and value:
        return f"{where}, input {name}: {message} ({value})", False
    said = f" ({_clipped(details)})" if details and details != name else ""
    return f"{where}, input {name}: {message}{said}" if name else f"{where}: {message}{said}", False


def _files(outputs: Mapping[Any, object]) -> Iterator[Output]:
    """What the nodes have written: images, and videos, sounds or meshes under whatever name."""
    for node, output in outputs.items():
        for listed in output.values() if isinstance(output, dict) else ():
            for item in listed if isinstance(listed, list) else ():
                match item:
                    case {"filename": str(filename), "subfolder": str(subfolder), "type": str(folder)}:
                        yield Output(str(node), filename, subfolder, folder)
                    case _:
                        continue  # texts and numbers that a node shows


def _event(message: object) -> tuple[str, Mapping[str, object]]:
    match message:
        case [str(name), {**data}]:
            return name, {str(key): value for key, value in data.items()}
        case _:
            return "", {}


def _where(event: Mapping[str, object]) -> str:
    return f"in node {event.get('node_id')!r} ({event.get('node_type')})" if "node_id" in event else "in some node"


def _clipped(value: object) -> str:
    text = str(value).strip()
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"


def _is_text(value: object) -> bool:
    return isinstance(value, str)
