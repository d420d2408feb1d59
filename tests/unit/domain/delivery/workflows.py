"""ComfyUI workflows for tests: the recorded one, one of separate loaders, and any that Hypothesis thinks of."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

RECORDED = Path(__file__).resolve().parents[3] / "data" / "comfyui" / "workflow_txt2img_api.json"
Workflow = dict[str, Any]


def txt2img() -> Workflow:
    """The workflow that was sent to a real server: one checkpoint loader gives model, text encoder and VAE."""
    workflow: Workflow = json.loads(RECORDED.read_text())
    return workflow


def separate_loaders() -> Workflow:
    """As FLUX workflows are: the model and the text encoder come from nodes of their own."""
    return {
        "unet": node("UNETLoader", unet_name="flux.safetensors", weight_dtype="default"),
        "clip": node("DualCLIPLoader", clip_name1="t5.safetensors", clip_name2="l.safetensors", type="flux"),
        "text": node("CLIPTextEncode", clip=["clip", 0], text="a photo of {prompt}"),
        "shift": node("ModelSamplingFlux", model=["unet", 0], max_shift=1.15, base_shift=0.5, width=64, height=64),
        "guide": node("BasicGuider", model=["shift", 0], conditioning=["text", 0]),
        "steps": node("BasicScheduler", model=["unet", 0], scheduler="simple", steps=4, denoise=1.0),
    }


def node(class_type: str, **inputs: object) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


@st.composite
def workflows(draw: DrawFn) -> Workflow:
    """Workflows with one base loader, with or without a text encoder, with other LoRAs and nodes of any kind."""
    ids = iter(draw(st.lists(st.text(max_size=5) | st.just("lora-1"), min_size=20, max_size=20, unique=True)))
    workflow: Workflow = {}

    def add(class_type: str, **inputs: object) -> str:
        new = next(ids)
        workflow[new] = node(class_type, **inputs)
        return new

    loader = add("AnyLoader", name=draw(st.text(max_size=3)))
    kind = draw(st.sampled_from(["checkpoint", "separate", "no text encoder"]))
    models = [[loader, draw(st.integers(0, 1))]]
    clips: list[list[Any]] = []
    if kind == "checkpoint":
        clips.append([loader, 2])
    elif kind == "separate":
        clips.append([add("AnyClipLoader"), 0])
    others: list[list[Any]] = [[loader, 3]]
    for what in draw(st.lists(st.sampled_from(["patch", "lora", "encode", "sample"]), max_size=12)):
        if what == "patch":
            models.append([add("Patch", model=draw(st.sampled_from(models)), by=[1.5, "x"]), 0])
        elif what == "lora" and clips:
            made = add("LoraLoader", model=draw(st.sampled_from(models)), clip=draw(st.sampled_from(clips)))
            models.append([made, 0])
            clips.append([made, 1])
        elif what == "encode" and clips:
            others.append([add("Encode", clip=draw(st.sampled_from(clips)), text="{prompt}"), 0])
        else:
            made = add("Sample", model=draw(st.sampled_from(models)), positive=draw(st.sampled_from(others)))
            others.append([made, 0])
    add("Sample", model=draw(st.sampled_from(models)), positive=draw(st.sampled_from(others)))
    if clips:
        add("Encode", clip=clips[0], text="blurry")
    return dict(draw(st.permutations(list(workflow.items()))))
