"""What it costs a job to survive: a durable preview beside a bare Celery task.

Both run in one prefork worker with one slot, on a real Redis, in turns. The bare task
makes as many `update_state` calls as the preview reports progress; the preview's provider
returns the photo at once. Work on pictures isn't what is measured: the photo is of the
smallest size, and where not said otherwise nothing is measured in it or printed on it.
Needs Redis: ``python benchmarks/overhead.py``, with ``OVERHEAD_REDIS_URL`` for another
than the database 13 here, and ``TMPDIR`` for another place of the store. Exits with 1 when
a preview costs more than `LIMIT` times a bare task without fsync.
"""

from __future__ import annotations

import io
import json
import os
import secrets
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
from docwiz_tasks.store import open_store

JOBS, ROUNDS, UPDATES = 25, 100, 6
LIMIT = 1.5
MEMORY, USUAL, DISK_SECONDS = Path("/dev/shm"), 3, 400
URL = os.environ.get("OVERHEAD_REDIS_URL", "redis://127.0.0.1:6379/13")
FSYNC, PICTURES = (os.environ.get(f"OVERHEAD_{name}") == "1" for name in ("FSYNC", "PICTURES"))

folder = Path(os.environ.get("OVERHEAD_FOLDER", tempfile.gettempdir()))
app = Celery("overhead", broker=URL, backend=URL)
app.conf.worker_prefetch_multiplier = 1


class NullProvider:
    """Answer with the photo itself."""

    async def edit_image(self, request: EditRequest) -> GeneratedImage:
        return GeneratedImage(request.image, request.media_type, "null")


class Plugin:
    @hookimpl
    def docwiz_ai_providers(self) -> Mapping[str, Any]:
        return {"null": lambda settings: NullProvider()}


docwiz = docwiz_tasks.register(
    app,
    docwiz_tasks.Settings(
        store_url=(folder / "store").as_uri(),
        store_fsync=FSYNC,
        ai_provider="null",
        image_provider="offline",
        plugins="none",
        visible_mark=PICTURES,
        fidelity_policy="mark" if PICTURES else "off",
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


def wait_for_the_disk() -> None:
    """Wait until files are written at most `USUAL` times as slowly as in memory.

    For five minutes an ext4 without a journal passes over the inodes of files that were
    deleted, whoever did it, and can take twenty times as long to make one:
    ``recently_deleted`` in fs/ext4/ialloc.c.
    """
    if not MEMORY.is_dir():
        return
    os.sync()
    deadline = time.monotonic() + DISK_SECONDS
    with tempfile.TemporaryDirectory(dir=MEMORY) as memory:
        while (times := seconds_to_write(folder) / seconds_to_write(Path(memory))) > USUAL:
            if time.monotonic() > deadline:
                print(f"Files take {times:.1f} times as long as in memory.", file=sys.stderr)
                return
            time.sleep(5)


def seconds_to_write(place: Path) -> float:
    """Return how long it takes to write what a hundred jobs would."""
    store = open_store((place / secrets.token_hex()).as_uri(), fsync=False)
    start = time.perf_counter()
    for number in range(1000):
        store.create(f"{number // 10}/{number}", b"0" * 500)
    return time.perf_counter() - start


def rounds() -> list[tuple[float, float]]:
    """Let a worker do both in turns, and return the milliseconds of a task and of a preview."""
    command = [sys.executable, "-m", "celery", "-A", "overhead", "worker", "-c", "1"]
    options = ["-Q", "visualizations", "--without-gossip", "--without-mingle", "-l", "WARNING"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    worker = subprocess.Popen([*command, *options], cwd=Path(__file__).parent, **quiet)
    photo = io.BytesIO()
    Image.new("RGB", (100, 100), "tan").save(photo, "JPEG")
    image_id = docwiz.add_image(photo.getvalue())
    preview = app.tasks["docwiz_tasks.generate_visualization_task"]

    def durable() -> Any:
        return preview.delay(image_id, "rhinoplasty")

    wait_for_the_disk()
    try:
        milliseconds(bare.delay), milliseconds(durable)
        return [(milliseconds(bare.delay), milliseconds(durable)) for _ in range(ROUNDS)]
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait()


def ratio(name: str, place: str, *, fsync: bool = False, pictures: bool = False) -> float:
    """Measure in a process of its own, print the means, and return how they compare.

    Means, because a batch of bare tasks takes 3 or 5 ms for each, as client, worker, its
    child and Redis happen to share two cores: a median jumps from the one to the other.
    """
    settings = {"FOLDER": place, "FSYNC": str(int(fsync)), "PICTURES": str(int(pictures))}
    environment = {**os.environ, **{f"OVERHEAD_{name}": x for name, x in settings.items()}}
    command = [sys.executable, __file__, "rounds"]
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    pairs = json.loads(run.stdout)
    task, preview = (statistics.mean(side) for side in zip(*pairs, strict=True))
    print(f"{name}: bare task {task:.1f} ms, preview {preview:.1f} ms, {preview / task:.2f} times")
    return preview / task


def main() -> int:
    # Removed at the end only: see `wait_for_the_disk`.
    with tempfile.TemporaryDirectory() as disk:
        without = ratio("without fsync", disk)
        ratio("with fsync", disk, fsync=True)
        ratio("without fsync, its picture measured and labelled", disk, pictures=True)
    if MEMORY.is_dir():
        with tempfile.TemporaryDirectory(dir=MEMORY) as memory:
            ratio("without fsync, the store in memory", memory)
    print(f"limit without fsync: {LIMIT} times")
    return int(without > LIMIT)


if __name__ == "__main__":
    if sys.argv[1:] == ["rounds"]:
        print(json.dumps(rounds()))
    else:
        raise SystemExit(main())
