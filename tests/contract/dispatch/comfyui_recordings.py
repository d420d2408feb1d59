"""What a real ComfyUI server (0.3.64) answered."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.standins.comfyui_wire import Json

FOLDER = Path(__file__).resolve().parents[2] / "data" / "comfyui"


def steps(case: str) -> list[Json]:
    """The requests and answers of a case, in their order."""
    text = (FOLDER / f"{case}.json").read_text().replace('"<bare token Infinity>"', "Infinity")
    recorded: list[Json] = json.loads(text)["steps"]
    return recorded


def answers(case: str, method: str, path: str) -> list[Json]:
    """The bodies that were answered to such requests."""
    return [
        step["response"]["json"]
        for step in steps(case)
        if "request" in step
        and (step["request"]["method"], step["request"]["path"].partition("?")[0]) == (method, path)
        and "json" in step["response"]
    ]


def submitted(*cases: str) -> Iterator[tuple[str, Json, int, Json]]:
    """Every workflow that was recorded whole: its name, the request, and status and body of the answer."""
    for case in cases:
        for step in steps(case):
            asked = step.get("request", {}).get("json")
            if isinstance(asked, dict) and isinstance(asked.get("prompt"), dict):
                response = step["response"]
                yield f"{case}: {step.get('label', '')}", asked, response["status"], response.get("json")


def frames(case: str) -> list[Json]:
    """The text frames of a case."""
    sockets = [step for step in steps(case) if "websocket" in step]
    return [frame["text"] for socket in sockets for frame in socket["frames"] if "text" in frame]


def history(case: str) -> Json:
    """The entry of the case's run."""
    return next(
        entry
        for step in steps(case)
        if step.get("request", {}).get("path", "").startswith("/history/")
        for entry in step["response"]["json"].values()
    )
