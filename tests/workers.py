"""Starting a worker as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).parent
START_SECONDS = 60


def environment(broker: str, backend: str, store: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "HOST_BROKER": broker,
        "HOST_BACKEND": backend,
        "DOCWIZ_STORE_URL": store.as_uri(),
        "DOCWIZ_AI_PROVIDER": "offline",
        "DOCWIZ_IMAGE_PROVIDER": "offline",
        "PYTHONPATH": str(TESTS),
        **more,
    }


@contextmanager
def worker(env: dict[str, str], log: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``celery -A host_app worker`` until the block ends."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "host_app",
        "worker",
        "--loglevel=INFO",
        *options,
    ]
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=env, stdout=file, stderr=file, cwd=TESTS)
        try:
            _wait_until_ready(process, log)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while b" ready." not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the worker did not start:\n{log.read_text()}")
        time.sleep(0.05)
