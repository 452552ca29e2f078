"""The FastAPI example as its README says: a web service and a worker as processes of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
from clinic import until

from docwiz_tasks.testing.portrait import portrait

FOLDER = Path(__file__).parent.parent / "examples/fastapi_host"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Host:
    """The example, its users' tokens, and where it listens.

    Args:
        port: where to listen; any free one if 0.
        worker: whether a worker is started too.
    """

    def __init__(
        self, redis_url: str, folder: Path, *, port: int = 0, worker: bool = True, **more: str
    ) -> None:
        self.port = port or free_port()
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
        self.processes: list[subprocess.Popen[bytes]] = []
        self.start("main.py")
        if worker:
            self.start_worker()
        try:
            until(self.answers, "its start")
        except BaseException:
            self.stop()
            raise

    def start_worker(self) -> None:
        self.start("-m", "celery", "-A", "celery_worker", "worker", "--concurrency=1")

    def start(self, *arguments: str) -> None:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=FOLDER, env=self.env, stderr=subprocess.DEVNULL
        )
        self.processes.append(process)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/openapi.json").status_code == 200
        except httpx.TransportError:
            return False

    def client(self, user: str) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token(user)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def client_without_token(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60)

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


def submitted(client: httpx.Client) -> dict[str, str]:
    photo = {"photo": ("me.jpg", portrait(), "image/jpeg")}
    image_id = client.post("/api/images", files=photo).json()["image_id"]
    body = {"image_id": image_id, "procedure_id": "rhinoplasty"}
    taken: dict[str, str] = client.post("/api/visualizations", json=body).json()
    return taken
