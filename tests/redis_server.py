"""A Redis of a test's own, to be stopped, restarted and filled."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

import redis

START_SECONDS = 20


class RedisServer:
    """A redis-server on a free port of the loopback interface.

    Args:
        folder: where it keeps its files.
        persistent: whether it knows after a restart what it knew before.
    """

    def __init__(self, folder: Path, *, persistent: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port)
        self._folder = folder
        self._persistent = persistent
        self.start()

    def start(self) -> None:
        folder = ("--dir", str(self._folder), "--save", "")
        saved = ("--appendonly", "yes" if self._persistent else "no", "--appendfsync", "always")
        command = ["redis-server", "--port", str(self.port), *folder, *saved]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.client.ping()
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def cut_connections(self) -> None:
        for kind in ("normal", "pubsub"):
            self.client.client_kill_filter(_type=kind, skipme=True)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    @staticmethod
    def is_installed() -> bool:
        return shutil.which("redis-server") is not None
