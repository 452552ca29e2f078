"""How long a comparison takes beside one preview, with an AI that takes two seconds a picture.

Gemini's emulator answers each edit after two seconds; one worker with threads runs one job
at a time. Prints the ratios: at most 1.15 for 4 procedures, 1.3 for 8.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery

import docwiz_tasks
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.records.catalogue import catalogue
from docwiz_tasks.testing.portrait import portrait

DELAY_SECONDS, ROUNDS = 2.0, 3
LIMITS = {4: 1.15, 8: 1.3}


@contextmanager
def emulated() -> Iterator[str]:
    """Run the emulator as a process of its own, as a service is."""
    options = ["emulator", "--port", "0", "--delay", str(DELAY_SECONDS)]
    command = ["-c", "from docwiz_tasks.commands.main import main; main()", *options]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0].partition("=")[2]
        process.kill()


def main() -> int:
    app = Celery("comparison", set_as_current=False)
    app.conf.update(
        broker_url="memory://localhost/",
        result_backend="cache+memory://",
        broker_transport_options={"polling_interval": 0.01},
    )
    with emulated() as url:
        settings = docwiz_tasks.Settings(
            store_url="memory://",
            ai_provider="gemini",
            image_provider="offline",
            gemini_api_key="emulated",
            gemini_base_url=url,
            plugins="none",
        )
        docwiz = docwiz_tasks.register(app, settings)
        image_id = docwiz.add_image(portrait())
        faces = [p.id for p in catalogue().values() if p.region not in ("abdomen", "breasts")]

        def seconds(count: int) -> float:
            began = time.perf_counter()
            if count == 1:
                docwiz.visualize(image_id, faces[0]).result(60)
            else:
                docwiz.compare(image_id, faces[:count]).result(60)
            return time.perf_counter() - began

        with embedded_worker(app):
            seconds(1)
            taken = {n: statistics.median(seconds(n) for _ in range(ROUNDS)) for n in (1, 4, 8)}
    print(f"one preview: {taken[1]:.2f} s, with an AI of {DELAY_SECONDS:.0f} s")
    missed = 0
    for count, limit in LIMITS.items():
        ratio = taken[count] / taken[1]
        missed += ratio > limit
        print(f"{count} procedures: {taken[count]:.2f} s, {ratio:.2f} times (at most {limit})")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
