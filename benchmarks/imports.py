"""What importing and registering docwiz-tasks costs a process that has Celery already.

The process it is compared with has made a Celery app and a pydantic model: both load most
of their library only then, and a host has both.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

LIMIT_MS, LIMIT_MB = 75.0, 8.0
RUNS = 15

# Linux counts ru_maxrss in KiB, macOS in bytes; the interpreter's own start is left out.
MEASURED = """
import time
begin = time.perf_counter()
import celery, kombu.transport.redis, pydantic
app = celery.Celery()
class Model(pydantic.BaseModel):
    field: int
{more}
seconds = time.perf_counter() - begin
import resource, sys
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(seconds * 1000, peak / (1024**2 if sys.platform == "darwin" else 1024))
"""
BASELINE = MEASURED.format(more="")
REGISTERED = MEASURED.format(more="import docwiz_tasks; docwiz_tasks.register(app)")


def measured(code: str) -> tuple[float, float]:
    """Return milliseconds and MiB of a fresh process."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ms, mb = map(float, done.stdout.split())
    return ms, mb


def main() -> int:
    for code in (BASELINE, REGISTERED):
        measured(code)  # Compiles what isn't, and warms the disk's cache.
    # One after the other, so that a slow moment of the machine is both's.
    runs = [(measured(BASELINE), measured(REGISTERED)) for _ in range(RUNS)]
    base, ours, more = (
        [median(values) for values in zip(*column, strict=True)]
        for column in (
            [base for base, _ in runs],
            [ours for _, ours in runs],
            [(ours[0] - base[0], ours[1] - base[1]) for base, ours in runs],
        )
    )
    print(f"{f'median of {RUNS} runs':<32}{'ms':>8}{'MB':>8}")
    for name, (ms, mb) in (
        ("celery app, redis, pydantic", base),
        ("and docwiz_tasks, registered", ours),
        ("difference", more),
        ("limit", (LIMIT_MS, LIMIT_MB)),
    ):
        print(f"{name:<32}{ms:8.1f}{mb:8.1f}")
    return int(more[0] > LIMIT_MS or more[1] > LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
