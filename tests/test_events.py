"""How changes come to those who watch: whole, in order, bounded, and again where it was left."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from fastapi import FastAPI
from running_job import RunningJob

import docwiz_tasks
from docwiz_tasks import DocWiz
from docwiz_tasks.web import create_router

SECONDS = 30


class Stream:
    """An event stream whose client takes what comes only when the test lets it."""

    def __init__(self, app: Any, job_id: str, last_event_id: str | None = None) -> None:
        self.taken: list[dict[str, Any]] = []
        self.text = ""
        self._open = asyncio.Event()
        self._open.set()
        self._new = asyncio.Event()
        headers = [] if last_event_id is None else [(b"last-event-id", last_event_id.encode())]
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "method": "GET",
            "http_version": "1.1", "scheme": "http", "path": f"/tasks/{job_id}/events",
            "raw_path": b"", "query_string": b"", "root_path": "", "headers": headers,
            "client": ("192.0.2.1", 1), "server": ("clinic.example", 80), "state": {},
        }  # fmt: skip
        self._task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        return await asyncio.Future()

    async def _send(self, message: dict[str, Any]) -> None:
        await self._open.wait()
        self.text += message.get("body", b"").decode()
        *whole, self.text = self.text.split("\n\n")
        for event in whole:
            lines = dict(line.split(": ", 1) for line in event.splitlines())
            self.taken.append({**lines, "data": json.loads(lines["data"])})
        self._new.set()

    def stall(self) -> None:
        self._open.clear()

    def go_on(self) -> None:
        self._open.set()

    async def until(self, found: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait until an event fits, and return it."""
        async with asyncio.timeout(SECONDS):
            while not (fitting := [event for event in self.taken if found(event)]):
                self._new.clear()
                await self._new.wait()
        return fitting[0]

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @property
    def shown(self) -> list[int]:
        return [event["data"]["data"]["progress"] for event in self.taken]


@pytest.fixture
def docwiz(redis_url: str, tmp_path: Path) -> DocWiz:
    app = Celery("host", broker=redis_url, backend=redis_url, set_as_current=False)
    settings = docwiz_tasks.Settings(
        store_url=(tmp_path / "store").as_uri(), ai_provider="offline", image_provider="offline"
    )
    return docwiz_tasks.register(app, settings)


@asynccontextmanager
async def site(docwiz: DocWiz) -> AsyncIterator[FastAPI]:
    app = FastAPI()
    app.include_router(create_router(docwiz, authorize=lambda *_: True))
    async with app.router.lifespan_context(app):
        yield app


def at(progress: int) -> Callable[[dict[str, Any]], object]:
    return lambda event: event["data"]["data"]["progress"] == progress


def is_complete(event: dict[str, Any]) -> bool:
    return bool(event["event"] == "complete")


def test_a_stream_goes_on_after_the_event_that_was_seen_last(docwiz: DocWiz) -> None:
    async def watch() -> None:
        async with site(docwiz) as app:
            job = RunningJob(docwiz, "the-job")
            first = Stream(app, job.id)
            await first.until(at(0))
            job.report(10)
            seen = await first.until(at(10))
            await first.leave()
            job.report(20)
            job.report(30)
            second = Stream(app, job.id, seen["id"])
            await second.until(at(30))
            assert second.shown == [20, 30]
            assert [e["data"]["sequence"] for e in (*first.taken, *second.taken)] == [1, 2, 3, 4]
            job.end()
            await second.until(is_complete)

    asyncio.run(watch())


def test_a_client_that_is_too_slow_misses_some_changes_and_never_the_last(docwiz: DocWiz) -> None:
    async def watch() -> None:
        async with site(docwiz) as app:
            job = RunningJob(docwiz, "the-job")
            slow, quick = Stream(app, job.id), Stream(app, job.id)
            await slow.until(at(0))
            slow.stall()
            for progress in range(1, 100):
                job.report(progress)
                await quick.until(at(progress))
            job.end()
            await quick.until(is_complete)
            assert quick.shown == list(range(101))
            slow.go_on()
            await slow.until(is_complete)
            assert len(slow.taken) < 40
            assert slow.shown == sorted(slow.shown)

    asyncio.run(watch())


def test_progress_goes_on_while_the_store_does_not_answer(
    docwiz: DocWiz, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = threading.Event()

    async def watch() -> None:
        async with site(docwiz) as app:
            job = RunningJob(docwiz, "the-job")
            stream = Stream(app, job.id)
            # The state is read once more after the subscription; this is heard after that.
            await stream.until(at(0))
            job.report(1)
            await stream.until(at(1))
            get = docwiz.store.get

            def held(path: str) -> bytes | None:
                answering.wait()
                return get(path)

            monkeypatch.setattr(docwiz.store, "get", held)
            try:
                for progress in range(2, 11):
                    job.report(progress)
                    await stream.until(at(progress))
            finally:
                answering.set()
            job.end()
            await stream.until(is_complete)

    asyncio.run(watch())


def test_a_client_that_says_it_saw_what_is_not_there_yet_still_hears_the_end(
    docwiz: DocWiz,
) -> None:
    async def watch() -> None:
        async with site(docwiz) as app:
            job = RunningJob(docwiz, "the-job")
            first = Stream(app, job.id)
            epoch = (await first.until(at(0)))["id"].partition("-")[0]
            liar = Stream(app, job.id, f"{epoch}-99999999")
            job.end()
            await liar.until(is_complete)
            await first.until(is_complete)

    asyncio.run(watch())
