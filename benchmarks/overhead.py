"""What it costs a job to survive: a durable preview beside a bare Celery task.

Both run in one prefork worker with one slot, on a real Redis, in turns. The bare task
makes as many `update_state` calls as the preview reports progress; the preview's provider
returns the photo at once. Needs Redis: ``python benchmarks/overhead.py``, with
``OVERHEAD_REDIS_URL`` for another than the database 13 here.
"""

from __future__ import annotations

import io
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from celery import Celery
from PIL import Image

import docwiz_tasks
from docwiz_tasks import EditRequest, GeneratedImage, hookimpl

JOBS, ROUNDS, UPDATES = 100, 5, 6
URL = os.environ.get("OVERHEAD_REDIS_URL", "redis://127.0.0.1:6379/13")

folder = Path(os.environ.setdefault("OVERHEAD_FOLDER", tempfile.mkdtemp()))
app = Celery("overhead", broker=URL, backend=URL)
app.conf.worker_prefetch_multiplier = 1


class NullProvider:
    """Answer with the photo itself."""

    def __init__(self, settings: docwiz_tasks.Settings) -> None:
        pass

    async def edit_image(self, request: EditRequest) -> GeneratedImage:
        return GeneratedImage(request.image, request.media_type, "null")


class Plugin:
    @hookimpl
    def docwiz_ai_providers(self) -> Mapping[str, Any]:
        return {"null": NullProvider}


docwiz = docwiz_tasks.register(
    app,
    docwiz_tasks.Settings(
        store_url=(folder / "store").as_uri(),
        ai_provider="null",
        image_provider="offline",
        plugins="none",
        store_fsync=os.environ.get("OVERHEAD_FSYNC") != "0",
    ),
)
docwiz.plugins.manager.register(Plugin())


@app.task(bind=True, name="bare", acks_late=True, queue="visualizations")  # type: ignore
def bare(self: Any) -> dict[str, Any]:
    for number in range(UPDATES):
        meta = {"progress": number, "status": "Working", "step": "step"}
        self.update_state(state="PROGRESS", meta=meta)
    return {"status": "completed", "progress": 100, "result": {}}


def milliseconds(submit: Callable[[], Any]) -> float:
    start = time.perf_counter()
    results = [submit() for _ in range(JOBS)]
    for result in results:
        result.get(timeout=60)
    return (time.perf_counter() - start) / JOBS * 1000


def measure(*, fsync: bool) -> tuple[float, float]:
    """Return the median milliseconds of a bare task and of a durable preview."""
    env = {
        **os.environ,
        "OVERHEAD_FSYNC": str(int(fsync)),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    command = [sys.executable, "-m", "celery", "-A", "overhead", "worker", "-c", "1"]
    options = ["-Q", "visualizations", "--without-gossip", "--without-mingle", "-l", "WARNING"]
    worker = subprocess.Popen([*command, *options], env=env)
    photo = io.BytesIO()
    Image.new("RGB", (200, 200), "tan").save(photo, "JPEG")
    image_id = docwiz.add_image(photo.getvalue())
    preview = app.tasks["docwiz_tasks.generate_visualization_task"]

    def durable() -> Any:
        return preview.delay(image_id, "rhinoplasty")

    try:
        milliseconds(bare.delay), milliseconds(durable)
        rounds = [(milliseconds(bare.delay), milliseconds(durable)) for _ in range(ROUNDS)]
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait()
    first, second = zip(*rounds, strict=True)
    return statistics.median(first), statistics.median(second)


def main() -> None:
    for fsync in (True, False):
        plain, durable = measure(fsync=fsync)
        print(
            f"fsync {'on ' if fsync else 'off'}: bare task {plain:.1f} ms, durable preview"
            f" {durable:.1f} ms, ratio {durable / plain:.2f}"
        )


if __name__ == "__main__":
    main()
