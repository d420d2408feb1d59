"""``<stem>.civitai.info``: CivitAI's own answer about a model version, as Civitai Helper keeps it.

Source: Stable-Diffusion-Webui-Civitai-Helper scripts/ch_lib/civitai.py; CivitAI GET /api/v1/model-versions/by-hash
"""

from lora_manager.domain.civitai.base_models import family_of
from lora_manager.domain.civitai.version import CivitaiVersion, read_version
from lora_manager.domain.errors import NotFound
from lora_manager.domain.file.facts import Hashes
from lora_manager.domain.lora import Lora
from lora_manager.domain.sidecar.document import Document
from lora_manager.domain.sidecar.plain_text import html_of
from lora_manager.domain.sidecar.sieve import Sieve
from lora_manager.domain.sidecar.told import NOTHING, Told
from lora_manager.domain.validation import Validation, ValidationState

SITE = "https://civitai.com"
# One of the names that CivitAI has for each family. Source: civitai packages/civitai-shared/src/basemodel.constants.ts
_NAMES = {
    "anima": "Anima",
    "auraflow": "AuraFlow",
    "cascade": "Stable Cascade",
    "chroma": "Chroma",
    "cogvideox": "CogVideoX",
    "flux": "Flux.1 D",
    "flux2": "Flux.2 D",
    "hidream": "HiDream",
    "hunyuan-dit": "Hunyuan 1",
    "hunyuan-video": "Hunyuan Video",
    "kolors": "Kolors",
    "krea-2": "Krea 2",
    "ltx": "LTXV",
    "lumina": "Lumina",
    "mochi": "Mochi",
    "pixart": "PixArt a",
    "qwen-image": "Qwen",
    "sd1": "SD 1.5",
    "sd2": "SD 2.1",
    "sd3": "SD 3",
    "sdxl": "SDXL 1.0",
    "svd": "SVD",
    "wan": "Wan Video",
    "z-image": "ZImageTurbo",
}


class NothingToSay(NotFound):
    """CivitAI is not known to have a LoRA, so that its answer cannot be written."""

    def __init__(self) -> None:
        super().__init__("CivitAI is not known to have this LoRA; validate it first")


def read_civitai_info(document: Document, sieve: Sieve, hashes: Hashes) -> Told:
    """What CivitAI said, where the answer is not plainly about another file."""
    version = read_version(document)
    if version is None:
        return NOTHING  # Civitai Helper leaves an empty object for a file that CivitAI does not have
    if _is_of_another_file(version, hashes):
        sieve.leave_out("files", "CivitAI's answer is about another file than this one")
        return NOTHING
    facts = version.facts()
    model = sieve.mapping("model", document.get("model"))
    for key, html in (("description", document.get("description")), ("model.description", model.get("description"))):
        if text := sieve.html(key, html, "description"):
            facts["description"] = text
    return Told(civitai=facts, validation=_validation_of(version, hashes))


def write_civitai_info(lora: Lora, known: Document) -> Document:
    """The answer as far as it is known.

    :param known: an earlier answer
    :raises NothingToSay: CivitAI is not known to have the file
    """
    if lora.validation.version_id is None:
        raise NothingToSay
    document = merge_version(lora, known)
    model = document.get("model")
    model = {"type": "LORA", **(model if isinstance(model, dict) else {})}
    if lora.title is not None:
        model["name"] = lora.title
    if lora.description is not None:
        model["description"] = html_of(lora.description)
    document |= {"model": model, "baseModel": base_model_name(lora.base_model, document.get("baseModel"))}
    if lora.file is not None and lora.validation.state is ValidationState.VALID:
        hashes = {"SHA256": lora.file.hashes.sha256.upper(), "AutoV3": lora.file.hashes.autov3.upper()}
        document.setdefault("files", [{"type": "Model", "primary": True, "hashes": hashes}])
    return document


def merge_version(lora: Lora, known: object) -> Document:
    """A model version as CivitAI describes it, with the LoRA's numbers and triggers.

    :param known: an earlier description; one of another version, or of other files, is dropped
    """
    document: Document = {**known} if isinstance(known, dict) and _fits(lora, read_version(known)) else {}
    if lora.validation.version_id is not None:
        document |= {"id": lora.validation.version_id, "modelId": lora.validation.model_id}
    if lora.triggers:
        document["trainedWords"] = [trigger.text for trigger in lora.triggers]
    return document


def base_model_name(family: str | None, known: object) -> object:
    """What CivitAI calls a family: the known name where it means the same, else a usual one."""
    if isinstance(known, str) and family_of(known) == family:
        return known
    return _NAMES.get(family or "", known)


def _fits(lora: Lora, version: CivitaiVersion | None) -> bool:
    if version is None:
        return True
    theirs, ours = version.version_id, lora.validation.version_id
    if theirs is not None and ours is not None and theirs != ours:
        return False
    return lora.file is None or not _is_of_another_file(version, lora.file.hashes)


def _is_of_another_file(version: CivitaiVersion, hashes: Hashes) -> bool:
    """Whether the version names the hashes of its files, and this file's are not among them."""
    known = [file.hashes for file in version.files if file.hashes.keys() & {"sha256", "autov3"}]
    return bool(known) and not any(
        file.get("sha256") == hashes.sha256 or file.get("autov3") == hashes.autov3 for file in known
    )


def _validation_of(version: CivitaiVersion, hashes: Hashes) -> Validation | None:
    """The verdict on this very file; None where the version does not name it."""
    if version.file_with("sha256", hashes.sha256) is None:
        return None
    return Validation(
        state=ValidationState.VALID,
        model_id=version.model_id,
        version_id=version.version_id,
        page_url=version.page_url(SITE),
    )
