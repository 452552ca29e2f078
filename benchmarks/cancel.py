"""How long it takes to stop a running job, beside Celery's own revoke, in three pools.

A preview waits for its provider's answer when it is cancelled; a bare task, which waits in
turns of a twentieth of a second, is revoked with ``terminate=True``. What counts is the time
until the state is REVOKED and the pool's slot takes other work. Needs Redis:
``python benchmarks/cancel.py``, with ``CANCEL_REDIS_URL`` for another than the database 13
here. Exits with 1 when a preview takes longer than `LIMIT` seconds.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from celery import Celery
from celery.exceptions import TimeoutError as NotInTime
from PIL import Image

import docwiz_tasks
from docwiz_tasks import EditRequest, GeneratedImage, hookimpl

POOLS, ROUNDS = ("prefork", "threads", "solo"), 10
LIMIT, PATIENCE_SECONDS, WORK_SECONDS = 1.0, 5.0, 15.0
URL = os.environ.get("CANCEL_REDIS_URL", "redis://127.0.0.1:6379/13")
folder = Path(os.environ.get("CANCEL_FOLDER") or tempfile.mkdtemp())
app = Celery("cancel", broker=URL, backend=URL)
app.conf.worker_prefetch_multiplier = 1


class SlowProvider:
    """Answer later than anybody waits here."""

    async def edit_image(self, request: EditRequest) -> GeneratedImage:
        await asyncio.sleep(WORK_SECONDS)
        return GeneratedImage(request.image, request.media_type, "slow")


class Plugin:
    @hookimpl
    def docwiz_ai_providers(self) -> Mapping[str, Any]:
        return {"slow": lambda settings: SlowProvider()}


docwiz = docwiz_tasks.register(
    app,
    docwiz_tasks.Settings(
        store_url=(folder / "store").as_uri(),
        ai_provider="slow",
        image_provider="offline",
        plugins="none",
    ),
)
docwiz.plugins.manager.register(Plugin())


@app.task(bind=True, name="bare", queue="visualizations")  # type: ignore
def bare(self: Any, seconds: float) -> None:
    self.update_state(state="PROGRESS", meta={"step": "edit"})
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 4 * WORK_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("A worker did not do what is measured here.")
        time.sleep(0.005)


def seconds_to_stop(stop: Callable[[], object], is_revoked: Callable[[], bool]) -> float | None:
    """Return how long it takes until a job has stopped, None if that is too long to wait."""
    start = time.perf_counter()
    stop()
    following = bare.delay(0)
    try:
        following.get(timeout=PATIENCE_SECONDS)
    except NotInTime:
        return None
    finally:
        following.forget()
    wait(is_revoked)
    return time.perf_counter() - start


def cancelled(image_id: str) -> float | None:
    job = docwiz.visualize(image_id, "rhinoplasty")
    wait(lambda: (job.status().meta or {}).get("step") == "photo")
    return seconds_to_stop(job.cancel, lambda: job.status().state == "REVOKED")


def revoked() -> float | None:
    result = bare.delay(WORK_SECONDS)
    wait(lambda: result.state == "PROGRESS")
    return seconds_to_stop(
        lambda: result.revoke(terminate=True), lambda: bool(result.state == "REVOKED")
    )


def told(seconds: list[float | None]) -> str:
    stopped = [each for each in seconds if each is not None]
    longer = len(seconds) - len(stopped)
    parts = [f"{min(stopped):.2f} to {max(stopped):.2f} s"] if stopped else []
    if longer:
        parts.append(f"not within {PATIENCE_SECONDS:.0f} s ({longer} of {len(seconds)})")
    return ", ".join(parts)


def compare(pool: str, image_id: str) -> bool:
    """Stop both in one kind of pool, print how long that took, and say whether it was in time."""
    command = [sys.executable, "-m", "celery", "-A", "cancel", "worker", "-c", "1", "-P", pool]
    options = ["-Q", "visualizations", "--without-gossip", "--without-mingle", "-l", "ERROR"]
    environment = {**os.environ, "CANCEL_FOLDER": str(folder)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    worker = subprocess.Popen(
        [*command, *options], cwd=Path(__file__).parent, env=environment, **quiet
    )
    try:
        bare.delay(0).get(timeout=30)
        ours = [cancelled(image_id) for _ in range(ROUNDS)]
        # One that goes on holds the slot until it is done.
        others = [revoked() for _ in range(ROUNDS if pool == "prefork" else 1)]
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait()
    print(f"{pool:8} preview: {told(ours)}; bare task: {told(others)}", flush=True)
    return all(each is not None and each < LIMIT for each in ours)


def main() -> int:
    photo = io.BytesIO()
    Image.new("RGB", (100, 100), "tan").save(photo, "JPEG")
    image_id = docwiz.add_image(photo.getvalue())
    kept = [compare(pool, image_id) for pool in POOLS]
    print(f"limit for a preview: {LIMIT} s")
    return int(not all(kept))


if __name__ == "__main__":
    try:
        failed = main()
    finally:
        shutil.rmtree(folder)
    raise SystemExit(failed)
