"""Live progress under load and faults: real sockets, real Redis, a web server of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import psutil
import pytest
from celery import Celery
from clinic import Clinic, until
from example_host import free_port
from redis_server import RedisServer
from running_job import RunningJob
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from workers import TESTS, environment

import docwiz_tasks
from docwiz_tasks import DocWiz

OUTAGE_SECONDS = float(os.environ.get("DOCWIZ_TEST_OUTAGE", "10"))
ROUNDS = 5
# The threads of a server, each with a connection to Redis of its own.
POOLED = 40
CONNECTS = int(os.environ.get("DOCWIZ_TEST_CONNECTS", "5000"))
SOCKETS = int(os.environ.get("DOCWIZ_TEST_SOCKETS", "100"))


class WebServer:
    """A web server in a process of its own, and the `DocWiz` that it shares a store with."""

    def __init__(self, redis_url: str, folder: Path, **env: str) -> None:
        self.port = free_port()
        self.url = f"127.0.0.1:{self.port}"
        self.log = folder / "web.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(TESTS / "live_host.py"), str(self.port)],
                env=environment(redis_url, redis_url, folder / "store", **env),
                stderr=log,
                stdout=log,
            )
        until(self._answers, "the web server's start")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"http://{self.url}/held").status_code == 200
        except httpx.TransportError:
            return False

    def held(self) -> int:
        return int(httpx.get(f"http://{self.url}/held", timeout=30).text)

    def socket_url(self, job_id: str) -> str:
        return f"ws://{self.url}/api/ws/tasks/{job_id}"

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


Start = Callable[..., WebServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[WebServer] = []

    def started(redis_url: str, **env: str) -> WebServer:
        servers.append(WebServer(redis_url, tmp_path, **env))
        return servers[-1]

    yield started
    for server in servers:
        server.stop()


def registered(redis_url: str, folder: Path) -> DocWiz:
    app = Celery("host", broker=redis_url, backend=redis_url, set_as_current=False)
    settings = docwiz_tasks.Settings(
        store_url=(folder / "store").as_uri(), ai_provider="offline", image_provider="offline"
    )
    return docwiz_tasks.register(app, settings)


async def opened(server: WebServer, jobs: list[str], count: int) -> list[ClientConnection]:
    """Open WebSockets, and wait until each has told how its job stands."""
    urls = [server.socket_url(jobs[number % len(jobs)]) for number in range(count)]
    sockets = await asyncio.gather(
        *(connect(url, open_timeout=60, compression=None) for url in urls)
    )
    await asyncio.gather(*(socket.recv() for socket in sockets))
    return sockets


async def last_message(socket: ClientConnection) -> dict[str, object]:
    last = b""
    async for message in socket:
        last = message.encode() if isinstance(message, str) else message
    return dict(json.loads(last))


@pytest.mark.timeout(150)
def test_all_who_watch_hear_the_end_though_redis_was_away_meanwhile(
    tmp_path: Path, start: Start
) -> None:
    redis_server = RedisServer(tmp_path, persistent=True)
    clinic = Clinic(redis_server.url, tmp_path)
    try:
        server = start(redis_server.url)
        clinic.start_worker("--pool=threads", "--concurrency=5")
        gates = {name: clinic.close_gate(name) for name in "abcde"}
        jobs = [clinic.submit_preview(name) for name in gates]
        until(lambda: all(map(clinic.started, gates)), "the calls")

        async def watch() -> list[dict[str, object]]:
            sockets = await opened(server, [job.id for job in jobs], 100)
            watching = asyncio.gather(*map(last_message, sockets))
            redis_server.stop()
            gone_at = time.monotonic()
            # Two end while Redis is away, the others when it is back.
            for name in "ab":
                gates[name].unlink()
            await asyncio.sleep(OUTAGE_SECONDS - (time.monotonic() - gone_at))
            redis_server.start()
            for name in "cde":
                gates[name].unlink()
            return await watching

        messages = asyncio.run(watch())
        assert len(messages) == 100
        for message in messages:
            assert message["type"] == "complete"
            assert isinstance(message["data"], dict)
            assert message["data"]["state"] == "SUCCESS"
    finally:
        clinic.stop_workers()
        redis_server.stop()


async def come_and_go(server: WebServer, job_id: str) -> None:
    """Watch a job until its status came, by turns as a WebSocket and as events, and be gone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
    events = key[0].islower()
    path = f"tasks/{job_id}/events" if events else f"ws/tasks/{job_id}"
    more = "" if events else f"{upgrade}Sec-WebSocket-Version: 13\r\n"
    writer.write(f"GET /api/{path} HTTP/1.1\r\nHost: {server.url}\r\n{more}\r\n".encode())
    await reader.readuntil(b'"sequence": 1')
    writer.transport.abort()


@pytest.mark.timeout(180)
def test_those_who_come_and_go_leave_nothing_behind(
    redis_url: str, tmp_path: Path, start: Start
) -> None:
    docwiz = registered(redis_url, tmp_path)
    server = start(redis_url, HOST_LINGER_SECONDS="0.1")
    process = psutil.Process(server.process.pid)
    jobs = [RunningJob(docwiz, f"job-{number}").id for number in range(20)]

    async def visits(count: int) -> None:
        for first in range(0, count, 50):
            visitors = (come_and_go(server, jobs[n % 20]) for n in range(first, first + 50))
            await asyncio.gather(*visitors)

    def clients() -> list[object]:
        all_ = process.net_connections("tcp")
        return [c for c in all_ if c.laddr.port == server.port and c.status != "LISTEN"]

    def left() -> tuple[int, int, int]:
        # Whoever is gone is noticed soon, and what was kept for him goes a moment later.
        subscribed = docwiz.app.backend.client.pubsub_channels
        until(lambda: not subscribed("celery-task-meta-job-*"), "the end of the subscription")
        until(lambda: not clients(), "the end of the connections")
        return server.held(), process.num_fds(), process.memory_info().rss

    seen = []
    for _ in range(ROUNDS + 1):
        asyncio.run(visits(CONNECTS // ROUNDS))
        seen.append(left())
    more = [[two - one for one, two in pairwise(figures)] for figures in zip(*seen, strict=True)]
    objects, files, memory = more
    print(f"{CONNECTS} visits in {ROUNDS} rounds: {objects} objects, {files} files, {memory} bytes")
    # What visits leave behind, every round leaves behind; the pools of threads and of
    # connections grow once, in the round that first has so many at the same moment.
    assert min(objects) < CONNECTS / ROUNDS / 10
    assert min(files) <= 0
    assert sum(files) < POOLED
    assert sum(memory) < 6 * 2**20


def test_a_job_that_nobody_watches_any_more_is_looked_up_no_more(
    redis_url: str, tmp_path: Path, start: Start
) -> None:
    docwiz = registered(redis_url, tmp_path)
    server = start(redis_url, HOST_RECHECK_SECONDS="0.2")
    left, watched = (RunningJob(docwiz, f"{name}-job").id for name in ("left", "watched"))

    async def look_ups() -> list[str]:
        [socket] = await opened(server, [left], 1)
        await socket.close()
        await opened(server, [watched], 1)
        seen: list[str] = []
        with docwiz.app.backend.client.monitor() as monitor:
            while seen.count(watched) < 5:
                command = str(monitor.next_command()["command"])
                seen += [job for job in (left, watched) if command == f"GET celery-task-meta-{job}"]
        return seen

    # One can have been due when the last one who watched it left.
    assert asyncio.run(look_ups()).count(left) <= 1


def test_a_client_that_vanished_is_let_go(redis_url: str, tmp_path: Path, start: Start) -> None:
    docwiz = registered(redis_url, tmp_path)
    server = start(redis_url, HOST_LINGER_SECONDS="0.1", HOST_PING_SECONDS="0.2")
    job = RunningJob(docwiz, "the-job")
    subscribed = docwiz.app.backend.client.pubsub_channels

    async def vanish() -> None:
        # Its machine is still there for TCP, but nobody answers a ping.
        async with connect(server.socket_url(job.id)) as socket:
            await socket.recv()
            assert subscribed("*the-job")
            socket.transport.pause_reading()
            await asyncio.get_running_loop().run_in_executor(
                None, until, lambda: not subscribed("*the-job"), "the end of the watch", 20
            )
            socket.transport.abort()

    asyncio.run(vanish())


def test_the_server_stops_at_once_whoever_watches(
    redis_url: str, tmp_path: Path, start: Start
) -> None:
    docwiz, server = registered(redis_url, tmp_path), start(redis_url)
    jobs = [RunningJob(docwiz, f"job-{number}").id for number in range(10)]
    streaming = asyncio.Semaphore(0)

    async def events(client: httpx.AsyncClient, job_id: str) -> str:
        async with client.stream("GET", f"http://{server.url}/api/tasks/{job_id}/events") as told:
            streaming.release()
            return "".join([part async for part in told.aiter_text()])

    async def watch() -> tuple[list[ClientConnection], list[str], float]:
        sockets = await opened(server, jobs, SOCKETS)
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(limits=limits, timeout=60) as client:
            streams = [asyncio.create_task(events(client, job)) for job in jobs]
            for _ in streams:
                await streaming.acquire()
            stopped_at = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            ends = await asyncio.gather(*map(closed, sockets))
            told = await asyncio.gather(*streams)
        await asyncio.get_running_loop().run_in_executor(None, server.process.wait, 30)
        assert set(ends) == {1012}, "service restart: come again"
        return sockets, told, time.monotonic() - stopped_at

    _, told, seconds = asyncio.run(watch())
    assert all("event: status" in text and "complete" not in text for text in told)
    assert seconds < 5
    assert server.process.returncode in (0, -signal.SIGTERM)
    assert "Traceback" not in server.log.read_text()
    assert "ERROR" not in server.log.read_text()


async def closed(socket: ClientConnection) -> int | None:
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd else None


def test_watching_costs_redis_nothing(
    redis_server: RedisServer, tmp_path: Path, start: Start
) -> None:
    docwiz, server = registered(redis_server.url, tmp_path), start(redis_server.url)
    job = RunningJob(docwiz, "the-job")

    def commands() -> int:
        stats = redis_server.client.info("commandstats")
        return sum(each["calls"] for name, each in stats.items() if name != "cmdstat_info")

    async def watch() -> None:
        await opened(server, [job.id], 1)
        before = commands()
        sockets = await opened(server, [job.id], 50)
        assert commands() - before < 5, "looks at the job, not one for each watcher"
        job.report(20)
        for socket in sockets:
            assert json.loads(await socket.recv())["data"]["progress"] == 20
        kinds = [client["flags"] for client in redis_server.client.client_list(_type="pubsub")]
        assert len(kinds) == 1
        job.end()
        for message in await asyncio.gather(*map(last_message, sockets)):
            assert message["type"] == "complete"

    asyncio.run(watch())
