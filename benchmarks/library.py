"""Libraries to measure with: files of the genuine examples' shapes, each with bytes of its own."""

import json
import random
import struct
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "library"
_BLOCK = 1 << 20


def make_small(folder: Path, count: int) -> None:
    """Write ``count`` files, shaped in turn like each example (55 to 610 kB), a hundred to a folder."""
    chance = random.Random(1)
    templates = [path.read_bytes() for path in sorted(EXAMPLES.glob("*.safetensors"))]
    for index in range(count):
        template = templates[index % len(templates)]
        target = folder / f"{index // 100:03}"
        target.mkdir(parents=True, exist_ok=True)
        header_end = 8 + int.from_bytes(template[:8], "little")
        # The first tensor bytes become the file's own; the header stays genuine.
        own = template[:header_end] + chance.randbytes(64) + template[header_end + 64 :]
        (target / f"lora-{index:05}.safetensors").write_bytes(own)


def make_large(folder: Path, count: int, size: int, rank: int = 256) -> None:
    """Write ``count`` SDXL LoRAs of a rank, of about ``size`` bytes each."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(2)
    block = chance.randbytes(_BLOCK)
    width = 2048
    pairs = size // (2 * 2 * rank * width)
    header: dict[str, object] = {}
    offset = 0
    for index in range(pairs):
        for name, shape in (("lora_down", [rank, width]), ("lora_up", [width, rank])):
            end = offset + 2 * rank * width
            key = f"lora_unet_input_blocks_4_1_transformer_blocks_{index}_attn2_to_k.{name}.weight"
            header[key] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, end]}
            offset = end
    text = json.dumps(header).encode()
    for index in range(count):
        with (folder / f"large-{index:02}.safetensors").open("wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.write(chance.randbytes(64))
            left = offset - 64
            while left > 0:
                left -= file.write(block[: min(left, _BLOCK)])
