"""By which names runtimes find a LoRA's file."""

from lora_manager.domain.lora import Lora


def is_stem_or_alias(lora: Lora) -> bool:
    """Whether the name is the file's stem, or the name it was trained under (``ss_output_name``).

    Source: AUTOMATIC1111/stable-diffusion-webui extensions-builtin/Lora/network.py and networks.py.
    """
    return lora.name == lora.file_stem or (lora.file is not None and lora.name == lora.file.embedded.output_name)


def ends_path(lora: Lora) -> bool:
    """Whether the name is the file's stem, alone or with folders before it: ``ink`` or ``styles/ink``."""
    folder, slash, _ = slashed(lora.file_path).rpartition("/")
    return f"{folder}{slash}{lora.file_stem}".endswith(f"/{lora.name}")


def file_name(lora: Lora) -> str:
    """The file's name with its extension."""
    return slashed(lora.file_path).rpartition("/")[2]


def slashed(path: str) -> str:
    """The path with ``/`` between folders, whatever system it is from."""
    return path if path.startswith(("/", "s3://")) else path.replace("\\", "/")
