"""From a job's update to the clients that watch it: pushed, and polled as others do it.

A web server in a process of its own serves our router and, beside it, a WebSocket that asks
Celery's `AsyncResult` once a second. A second process opens the WebSockets. This one reports
the jobs' progress through Celery as a worker does, each job once a second (a single one ten
times), and puts the time into the update. What counts is when a client has that update, or a
later one. A thousand connections are followed by a full collection of the server's garbage, a
pause of a tenth of a second, which is nearly always over when it is measured. Needs
redis-server, and starts one so that all its commands are ours:
``python benchmarks/push.py``. Prints medians of rounds; exits with 1 when a limit is passed.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import psutil
import redis
from celery import Celery
from celery.result import AsyncResult
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

import docwiz_tasks
from docwiz_tasks.jobs.lease import Lease
from docwiz_tasks.web import create_router

LEAST_UPDATES_PER_SECOND = 10
SECONDS, WARM_UP_SECONDS, ROUNDS = 10.0, 8.0, int(os.environ.get("PUSH_ROUNDS", "3"))
MILLISECONDS = {1: 10.0, 1000: 25.0}
CPU_PERCENT, COMMANDS_PER_SECOND = 15.0, 5.0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


URL = os.environ.setdefault("PUSH_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
folder = Path(os.environ.get("PUSH_FOLDER") or tempfile.mkdtemp())
os.environ["PUSH_FOLDER"] = str(folder)
celery = Celery("push", broker=URL, backend=URL)
docwiz = docwiz_tasks.register(
    celery,
    docwiz_tasks.Settings(
        store_url=(folder / "store").as_uri(), ai_provider="offline", image_provider="offline",
        plugins="none", lease_seconds=3600,
    ),
)  # fmt: skip
web = FastAPI()
web.include_router(create_router(docwiz, authorize=lambda *_: True), prefix="/push")


@web.websocket("/poll/{task_id}")
async def poll(socket: WebSocket, task_id: str) -> None:
    """Do as others do."""
    await socket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            result = AsyncResult(task_id, app=celery)
            data = {"state": result.state, "meta": result.info}
            await socket.send_json({"type": "status", "data": data})
            await asyncio.sleep(1)


@dataclass(frozen=True)
class Figures:
    """What was measured once."""

    took: list[float]
    cpu_percent: float
    commands: float

    @property
    def p99(self) -> float:
        return quantiles(self.took, n=100)[-1]


async def clients(pattern: str, jobs: list[str], watchers: int) -> None:
    """Open the WebSockets, say so, and print at the end when each heard of which update."""
    from websockets.asyncio.client import connect

    # Pauses of the clock itself would count as the server's.
    gc.disable()
    heard: list[list[tuple[float, float]]] = [[] for _ in range(watchers)]
    opened = asyncio.Semaphore(0)

    async def watch(number: int) -> None:
        url = pattern.format(jobs[number % len(jobs)])
        async with connect(url, compression=None, open_timeout=60) as socket_:
            opened.release()
            async for message in socket_:
                now = time.monotonic()
                meta = json.loads(message)["data"]["meta"] or {}
                heard[number].append((meta.get("sent", 0.0), now))

    tasks = [asyncio.create_task(watch(number)) for number in range(watchers)]
    for _ in range(watchers):
        await opened.acquire()
    print("open", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print(json.dumps(heard), flush=True)
    for task in tasks:
        task.cancel()


def milliseconds(sent: list[float], heard: list[tuple[float, float]]) -> Iterator[float]:
    """Yield how long each update took until a client had it, or a later one instead."""
    first = 0
    for each in sent:
        while first < len(heard) and heard[first][0] < each:
            first += 1
        if first < len(heard):
            yield (heard[first][1] - each) * 1000


def running_job() -> str:
    """Return a job that is run by this process, as far as others can see."""
    journal = docwiz.journal(f"job-{time.monotonic_ns()}")
    arguments = {"image_id": "none", "procedure_id": "rhinoplasty", "patient_id": None}
    journal.submit("docwiz_tasks.generate_visualization_task", arguments)
    Lease(journal, 3600).take(names=())
    update(journal.job_id)
    return journal.job_id


def update(job: str) -> float:
    """Report progress as a worker does, and return when."""
    sent = time.monotonic()
    meta = {"progress": 50, "status": "Working", "step": "edit", "sent": sent}
    celery.backend.store_result(job, meta, "PROGRESS")
    return sent


def update_all(jobs: list[str], seconds: float) -> dict[str, list[float]]:
    """Update one job after another for a while, and return when each was."""
    sent: dict[str, list[float]] = {job: [] for job in jobs}
    rate, start, count = max(len(jobs), LEAST_UPDATES_PER_SECOND), time.monotonic(), 0
    while (due := start + count / rate) < start + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        job = jobs[count % len(jobs)]
        sent[job].append(update(job))
        count += 1
    return sent


def commands() -> int:
    """Return how many commands Redis has had."""
    stats = redis.Redis.from_url(URL).info("commandstats")
    ours = ("cmdstat_info", "cmdstat_client", "cmdstat_hello")
    return sum(each["calls"] for name, each in stats.items() if not name.startswith(ours))


def commands_per_update() -> float:
    """Return how many commands Redis has of an update, while nobody watches."""
    job, before, each = running_job(), commands(), 20
    for _ in range(each):
        update(job)
    return (commands() - before) / each


def measure(
    server: subprocess.Popen[bytes], pattern: str, jobs: int, watchers: int, per_update: float
) -> Figures:
    """Watch and update jobs for a while."""
    ids = [running_job() for _ in range(jobs)]
    arguments = [sys.executable, __file__, "clients", pattern, json.dumps(ids), str(watchers)]
    with subprocess.Popen(arguments, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        update_all(ids, WARM_UP_SECONDS)
        cpu, asked, start = psutil.Process(server.pid).cpu_times(), commands(), time.monotonic()
        sent = update_all(ids, SECONDS)
        seconds = time.monotonic() - start
        spent = psutil.Process(server.pid).cpu_times()
        asked = commands() - asked
        time.sleep(1.1)
        heard = json.loads(process.communicate("\n")[0])
    updates = sum(map(len, sent.values()))
    took = [
        each
        for number, messages in enumerate(heard)
        for each in milliseconds(sent[ids[number % jobs]], messages)
    ]
    busy = spent.user + spent.system - cpu.user - cpu.system
    return Figures(took, busy / seconds * 100, (asked - updates * per_update) / seconds)


def serve(port: int) -> None:
    import uvicorn

    uvicorn.run(web, port=port, log_level="error")


@contextmanager
def running(port: int, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                break
        yield server
    finally:
        server.terminate()
        server.wait()


def compare(
    server: subprocess.Popen[bytes], port: int, jobs: int, watchers: int, per_update: float
) -> bool:
    """Measure both ways, in turns, and say whether ours keeps the limits."""
    paths = {"pushed": "push/ws/tasks", "polled": "poll"}
    rounds: dict[str, list[Figures]] = {name: [] for name in paths}
    for _ in range(ROUNDS):
        for name, path in paths.items():
            pattern = f"ws://127.0.0.1:{port}/{path}/{{}}"
            rounds[name].append(measure(server, pattern, jobs, watchers, per_update))
    kept = True
    for name, figures in rounds.items():
        p50 = median(median(each.took) for each in figures)
        p99 = median(each.p99 for each in figures)
        cpu = median(each.cpu_percent for each in figures)
        asked = median(each.commands for each in figures)
        print(
            f"{name}, {watchers:4} watchers of {jobs:3} jobs: p50 {p50:6.1f} ms, p99 {p99:6.1f}"
            f" ms, web server {cpu:4.1f} % of a core, {asked:6.1f} Redis commands/s for watching",
            flush=True,
        )
        if name == "pushed":
            kept = p99 <= MILLISECONDS[watchers] and cpu <= CPU_PERCENT
            kept &= asked <= COMMANDS_PER_SECOND
    return kept


def main() -> None:
    port = int(URL.rpartition(":")[2].partition("/")[0])
    with running(port, "redis-server", "--port", str(port), "--save", ""):
        port, per_update = free_port(), commands_per_update()
        with running(port, sys.executable, __file__, "serve", str(port)) as server:
            kept = [compare(server, port, *each, per_update) for each in ((1, 1), (100, 1000))]
    sys.exit(not all(kept))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", at]:
            serve(int(at))
        case ["clients", pattern, ids, number]:
            asyncio.run(clients(pattern, json.loads(ids), int(number)))
        case _:
            try:
                main()
            finally:
                shutil.rmtree(folder)
