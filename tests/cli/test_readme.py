"""The README's first minute, as it stands there."""

import re
import shutil
from pathlib import Path
from typing import Any

from tests.cli.test_serve import curl, served
from tests.cli.workplace import ROOT, Workplace

UNDER_WAY = {"pending", "running"}
BLOCK = re.compile(r"<!-- tested: curl -->\n```sh\n(.*?)```", re.DOTALL)


def test_the_requests_of_the_readme_end_in_a_composed_and_in_a_delivered_prompt(workplace: Workplace) -> None:
    shutil.copytree(ROOT / "examples" / "library", workplace.library, dirs_exist_ok=True)
    [block] = BLOCK.findall((ROOT / "README.md").read_text())
    script = "\n".join(line for line in block.splitlines() if not line.startswith("#")).replace("\\\n", "")
    start, report, by_model, by_word, first, second, compose, deliver, look = filter(None, script.splitlines())
    with served(workplace) as (_, greeting):
        [address] = set(re.findall(r"127\.0\.0\.1:\d+", greeting))

        def ask(command: str, **ids: str) -> Any:  # noqa: ANN401  # JSON is anything
            for placeholder, value in {"localhost:8000": f"http://{address}", **ids}.items():
                command = command.replace(placeholder, value)
            return curl(command.replace("curl -s", "curl"))

        scan = ask(start)["scan"]
        while scan["state"] == "running":
            scan = ask(report, SCAN_ID=scan["id"])["scan"]
        assert scan["state"] == "succeeded"
        [celestial], [inkwash] = ask(by_model)["items"], ask(by_word)["items"]
        ask(first, ID_OF_CELESTIAL=celestial["id"])
        ask(second, ID_OF_INKWASH=inkwash["id"])
        composed = ask(compose)
        accepted = ask(deliver)
        while (delivery := ask(look, DELIVERY_ID=accepted["delivery_id"])["delivery"])["status"] in UNDER_WAY:
            pass
    assert composed["prompt"] == "a castle at dawn <lora:celestial_xl:1> <lora:inkwash-style:1> highly detailed"
    assert Path(delivery["result"]["prompt_file"]).read_text() == "a castle at dawn <lora:celestial_xl:1>"
    assert [warning["code"] for warning in composed["warnings"]] == ["base_models_mixed"]
