import pytest

from lora_manager.domain.delivery.workflow import LoraNode, chain_loras, check_workflow, fill_prompt, has_place
from lora_manager.domain.errors import InvalidFields
from tests.unit.domain.delivery.workflows import Workflow, node, separate_loaders, txt2img

INK, FOG = LoraNode("ink.safetensors", 0.8, 0.8), LoraNode("sub/fog.safetensors", 0.5, 0.25)


def reasons(workflow: Workflow, loader: str | None = None, *, needs_loras: bool = True) -> list[tuple[str, str]]:
    with pytest.raises(InvalidFields) as raised:
        check_workflow(workflow, loader, needs_loras=needs_loras)
    return [(field.name, field.reason) for field in raised.value.fields]


def test_loras_stand_between_the_checkpoint_and_everything_that_used_it() -> None:
    chained = chain_loras(txt2img(), [INK, FOG], None)
    assert chained["lora-1"] == node(
        "LoraLoader",
        model=["1", 0],
        clip=["1", 1],
        lora_name="ink.safetensors",
        strength_model=0.8,
        strength_clip=0.8,
    )
    assert chained["lora-2"] == node(
        "LoraLoader",
        model=["lora-1", 0],
        clip=["lora-1", 1],
        lora_name="sub/fog.safetensors",
        strength_model=0.5,
        strength_clip=0.25,
    )
    expected = txt2img()
    expected["2"]["inputs"]["clip"] = expected["3"]["inputs"]["clip"] = ["lora-2", 1]
    expected["5"]["inputs"]["model"] = ["lora-2", 0]
    assert {name: content for name, content in chained.items() if not name.startswith("lora-")} == expected


def test_model_and_text_encoder_may_come_from_different_nodes() -> None:
    chained = chain_loras(separate_loaders(), [INK], None)
    assert chained["lora-1"] == node(
        "LoraLoader",
        model=["unet", 0],
        clip=["clip", 0],
        lora_name="ink.safetensors",
        strength_model=0.8,
        strength_clip=0.8,
    )
    assert chained["text"] == node("CLIPTextEncode", clip=["lora-1", 1], text="a photo of {prompt}")


def test_without_a_text_encoder_only_the_model_gets_the_lora() -> None:
    workflow = {"u": node("UNETLoader"), "s": node("KSampler", model=["u", 0])}
    assert chain_loras(workflow, [FOG], None) == {
        "u": node("UNETLoader"),
        "s": node("KSampler", model=["lora-1", 0]),
        "lora-1": node("LoraLoaderModelOnly", model=["u", 0], lora_name="sub/fog.safetensors", strength_model=0.5),
    }


def test_loras_of_the_workflow_itself_stay_after_ours() -> None:
    workflow = {
        "1": node("CheckpointLoaderSimple"),
        "own": node("LoraLoader", model=["1", 0], clip=["1", 1], lora_name="own.safetensors"),
        "2": node("CLIPTextEncode", clip=["own", 1]),
        "5": node("KSampler", model=["own", 0], positive=["2", 0]),
    }
    chained = chain_loras(workflow, [INK], None)
    assert chained["own"] == node("LoraLoader", model=["lora-1", 0], clip=["lora-1", 1], lora_name="own.safetensors")
    assert chained["5"] == workflow["5"]


def test_naming_a_lora_of_the_workflow_as_loader_puts_ours_after_it() -> None:
    workflow = {
        "1": node("CheckpointLoaderSimple"),
        "own": node("LoraLoader", model=["1", 0], clip=["1", 1]),
        "2": node("CLIPTextEncode", clip=["own", 1]),
        "5": node("KSampler", model=["own", 0], positive=["2", 0]),
    }
    chained = chain_loras(workflow, [INK], "own")
    assert chained["own"] == workflow["own"]
    assert chained["5"] == node("KSampler", model=["lora-1", 0], positive=["2", 0])


def test_what_leads_to_the_loader_is_left_alone_so_that_no_circle_arises() -> None:
    workflow = {
        "1": node("CheckpointLoaderSimple"),
        "own": node("LoraLoader", model=["1", 0], clip=["1", 1]),  # its text encoder is not used
        "2": node("CLIPTextEncode", clip=["1", 1]),
        "5": node("KSampler", model=["own", 0], positive=["2", 0]),
    }
    chained = chain_loras(workflow, [INK], "own")
    assert chained["own"] == workflow["own"]
    assert chained["2"] == node("CLIPTextEncode", clip=["lora-1", 1])
    check_workflow(chained, None, needs_loras=True)


def test_loras_follow_the_merge_of_two_models() -> None:
    workflow = {
        "a": node("CheckpointLoaderSimple"),
        "b": node("CheckpointLoaderSimple"),
        "merge": node("ModelMergeSimple", model1=["a", 0], model2=["b", 0]),
        "2": node("CLIPTextEncode", clip=["a", 1]),
        "5": node("KSampler", model=["merge", 0], positive=["2", 0]),
    }
    chained = chain_loras(workflow, [INK], None)
    assert chained["5"] == node("KSampler", model=["lora-1", 0], positive=["2", 0])
    assert chained["2"] == node("CLIPTextEncode", clip=["lora-1", 1])


def test_several_models_need_a_loader_named() -> None:
    workflow = txt2img() | {
        "refiner": node("CheckpointLoaderSimple"),
        "r5": node("KSampler", model=["refiner", 0]),
    }
    ((field, reason),) = reasons(workflow)
    assert field == "params.loader"
    assert "'1' (CheckpointLoaderSimple), 'refiner' (CheckpointLoaderSimple)" in reason
    check_workflow(workflow, None, needs_loras=False)
    check_workflow(workflow, "1", needs_loras=True)
    assert chain_loras(workflow, [INK], "1")["r5"] == workflow["r5"]


@pytest.mark.parametrize(
    ("loader", "said"), [("99", "there is no node '99'"), ("7", "no input named model is linked to node '7'")]
)
def test_a_loader_that_gives_no_model_is_refused_and_the_right_one_named(loader: str, said: str) -> None:
    ((field, reason),) = reasons(txt2img(), loader, needs_loras=False)
    assert field == "params.loader"
    assert said in reason
    assert "'1' (CheckpointLoaderSimple)" in reason


def test_text_encoders_whose_model_is_not_clear_are_refused_with_a_way_out() -> None:
    workflow = separate_loaders() | {"t5": node("CLIPLoader"), "more": node("CLIPTextEncode", clip=["t5", 0])}
    ((field, reason),) = reasons(workflow)
    assert field == "params.workflow"
    assert "'clip' (DualCLIPLoader), 't5' (CLIPLoader)" in reason
    joined = workflow | {
        "join": node("LoraLoader", model=["unet", 0], clip=["clip", 0], lora_name="any", strength_model=0),
        "text": node("CLIPTextEncode", clip=["join", 1]),
        "steps": node("BasicScheduler", model=["join", 0]),
    }
    check_workflow(joined, "join", needs_loras=True)


@pytest.mark.parametrize(
    ("workflow", "said"),
    [
        ({"nodes": [], "links": [], "last_node_id": 3}, "Export (API)"),
        ({"5": node("LoadImage", image="a.png")}, "has no place for a LoRA"),
        ({"5": {"inputs": {}}}, "node '5' must be an object with the text class_type"),
        ({"5": {"class_type": "KSampler"}}, "node '5' must be an object with the text class_type"),
        ({"5": node("KSampler", model=["99", 0])}, "node '5', input model: is linked to node '99', which is not there"),
        (
            {"a": node("LoraLoader", model=["b", 0]), "b": node("LoraLoader", model=["a", 0])},
            "links its nodes in a circle: ",
        ),
    ],
    ids=["editor format", "no model", "no class", "no inputs", "link to nowhere", "circle"],
)
def test_what_comfyui_would_refuse_is_refused_before_it_is_sent(workflow: Workflow, said: str) -> None:
    ((field, reason),) = reasons(workflow)
    assert field == "params.workflow"
    assert said in reason


def test_of_many_problems_the_first_few_are_named_and_the_rest_counted() -> None:
    found = reasons({str(number): "no node" for number in range(9)})
    assert len(found) == 6
    assert found[-1] == ("params.workflow", "and 4 more like these")


def test_the_prompt_goes_wherever_its_place_is_named() -> None:
    workflow = txt2img()
    workflow["2"]["inputs"]["text"] = "masterpiece, {prompt}, {prompt}"
    workflow["7"]["inputs"]["filename_prefix"] = "{prompt}"
    workflow["7"]["_meta"] = {"title": "{prompt}"}
    assert has_place(workflow)
    filled = fill_prompt(workflow, "a {prompt} cat")
    workflow["2"]["inputs"]["text"] = "masterpiece, a {prompt} cat, a {prompt} cat"
    workflow["7"]["inputs"]["filename_prefix"] = "a {prompt} cat"
    assert filled == workflow


def test_a_workflow_without_a_place_for_the_prompt_stays_as_it_is() -> None:
    assert fill_prompt(txt2img(), "a cat") == txt2img()
    assert not has_place(txt2img())


def test_what_is_no_node_is_left_for_the_server_to_judge() -> None:
    odd = {"1": "{prompt}", "2": {"inputs": "{prompt}"}}
    assert fill_prompt(odd, "a cat") == odd
