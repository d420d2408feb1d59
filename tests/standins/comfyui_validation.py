"""What ComfyUI looks at before it takes a workflow: the same words, in the same places.

Source: ComfyUI 0.3.64 execution.py, validate_prompt and validate_inputs; the nodes are those of the recordings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.standins.comfyui_wire import Json

_ECHOED = 20  # choices of a list that an error repeats
_STRENGTH = ["FLOAT", {"min": -100.0, "max": 100.0}]


@dataclass(frozen=True)
class NodeKind:
    inputs: Mapping[str, Json]
    outputs: Sequence[str] = ()
    is_output: bool = False


def kinds(loras: Sequence[str]) -> Mapping[str, NodeKind]:
    """The nodes that the server has, with the LoRA files it has."""
    text, any_text = ["STRING", {"multiline": True}], ["STRING", {}]
    sampler = {
        "model": ["MODEL", {}], "seed": ["INT", {"min": 0, "max": 2**64 - 1}],
        "steps": ["INT", {"min": 1, "max": 10000}], "cfg": ["FLOAT", {"min": 0.0, "max": 100.0}],
        "sampler_name": [["euler", "ddim"], {}], "scheduler": [["normal", "simple"], {}],
        "positive": ["CONDITIONING", {}], "negative": ["CONDITIONING", {}], "latent_image": ["LATENT", {}],
        "denoise": ["FLOAT", {"min": 0.0, "max": 1.0}],
    }  # fmt: skip
    lora_name = [list(loras), {"tooltip": "The name of the LoRA."}]
    return {
        "CheckpointLoaderSimple": NodeKind({"ckpt_name": any_text}, ("MODEL", "CLIP", "VAE")),
        "UNETLoader": NodeKind({"unet_name": any_text}, ("MODEL",)),
        "DualCLIPLoader": NodeKind({"clip_name1": any_text, "clip_name2": any_text, "type": any_text}, ("CLIP",)),
        "VAELoader": NodeKind({"vae_name": any_text}, ("VAE",)),
        "CLIPTextEncode": NodeKind({"text": text, "clip": ["CLIP", {}]}, ("CONDITIONING",)),
        "EmptyLatentImage": NodeKind({"width": ["INT", {}], "height": ["INT", {}]}, ("LATENT",)),
        "KSampler": NodeKind(sampler, ("LATENT",)),
        "VAEDecode": NodeKind({"samples": ["LATENT", {}], "vae": ["VAE", {}]}, ("IMAGE",)),
        "SaveImage": NodeKind({"images": ["IMAGE", {}], "filename_prefix": any_text}, (), is_output=True),
        "LoraLoader": NodeKind(
            {
                "model": ["MODEL", {}],
                "clip": ["CLIP", {}],
                "lora_name": lora_name,
                "strength_model": _STRENGTH,
                "strength_clip": _STRENGTH,
            },
            ("MODEL", "CLIP"),
        ),
        "LoraLoaderModelOnly": NodeKind(
            {"model": ["MODEL", {}], "lora_name": lora_name, "strength_model": _STRENGTH}, ("MODEL",)
        ),
    }


@dataclass(frozen=True)
class Verdict:
    """What POST /prompt says of a workflow; ``error`` None: the outputs that are sound are run."""

    error: dict[str, Json] | None
    outputs: tuple[str, ...]
    node_errors: dict[str, Json]


def validate(graph: Mapping[str, Json], loras: Sequence[str]) -> Verdict:
    known = kinds(loras)
    for node, content in graph.items():
        if "class_type" not in content:
            message = "Cannot execute because a node is missing the class_type property."
            return Verdict(_error("invalid_prompt", message, f"Node ID '#{node}'"), (), {})
        if content["class_type"] not in known:
            message = f"Cannot execute because node {content['class_type']} does not exist."
            return Verdict(_error("invalid_prompt", message, f"Node ID '#{node}'"), (), {})
    outputs = [node for node, content in graph.items() if known[content["class_type"]].is_output]
    if not outputs:
        return Verdict(_error("prompt_no_outputs", "Prompt has no outputs"), (), {})
    return _validate_outputs(graph, known, outputs)


def _validate_outputs(graph: Mapping[str, Json], known: Mapping[str, NodeKind], outputs: Sequence[str]) -> Verdict:
    checking = _Checking(graph, known)
    good: list[str] = []
    wrong: list[tuple[str, str]] = []
    node_errors: dict[str, Json] = {}
    for output in outputs:
        try:
            is_good = checking.check(output)
        except RecursionError:  # a circle, of which the server says nothing at all
            is_good = False
            checking.errors.clear()
        except (KeyError, IndexError) as error:
            is_good = False
            checking.errors[output] = [_exception(error, None)]
        if is_good:
            good.append(output)
            continue
        for node, errors in checking.errors.items():
            if errors:
                told = node_errors.setdefault(
                    node, {"errors": errors, "dependent_outputs": [], "class_type": graph[node]["class_type"]}
                )
                told["dependent_outputs"].append(output)
                wrong += [(error["message"], error["details"]) for error in errors if node == output]
    if good:
        return Verdict(None, tuple(good), node_errors)
    details = "\n".join(f"{message}: {detail}" for message, detail in wrong)
    failed = _error("prompt_outputs_failed_validation", "Prompt outputs failed validation", details)
    return Verdict(failed, (), node_errors)


class _Checking:
    """Goes through a graph from an output to its beginnings."""

    def __init__(self, graph: Mapping[str, Json], known: Mapping[str, NodeKind]) -> None:
        self._graph = graph
        self._known = known
        self.errors: dict[str, list[dict[str, Json]]] = {}

    def check(self, node: str) -> bool:
        if node in self.errors:
            return not self.errors[node]
        found: list[dict[str, Json]] = []
        is_good = True
        inputs = self._graph[node]["inputs"]
        for name, config in self._known[self._graph[node]["class_type"]].inputs.items():
            if name not in inputs:
                found.append(_wrong("required_input_missing", "Required input is missing", name, input_name=name))
            elif isinstance(inputs[name], list):
                is_good &= self._check_link(name, config, inputs[name], found)
            else:
                found.extend(_check_value(name, config, inputs[name]))
        self.errors[node] = found
        return is_good and not found

    def _check_link(self, name: str, config: Json, link: list[Json], found: list[dict[str, Json]]) -> bool:
        given = {"input_name": name, "input_config": config}
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            found.append(_wrong("bad_linked_input", message, name, **given, received_value=link))
            return True
        source, slot = link
        received = self._known[self._graph[source]["class_type"]].outputs[slot]
        if received != config[0]:
            found.append(
                _wrong(
                    "return_type_mismatch",
                    "Return type mismatch between linked nodes",
                    f"{name}, received_type({received}) mismatch input_type({config[0]})",
                    **given,
                    received_type=received,
                    linked_node=link,
                )
            )
            return True
        try:
            return self.check(source)
        except (KeyError, IndexError) as error:
            self.errors[source] = [_exception(error, {**given, "linked_node": link})]
            return False


def _check_value(name: str, config: Json, value: Json) -> list[dict[str, Json]]:
    kind, limits = config
    given = {"input_name": name, "input_config": config, "received_value": value}
    if isinstance(kind, list):
        if value in kind:
            return []
        listed = str(kind) if len(kind) <= _ECHOED else f"(list of length {len(kind)})"
        if len(kind) > _ECHOED:
            given["input_config"] = None
        return [_wrong("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {listed}", **given)]
    if kind in {"INT", "FLOAT"}:
        try:
            number = {"INT": int, "FLOAT": float}[kind](value)
        except (ValueError, TypeError) as error:
            message, told = f"Failed to convert an input value to a {kind} value", f"{name}, {value}, {error}"
            return [_wrong("invalid_input_type", message, told, **given, exception_message=str(error))]
        if number < limits.get("min", number):
            message = f"Value {number} smaller than min of {limits['min']}"
            return [_wrong("value_smaller_than_min", message, name, **given)]
        if number > limits.get("max", number):
            message = f"Value {number} bigger than max of {limits['max']}"
            return [_wrong("value_bigger_than_max", message, name, **given)]
    return []


def _wrong(kind: str, message: str, details: str, **extra: Json) -> dict[str, Json]:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def _exception(error: Exception, linked: Mapping[str, Json] | None) -> dict[str, Json]:
    """What broke a node's check; ``linked``: the input of the node behind it, which the error is reported with."""
    told = {"exception_type": type(error).__name__, "traceback": ["..."]}
    if linked is None:
        return _wrong("exception_during_validation", "Exception when validating node", str(error), **told)
    told |= {**linked, "exception_message": str(error)}
    return _wrong("exception_during_inner_validation", "Exception when validating inner node", str(error), **told)


def _error(kind: str, message: str, details: str = "") -> dict[str, Json]:
    return {"type": kind, "message": message, "details": details, "extra_info": {}}
