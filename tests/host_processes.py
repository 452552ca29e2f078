"""An example's web service and worker, as processes of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
from clinic import until

EXAMPLES = Path(__file__).parent.parent / "examples"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class HostProcesses:
    """An example in its folder.

    Args:
        name: the folder's name.
        redis_url: its broker and result backend.
        folder: where it keeps its files.
        env: what else is in the environment.
    """

    def __init__(self, name: str, redis_url: str, folder: Path, **env: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = EXAMPLES / name
        self._env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("DOCWIZ_", "PYTEST_"))},
            "CELERY_BROKER_URL": redis_url,
            "CELERY_RESULT_BACKEND": redis_url,
            "DOCWIZ_STORE_URL": (folder / "store").as_uri(),
            **env,
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the example's to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self._folder,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def start(self, *arguments: str) -> None:
        """Start a process that goes on."""
        self._running.append(
            subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self._folder,
                env=self._env,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    def wait_for_web(self) -> None:
        until(self._answers, "its start")

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, follow_redirects=True)

    def stop(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(30)

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url).status_code < 500
        except httpx.TransportError:
            return False
