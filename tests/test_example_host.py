"""The FastAPI example as its README says: a web service and a worker as processes of their own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from clinic import until
from websockets.sync.client import connect

from docwiz_tasks.testing.portrait import portrait

FOLDER = Path(__file__).parent.parent / "examples/fastapi_host"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Host:
    """The example, its users' tokens, and where it listens."""

    def __init__(self, redis_url: str, folder: Path, **more: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **os.environ,
            "CELERY_BROKER_URL": redis_url,
            "CELERY_RESULT_BACKEND": redis_url,
            "DOCWIZ_STORE_URL": (folder / "store").as_uri(),
            "CLINIC_DATABASE": str(folder / "clinic.db"),
            "PORT": str(self.port),
            **more,
        }
        worker = ["-m", "celery", "-A", "celery_worker", "worker", "--concurrency=1"]
        self.processes = [self.start("main.py"), self.start(*worker)]
        until(self.answers, "its start")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=FOLDER, env=self.env, stderr=subprocess.DEVNULL
        )

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/openapi.json").status_code == 200
        except httpx.TransportError:
            return False

    def client(self, user: str) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token(user)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def token(self, user: str) -> str:
        run = subprocess.run(
            [sys.executable, "access.py", user],
            cwd=FOLDER,
            env=self.env,
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout.strip()

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)


@pytest.fixture
def host(redis_url: str, tmp_path: Path) -> Iterator[Host]:
    made = Host(redis_url, tmp_path, CLINIC_SECRET="a secret of the test's")
    yield made
    made.stop()


def submitted(client: httpx.Client) -> dict[str, str]:
    photo = {"photo": ("me.jpg", portrait(), "image/jpeg")}
    image_id = client.post("/api/images", files=photo).json()["image_id"]
    body = {"image_id": image_id, "procedure_id": "rhinoplasty"}
    taken: dict[str, str] = client.post("/api/visualizations", json=body).json()
    return taken


def test_a_user_watches_a_job_and_no_other_user_reaches_it(host: Host) -> None:
    with host.client("anna") as anna, host.client("bob") as bob:
        taken = submitted(anna)
        with connect(f"{taken['websocket_url']}?token={host.token('anna')}") as socket_:
            messages = [json.loads(message) for message in socket_]
        assert messages[-1]["type"] == "complete"
        assert messages[-1]["data"]["result"]["procedure_id"] == "rhinoplasty"
        shown = [message["data"]["progress"] for message in messages]
        assert shown == sorted(shown)
        for link in messages[-1]["data"]["links"].values():
            assert anna.get(link).status_code == 200
            assert bob.get(link).status_code == 403
            assert httpx.get(f"{host.url}{link}").status_code == 401
        assert bob.get(taken["status_url"]).status_code == 403


def test_a_cookie_logs_a_browser_in(host: Host) -> None:
    with host.client("anna") as anna:
        taken = submitted(anna)
        assert anna.post("/login").status_code == 204
        del anna.headers["authorization"]
        assert anna.get(taken["status_url"]).status_code == 200


def test_patients_belong_to_who_added_them(host: Host) -> None:
    patient = {"name": "Zoë Ångström", "date_of_birth": "1990-01-01"}
    with host.client("anna") as anna, host.client("bob") as bob:
        assert anna.put("/patients/p1", json=patient).status_code == 204
        assert bob.put("/patients/p1", json=patient).status_code == 403
        report = {"patient_id": "p1", "format": "json"}
        assert bob.post("/api/exports", json=report).status_code == 403
        done = anna.post("/api/exports?async_processing=false", json=report)
        assert done.json()["patient_id"] == "p1"


def test_without_its_secret_nobody_gets_in_unless_it_is_under_development(
    redis_url: str, tmp_path: Path
) -> None:
    closed = Host(redis_url, tmp_path, CLINIC_SECRET="")
    try:
        assert httpx.get(f"{closed.url}/api/tasks/x/status").status_code == 404
        photo = {"photo": ("me.jpg", portrait(), "image/jpeg")}
        assert httpx.post(f"{closed.url}/api/images", files=photo).status_code == 503
    finally:
        closed.stop()
    develops = Host(redis_url, tmp_path, CLINIC_SECRET="", CLINIC_DEVELOPMENT="1")
    try:
        assert httpx.post(f"{develops.url}/api/images", files=photo).status_code == 201
    finally:
        develops.stop()
