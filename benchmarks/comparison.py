"""How long a comparison takes beside one preview, with a Gemini that takes two seconds a picture.

The `gemini` provider asks the emulator, which runs in a process of its own, as the service
does; the jobs run in a prefork worker with one slot, on a real Redis, with a store in a
folder and all settings as they are by default. One preview, four and eight procedures take
turns. Prints medians, the worker's CPU seconds and the ratios: at most 1.15 for 4
procedures, 1.3 for 8.

Needs Redis: ``python benchmarks/comparison.py``, with ``COMPARISON_REDIS_URL`` for another
than the database 13 here, and ``COMPARISON_ROUNDS`` for more than 5 rounds.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
from celery import Celery
from PIL import Image, ImageChops

import docwiz_tasks
from docwiz_tasks.records.catalogue import catalogue
from docwiz_tasks.testing.portrait import portrait

DELAY_SECONDS = 2.0
LIMITS = {4: 1.15, 8: 1.3}
ROUNDS = int(os.environ.get("COMPARISON_ROUNDS", "5"))
URL = os.environ.get("COMPARISON_REDIS_URL", "redis://127.0.0.1:6379/13")

app = Celery("comparison", broker=URL, backend=URL)
if __name__ != "__main__":
    # Here the worker's own process begins.
    docwiz_tasks.register(app)


def photo() -> bytes:
    """Return a portrait with the noise of a camera, as a JPEG of 1024 by 1536 pixels."""
    drawn = Image.open(io.BytesIO(portrait(1024, 1536))).convert("RGB")
    noise = Image.merge("RGB", [Image.effect_noise(drawn.size, 12) for _ in range(3)])
    file = io.BytesIO()
    ImageChops.add(drawn, noise, offset=-128).save(file, "JPEG", quality=92)
    return file.getvalue()


@contextmanager
def running(command: list[str], **env: str) -> Iterator[subprocess.Popen[str]]:
    folder = str(Path(__file__).parent)
    with subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **env, "PYTHONPATH": folder},
    ) as process:
        yield process
        process.terminate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@contextmanager
def emulated() -> Iterator[tuple[dict[str, str], psutil.Process]]:
    """Run the emulator; give what a worker has to be told of it, and its process."""
    command = str(Path(sys.executable).with_name("docwiz-tasks"))
    options = ["emulator", "--port", "0", "--delay", str(DELAY_SECONDS)]
    with running([command, *options]) as process:
        told = dict(word.split("=", 1) for word in first_line(process).split())
        yield told, psutil.Process(process.pid)


@contextmanager
def working(env: dict[str, str]) -> Iterator[psutil.Process]:
    """Run a worker with one slot; give its child, which does the jobs."""
    options = ["-c", "1", "--without-gossip", "--without-mingle", "-l", "WARNING"]
    with running(["-m", "celery", "-A", "comparison", "worker", *options], **env) as process:
        while not (children := psutil.Process(process.pid).children()):
            time.sleep(0.05)
        yield children[0]


def measured(
    docwiz: docwiz_tasks.DocWiz, image_id: str, processes: list[psutil.Process], count: int
) -> list[float]:
    """Return how long a job of so many procedures takes, and the processes' CPU seconds."""
    faces = [p.id for p in catalogue().values() if p.region not in ("abdomen", "breasts")]
    used = [sum(process.cpu_times()[:2]) for process in processes]
    began = time.perf_counter()
    if count == 1:
        docwiz.visualize(image_id, faces[0]).result(60)
    else:
        docwiz.compare(image_id, faces[:count]).result(60)
    seconds = time.perf_counter() - began
    return [seconds, *(sum(p.cpu_times()[:2]) - u for p, u in zip(processes, used, strict=True))]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, emulated() as (told, service):
        env = {
            **told,
            "DOCWIZ_STORE_URL": Path(folder).as_uri(),
            "DOCWIZ_IMAGE_PROVIDER": "offline",
            "DOCWIZ_PLUGINS": "none",
        }
        os.environ.update(env)
        docwiz = docwiz_tasks.register(app)
        image_id = docwiz.add_image(photo())
        with working(env) as worker:
            measure = partial(measured, docwiz, image_id, [worker, service])
            for count in (1, 8):
                measure(count)
            rounds = [{n: measure(n) for n in (1, *LIMITS)} for _ in range(ROUNDS)]
    for count in (1, *LIMITS):
        taken = [statistics.median(r[count][at] for r in rounds) for at in range(3)]
        print("{}: {:.2f} s; CPU: worker {:.2f} s, emulator {:.2f} s".format(count, *taken))
    missed = 0
    for count, limit in LIMITS.items():
        ratio = statistics.median(r[count][0] / r[1][0] for r in rounds)
        missed += ratio > limit
        print(f"{count} procedures: {ratio:.2f} times one preview (at most {limit})")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
