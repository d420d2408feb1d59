"""Which LoRAs a prompt asks for, which of them the server has, and which it used.

A LoRA that a runtime does not find is no error to it: it makes the image without. Hence a look before, and one after.
Source: AUTOMATIC1111/stable-diffusion-webui extensions-builtin/Lora, vladmandic/sdnext modules/lora.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from lora_manager.adapters.dispatch.sdnext_infotext import Info, field_of
from lora_manager.adapters.dispatch.sdnext_wire import ListedLora
from lora_manager.domain.delivery import Delivery, DispatchFailed
from lora_manager.domain.prompt import parse

Warned: TypeAlias = dict[str, object]

_LEFT_OUT_OF_HASHES = str.maketrans("", "", ":,")  # A1111 and Forge strip these from the names in "Lora hashes"


def asked_for(prompt: str) -> tuple[str, ...]:
    """The names the prompt asks for, each once; not those of weight 0, and not those that SD.Next downloads."""
    tags = parse(prompt).tags
    return tuple(dict.fromkeys(tag.name for tag in tags if (tag.weight or tag.te_weight) and tag.name[0] != "/"))


def missing_from(listed: Sequence[ListedLora], asked: Sequence[str]) -> list[str]:
    """The names that the server has no file for; case counts.

    It finds a file by its stem or alias, SD.Next also by its path, and with dots in its stem as underscores.
    """
    paths = [_without_suffix((lora.path or "").replace("\\", "/")) for lora in listed]
    names = {name for lora in listed for name in (lora.name, lora.alias)}
    names.update(path.rpartition("/")[2] for path in paths)
    return [name for name in asked if name not in names and not any(path.endswith(f"/{name}") for path in paths)]


def not_found(delivery: Delivery, missing: Sequence[str], listed: Sequence[ListedLora], runtime: str) -> DispatchFailed:
    """The failure that says which LoRAs the server lacks, and what to do about each."""
    files = {lora.name: lora.file_path for lora in delivery.content.loras}
    alike = {lora.name.casefold(): lora.name for lora in listed if lora.name}

    def advice(name: str) -> str:
        if other := alike.get(name.casefold()):
            return f"{name!r} (it has {other!r}: upper and lower case must be the same)"
        return f"{name!r} (copy {files[name]} into its LoRA folder)" if name in files else repr(name)

    named = ", ".join(advice(name) for name in missing)
    message = f"{runtime} has no LoRA {named}; copy the file into the server's LoRA folder, or correct the name"
    return DispatchFailed("lora_not_found", message, retryable=False)


def unmentioned(delivery: Delivery) -> Iterator[Warned]:
    """Warnings of LoRAs that are part of the composition while the prompt has no tag for them that is read here."""
    mentioned = {tag.name for tag in parse(delivery.prompt).tags}
    for lora in delivery.content.loras:
        if lora.weight and lora.name not in mentioned:
            message = (
                f"the prompt does not mention {lora.name!r} as this runtime reads it; compose it as a1111 or sdnext"
            )
            yield warning("lora_not_applied", message, lora.name)


def unused(asked: Sequence[str], info: Info, infotext: str | None, runtime: str) -> Iterator[Warned]:
    """Warnings of LoRAs that the runtime did not use, or does not say whether it did.

    :param infotext: of one of the images
    """
    hashes = info.parameter("Lora hashes", infotext)  # A1111, Forge: "name: hash, name: hash"
    networks = info.parameter("LoRA networks", infotext)  # SD.Next: "name, name"; nothing where it used none
    if hashes is None and networks is None and field_of(infotext, "App") != "SD.Next":
        if asked:
            message = (
                f"{runtime} does not say which LoRAs it used, so whether it used {', '.join(map(repr, asked))} is not "
                "known; A1111 and Forge say it when their setting to add Lora hashes to infotext is on"
            )
            yield warning("lora_use_unknown", message)
        return
    for name in asked:
        if not _is_noted(name, hashes or "", networks or ""):
            message = f"{runtime} does not list {name!r} among the LoRAs it used; its log tells why"
            yield warning("lora_not_applied", message, name)


def warning(code: str, message: str, lora: str | None = None) -> Warned:
    """A warning as the result of a delivery holds it."""
    warned: Warned = {"code": code, "message": message}
    return warned if lora is None else {**warned, "lora": lora}


def _is_noted(name: str, hashes: str, networks: str) -> bool:
    return f", {name.translate(_LEFT_OUT_OF_HASHES)}: " in f", {hashes}" or f", {name}, " in f", {networks}, "


def _without_suffix(path: str) -> str:
    folder, slash, file = path.rpartition("/")
    return folder + slash + (file.rpartition(".")[0] or file)
