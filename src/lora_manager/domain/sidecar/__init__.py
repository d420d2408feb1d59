"""What lies beside a LoRA file: the sidecars of other tools, read and written, and previews."""

from lora_manager.domain.sidecar.civitai_info import NothingToSay
from lora_manager.domain.sidecar.document import MAX_BYTES, NotASidecar
from lora_manager.domain.sidecar.names import SIDECARS, SUFFIXES, is_preview, stem_of_companion
from lora_manager.domain.sidecar.sidecars import SidecarFormat, read_sidecars, write_sidecar
from lora_manager.domain.sidecar.told import NOTHING, Told

__all__ = [
    "MAX_BYTES",
    "NOTHING",
    "SIDECARS",
    "SUFFIXES",
    "NotASidecar",
    "NothingToSay",
    "SidecarFormat",
    "Told",
    "is_preview",
    "read_sidecars",
    "stem_of_companion",
    "write_sidecar",
]
