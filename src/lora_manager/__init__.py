"""LoRA Manager: a registry of LoRA files, and the prompts composed of them.

``lora_manager.domain`` is the library; the service and the command line come with the extra ``server``.
"""

__version__ = "0.1.0"
