"""The emulator as hosts run it: the command, and the plan of its faults."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from docwiz_tasks.testing.emulator import Emulator, freepik

COMMAND = [str(Path(sys.executable).with_name("docwiz-tasks")), "emulator"]
PATH = "/v1/ai/text-to-image"


def asked(url: str) -> int:
    headers = {"x-freepik-api-key": "emulated"}
    return httpx.post(f"{url}{PATH}", json={"prompt": "Waves."}, headers=headers).status_code


@pytest.fixture
def served() -> Iterator[tuple[subprocess.Popen[str], str]]:
    options = ["--port", "0", "--every", "3", "--fault", "freepik-503"]
    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        variables = (process.stdout.readline() + process.stdout.readline()).split()
        yield process, dict(v.split("=") for v in variables)["DOCWIZ_FREEPIK_BASE_URL"]
        process.kill()


def test_the_command_serves_until_it_is_interrupted_and_fails_as_told(
    served: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = served
    assert [asked(url) for _ in range(6)] == [200, 200, 503, 200, 200, 503]
    process.send_signal(signal.SIGINT)
    assert process.wait(60) in (0, 1, 130)


def test_the_command_names_its_faults() -> None:
    run = subprocess.run([*COMMAND, "--list-faults"], capture_output=True, text=True, check=True)
    assert "gemini-429" in run.stdout.split()


def test_an_unknown_fault_is_refused() -> None:
    run = subprocess.run(
        [*COMMAND, "--fault", "earthquake"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "--list-faults" in run.stderr


def test_what_is_planned_comes_once_and_for_its_own_operation_only(
    docwiz_emulator: Emulator,
) -> None:
    docwiz_emulator.plan(freepik.error(500), operation="mystic")
    docwiz_emulator.plan(freepik.error(503))
    assert [asked(docwiz_emulator.url) for _ in range(3)] == [503, 200, 200]


def test_a_path_of_neither_service_is_not_found(docwiz_emulator: Emulator) -> None:
    assert httpx.get(f"{docwiz_emulator.url}/elsewhere").status_code == 404
