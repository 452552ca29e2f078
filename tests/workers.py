"""Starting a worker as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
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
    process = _launch(env, log, *options, host=host)
    if not _is_ready(process, log):
        raise AssertionError(f"the worker did not start:\n{log.read_text()}")
    return process


def _launch(env: dict[str, str], log: Path, *options: str, host: str) -> subprocess.Popen[bytes]:
    # A name of its own: RabbitMQ refuses a worker the name of one that it takes for alive,
    # be it another test's or one that was killed a moment ago.
    name = f"{uuid.uuid4().hex}@%h"
    command = [sys.executable, "-m", "celery", "-A", host, "worker", "--loglevel=INFO", "-n", name]
    with log.open("wb") as file:
        return subprocess.Popen(
            [*command, *options], env=env, stdout=file, stderr=file, cwd=TESTS, process_group=0
        )


def _is_ready(process: subprocess.Popen[bytes], log: Path) -> bool:
    """Wait until a worker takes jobs; False if it never does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        # Asked before the log is read: a job can kill a worker the moment that it is ready.
        died = process.poll() is not None
        if b" ready." in log.read_bytes():
            return True
        if died:
            return False
        time.sleep(0.05)
    return False


@contextmanager
def supervised(env: dict[str, str], log: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run a worker and, as a supervisor does, a new one whenever it has died.

    Gives the list of all that became ready; the last one runs.
    """
    over = threading.Event()
    started: list[subprocess.Popen[bytes]] = []
    ready: list[subprocess.Popen[bytes]] = []
    options = ("--pool=prefork", "--concurrency=4", "--without-mingle", "--without-gossip")

    def supervise() -> None:
        while not over.is_set():
            started.append(_launch(env, log, *options, host="crashing_host"))
            if _is_ready(started[-1], log):
                ready.append(started[-1])
                started[-1].wait()
            else:
                started[-1].kill()

    thread = threading.Thread(target=supervise)
    thread.start()
    try:
        yield ready
    finally:
        over.set()
        deadline, told = time.monotonic() + START_SECONDS, None
        # One more can be on its way just now.
        while thread.is_alive() and time.monotonic() < deadline:
            if started[-1] is not told:
                told = started[-1]
                told.terminate()
            thread.join(0.1)


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
