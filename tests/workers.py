"""Starting a worker as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
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
def worker(
    env: dict[str, str], log: Path, *options: str, host: str = "host_app"
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``celery -A host_app worker`` until the block ends."""
    process = start_worker(env, log, *options, host=host)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def start_worker(
    env: dict[str, str], log: Path, *options: str, host: str = "host_app"
) -> subprocess.Popen[bytes]:
    """Start a worker, in a process group of its own, and wait until it takes jobs."""
    command = [sys.executable, "-m", "celery", "-A", host, "worker", "--loglevel=INFO", *options]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env=env, stdout=file, stderr=file, cwd=TESTS, process_group=0
        )
    _wait_until_ready(process, log)
    return process


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while b" ready." not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the worker did not start:\n{log.read_text()}")
        time.sleep(0.05)


@contextmanager
def supervised(env: dict[str, str], log: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run a worker and, as a supervisor does, a new one whenever it has died.

    Gives the list of all that were started; the last one runs.
    """
    over = threading.Event()
    running: list[subprocess.Popen[bytes]] = []
    options = ("--pool=prefork", "--concurrency=4", "--without-mingle", "--without-gossip")

    def supervise() -> None:
        while not over.is_set():
            running.append(start_worker(env, log, *options, host="crashing_host"))
            running[-1].wait()

    thread = threading.Thread(target=supervise)
    thread.start()
    try:
        yield running
    finally:
        over.set()
        running[-1].terminate()
        thread.join(START_SECONDS)


def paid_twice(calls: str) -> list[str]:
    """Return the calls that were started again after they had been answered."""
    answered, again = set(), []
    for line in calls.splitlines():
        job_and_call, _, what = line.rpartition(" ")
        if what == "answered":
            answered.add(job_and_call)
        elif job_and_call in answered:
            again.append(job_and_call)
    return again
