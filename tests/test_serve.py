"""The demonstration's page, served by the command on this machine alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from docwiz_tasks.web.demonstration import PAGE

COMMAND = [str(Path(sys.executable).with_name("docwiz-tasks")), "serve", "--port", "0"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0].rstrip("/")
        process.terminate()


def test_the_page_and_all_that_it_needs_come_from_here(url: str) -> None:
    page = httpx.get(url)
    assert page.status_code == 200
    needed = re.findall(r'(?:src|href)="(page/[^"]+)"', page.text)
    for path in needed:
        file = httpx.get(f"{url}/{path}")
        assert file.status_code == 200
        imported = {f"page/{name}" for name in re.findall(r'from "\./([^"]+)"', file.text)}
        needed += sorted(imported.difference(needed))
    assert {Path(path).name for path in needed} == {path.name for path in PAGE.iterdir()} - {
        "index.html"
    }
    assert "https://" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "simulation" in page.text


def test_it_says_that_it_is_a_demonstration_for_one_machine(url: str) -> None:
    assert "demonstration for this machine only" in " ".join(httpx.get(url).text.split())
    assert url.startswith("http://127.0.0.1:")


def test_the_main_job_is_done_with_what_the_page_uses(url: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        demo = client.get("/demo").json()
        assert len(demo["procedures"]) == 12
        ids = {"patient_id": demo["patient_id"]}
        body = {**ids, "image_id": demo["image_id"], "procedure_id": "rhinoplasty"}
        task = client.post("/api/visualizations", json=body).json()
        with connect(task["websocket_url"]) as socket:
            messages = [json.loads(message) for message in socket]
        assert messages[-1]["type"] == "complete"
        assert messages[-1]["data"]["successful"]
        for link in messages[-1]["data"]["links"].values():
            assert client.get(link).status_code == 200
        report = client.post("/api/exports?async_processing=false", json={**ids, "format": "pdf"})
        assert report.status_code == 200


@pytest.mark.parametrize(
    "headers", [{"host": "attacker.example"}, {"origin": "http://attacker.example"}]
)
def test_a_page_of_another_site_gets_nothing(url: str, headers: dict[str, str]) -> None:
    assert httpx.get(f"{url}/demo", headers=headers).status_code == 403
    image = httpx.get(f"{url}/demo").json()["image_id"]
    assert httpx.get(f"{url}/api/files/{image}", headers=headers).status_code == 403
    body = {"image_id": image, "procedure_id": "rhinoplasty"}
    assert httpx.post(f"{url}/api/visualizations", json=body, headers=headers).status_code == 403
    task = httpx.post(f"{url}/api/visualizations", json=body).json()
    # Two Host headers: some servers hang up on them without an answer.
    refused = pytest.raises((InvalidStatus, ConnectionError))
    with refused, connect(task["websocket_url"], additional_headers=headers):
        pass
