"""A folder to call ``lora-manager`` in."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from lora_manager.cli.main import root
from tests.library import write_lora

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (
    "ALLOWED_HOSTS",
    "API_KEY",
    "API_KEYS_FILE",
    "AUTO_MIGRATE",
    "AWS_ACCESS_KEY_ID",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "CIVITAI_API_KEY",
    "CIVITAI_BASE_URL",
    "CIVITAI_VALIDATE_URL",
    "CLI_COMMANDS",
    "CORS_ORIGINS",
    "DATABASE_URL",
    "DATA_DIR",
    "DELIVERY_ALLOWED_HOSTS",
    "LIBRARY_ROOTS",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "MAX_UPLOAD_BYTES",
    "METADATA_BUCKET",
    "METADATA_PREFIX",
    "METADATA_STORAGE",
    "METADATA_SYNC",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "QUEUE_URL",
    "RATE_LIMIT",
    "REDIS_URL",
    "RUNTIME_CONCURRENCY",
    "S3_ABANDONED_AFTER_S",
    "S3_BUCKET",
    "S3_ENDPOINT",
    "S3_PREFIX",
    "S3_PUBLIC_ENDPOINT",
    "STORAGE_TYPE",
    "TOKEN_FORMAT",
    "WORKER_CONCURRENCY",
    "WORKER_GRACE_S",
    "WORKER_LEASE_S",
)


def counts(report: Mapping[str, Sequence[object]]) -> dict[str, int]:
    """How many files of an import have which outcome; outcomes of none are left out."""
    return {outcome: len(findings) for outcome, findings in report.items() if findings}


@dataclass(frozen=True, slots=True)
class Workplace:
    """A working directory with a library root ``loras``, and its registry in ``data``."""

    folder: Path

    @property
    def library(self) -> Path:
        """The library root."""
        return self.folder / "loras"

    def put(self, name: str, content: str) -> Path:
        """Write a LoRA file into the library."""
        return write_lora(self.library / f"{name}.safetensors", content)

    def put_genuine_files(self) -> None:
        """Copy the files that training programs wrote, those that are no LoRAs among them."""
        for folder in ("examples/library", "tests/data"):
            for path in (ROOT / folder).iterdir():
                if path.suffix in {".safetensors", ".pt"}:
                    shutil.copy2(path, self.library)

    def run(self, *arguments: str | Path, stdin: str | bytes | None = None, **environment: str) -> Result:
        """Call the command in this process."""
        runner = CliRunner(env={**dict.fromkeys(SETTINGS), **environment})
        return runner.invoke(root, [str(argument) for argument in arguments], input=stdin, prog_name="lora-manager")

    def ok(self, *arguments: str | Path, **environment: str) -> str:
        """What a call that must succeed prints on stdout."""
        result = self.run(*arguments, **environment)
        if result.exit_code != 0:
            raise AssertionError(f"exit code {result.exit_code}: {result.stderr}") from result.exception
        return result.stdout

    def json(self, *arguments: str | Path, **environment: str) -> Any:  # noqa: ANN401  # JSON is anything
        """What a call that must succeed prints as JSON."""
        return json.loads(self.ok(*arguments, "--json", **environment))

    @contextmanager
    def started(self, *arguments: str | Path, **environment: str) -> "Iterator[subprocess.Popen[str]]":
        """A call in a process of its own, which is gone after the block."""
        process = self.start(*arguments, stderr=subprocess.PIPE, **environment)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def start(
        self, *arguments: str | Path, stderr: int = subprocess.PIPE, **environment: str
    ) -> "subprocess.Popen[str]":
        """Call the command in a process of its own."""
        inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        return subprocess.Popen(
            [sys.executable, "-m", "lora_manager", *map(str, arguments)],
            cwd=self.folder,
            env={**inherited, **environment},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
