"""A model version as CivitAI describes it, wherever the description is found.

Source: civitai src/pages/api/v1/model-versions; ``.civitai.info`` files and the ``civitai`` key in the
``.metadata.json`` files of ComfyUI-Lora-Manager hold the same object.
"""

from dataclasses import dataclass

from lora_manager.domain.civitai.base_models import family_of
from lora_manager.domain.civitai.facts import facts_within_limits
from lora_manager.domain.civitai.file import CivitaiFile, read_files
from lora_manager.domain.civitai.preview import choose_preview
from lora_manager.domain.civitai.triggers import read_triggers
from lora_manager.domain.civitai.values import id_of, line_of, object_of
from lora_manager.domain.lora import LoraFacts
from lora_manager.domain.trigger import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class CivitaiVersion:
    """What is known of a model version; anything may be missing.

    :param title: the model's name
    :param base_model: the family, as :func:`family_of` names it
    :param base_model_name: as CivitAI spells it
    :param preview_url: of the mildest image, in a size to show
    """

    version_id: int | None = None
    model_id: int | None = None
    title: str | None = None
    version_name: str | None = None
    base_model: str | None = None
    base_model_name: str | None = None
    triggers: tuple[Trigger, ...] = ()
    preview_url: str | None = None
    files: tuple[CivitaiFile, ...] = ()

    def facts(self) -> LoraFacts:
        """What a LoRA can take over: only what is known, and within the limits of its fields."""
        return facts_within_limits(
            title=self.title, triggers=self.triggers, base_model=self.base_model, preview_url=self.preview_url
        )

    def page_url(self, base_url: str) -> str | None:
        """The page where people look at it; None where the model's number is not known.

        :param base_url: of the site, such as ``https://civitai.com``
        """
        if self.model_id is None:
            return None
        page = f"{base_url.rstrip('/')}/models/{self.model_id}"
        return page if self.version_id is None else f"{page}?modelVersionId={self.version_id}"

    def file_with(self, kind: str, value: str) -> CivitaiFile | None:
        """The first file with this hash.

        :param kind: as in ``CivitaiFile.hashes``
        """
        return next((file for file in self.files if file.hashes.get(kind) == value), None)


def read_version(value: object) -> CivitaiVersion | None:
    """The model version that a decoded JSON value describes; None where it describes none.

    Whatever is not as it should be reads as absent; no value raises.
    """
    version = object_of(value)
    model = object_of(version.get("model"))
    base_model_name = line_of(version.get("baseModel"))
    read = CivitaiVersion(
        version_id=id_of(version.get("id")),
        model_id=id_of(version.get("modelId")) or id_of(model.get("id")),
        title=line_of(model.get("name")),
        version_name=line_of(version.get("name")),
        base_model=family_of(base_model_name),
        base_model_name=base_model_name,
        triggers=read_triggers(version.get("trainedWords")),
        preview_url=choose_preview(version.get("images")),
        files=read_files(version.get("files")),
    )
    return None if read == CivitaiVersion() else read
