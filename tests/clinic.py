"""A host and its worker, for tests that hurt them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from celery import Celery
from workers import environment, start_worker

import docwiz_tasks
from docwiz_tasks import Job
from docwiz_tasks.testing.sample import add_sample_case

SECONDS = 60


def until(condition: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """Wait until something outside this process has happened."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: it never happened"
        time.sleep(0.02)


class Clinic:
    """A host with a sample case; its workers run `crashing_host`."""

    def __init__(self, redis_url: str, folder: Path, broker: str | None = None) -> None:
        self.folder = folder
        self.plans, self.calls, self.events = (
            folder / name for name in ("plans", "calls", "events")
        )
        self.plans.mkdir()
        self.calls.touch()
        self.events.touch()
        self._env = environment(
            broker or redis_url, redis_url, folder / "store",
            HOST_PLANS=str(self.plans), HOST_CALLS=str(self.calls), HOST_EVENTS=str(self.events),
            DOCWIZ_HEARTBEAT_SECONDS="0.5", DOCWIZ_LEASE_SECONDS="3",
        )  # fmt: skip
        self.app = Celery(
            "host", broker=broker or redis_url, backend=redis_url, set_as_current=False
        )
        settings = docwiz_tasks.Settings(
            store_url=(folder / "store").as_uri(),
            ai_provider="offline",
            image_provider="offline",
            lease_seconds=3,
            heartbeat_seconds=0.5,
        )
        self.docwiz = docwiz_tasks.register(self.app, settings)
        self.case = add_sample_case(self.docwiz)
        self._workers: list[subprocess.Popen[bytes]] = []

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a worker of this clinic is started with."""
        return {**self._env, **more}

    def preview(self, key: str = "the-preview") -> Job:
        return self.docwiz.visualize(self.case.image_id, "rhinoplasty", idempotency_key=key)

    def costs(self, key: str = "the-costs") -> Job:
        return self.docwiz.infographic(self.case.cost_breakdown_id, idempotency_key=key)

    def submit(self, name: str, task: str, **arguments: object) -> Job:
        """Submit a job under an id that is known before, so that it can be planned."""
        self.app.tasks[f"docwiz_tasks.generate_{task}_task"].apply_async(
            kwargs=arguments, task_id=name
        )
        return self.docwiz.job(name)

    def submit_preview(self, name: str = "the-preview") -> Job:
        return self.submit(
            name, "visualization", image_id=self.case.image_id, procedure_id="rhinoplasty"
        )

    def begin_preview(self) -> tuple[Job, Path]:
        """Submit a preview, and return it, in its first call, with the gate that it waits at."""
        gate = self.close_gate("the-preview")
        job = self.submit_preview()
        until(lambda: self.started("the-preview"), "the call")
        return job, gate

    def plan(self, name: str, point: str, what: str) -> None:
        (self.plans / name).write_text(f"{point}|{what}")

    def close_gate(self, name: str) -> Path:
        """Have a job's calls of providers wait until the file returned is removed."""
        gate = self.plans / f"{name}.gate"
        gate.touch()
        return gate

    def start_worker(self, *options: str, **env: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"log-{len(self._workers)}"
        quiet = ("--without-mingle", "--without-gossip")
        process = start_worker({**self._env, **env}, log, *options, *quiet, host="crashing_host")
        self._workers.append(process)
        return process

    def stop_workers(self) -> None:
        for gate in self.plans.glob("*.gate"):
            gate.unlink()
        for process in self._workers:
            process.send_signal(signal.SIGTERM)
        for process in self._workers:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def let_go(self) -> bool:
        """Say whether Redis has noticed that the workers killed so far are dead.

        Before, it would still give the next message to the last one that waited for one.
        """
        redis = self.app.backend.client
        database = str(redis.connection_pool.connection_kwargs.get("db", 0))
        return not [c for c in redis.client_list() if c["db"] == database and "b" in c["flags"]]

    def lines(self, file: Path, *words: str) -> list[str]:
        return [line for line in file.read_text().splitlines() if all(w in line for w in words)]

    def heard(self, *words: str) -> int:
        """Wait until plugins heard of something and return how often they did."""
        until(lambda: self.lines(self.events, *words), f"the event {words}")
        return len(self.lines(self.events, *words))

    def started(self, name: str) -> int:
        """Return how many calls of providers a job has started."""
        return len(self.lines(self.calls, name, "started"))

    def deliveries(self, name: str) -> int:
        return len(list((self.folder / "store/jobs" / name).glob("deliveries=*")))
