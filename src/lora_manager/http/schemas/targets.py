"""The parameters of the targets as OpenAPI tells of them. The domain checks them; here they are documentation only."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from lora_manager.domain.delivery import Mode
from lora_manager.domain.delivery.targets import COMMAND_NAME, MAX_URL

_BASE_URL = {
    "type": "string",
    "description": "http or https, without a query",
    "maxLength": MAX_URL,
    "examples": ["http://127.0.0.1:8188"],
}
_PROPERTIES: Mapping[Mode, Mapping[str, Mapping[str, object]]] = {
    Mode.HTTP: {
        "host": {"type": "string", "description": "A name or an IP address", "minLength": 1, "examples": ["127.0.0.1"]},
        "port": {"type": "integer", "description": "80, with https 443, unless given", "minimum": 1, "maximum": 65_535},
        "path": {"type": "string", "default": "/", "maxLength": MAX_URL, "pattern": r"^/[!-~]*$"},
        "scheme": {"enum": ["http", "https"], "default": "http"},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    Mode.CLI: {
        "template": {
            "type": "string",
            "description": "The name of a command in CLI_COMMANDS; without one only the prompt file is written",
            "pattern": f"^{COMMAND_NAME.pattern}$",
        },
    },
    Mode.COMFYUI: {
        "base_url": _BASE_URL,
        "workflow": {"type": "object", "description": "A workflow in API format", "minProperties": 1},
        "loader": {
            "type": "string",
            "description": "The id of the node that the LoRAs follow, where several load a model",
        },
    },
    Mode.SDNEXT: {
        "base_url": _BASE_URL,
        "payload": {"type": "object", "description": "Fields of /sdapi/v1/txt2img beside the prompt"},
    },
}
_REQUIRED: Mapping[Mode, list[str]] = {
    Mode.HTTP: ["host"],
    Mode.CLI: [],
    Mode.COMFYUI: ["base_url", "workflow"],
    Mode.SDNEXT: ["base_url"],
}


def _described(mode: Mode) -> dict[str, Any]:
    required = _REQUIRED[mode]
    properties = {
        name: schema if name in required else {"anyOf": [schema, {"type": "null"}]}
        for name, schema in _PROPERTIES[mode].items()
    }
    return {"title": f"Parameters of mode {mode}", "properties": properties, "required": required}


Params = Annotated[
    dict[str, Any],
    Meta(
        description="Of the target, as its mode wants them; `max_attempts` and `timeout_s` may stand here, too",
        extra_json_schema={"anyOf": [_described(mode) for mode in Mode]},
    ),
]
HttpParams = Annotated[dict[str, Any], Meta(extra_json_schema=_described(Mode.HTTP))]
CliParams = Annotated[dict[str, Any], Meta(extra_json_schema=_described(Mode.CLI))]
ComfyParams = Annotated[dict[str, Any], Meta(extra_json_schema=_described(Mode.COMFYUI))]
SdnextParams = Annotated[dict[str, Any], Meta(extra_json_schema=_described(Mode.SDNEXT))]
