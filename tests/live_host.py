"""A web server as a process of its own: ``python live_host.py PORT``, for tests that look at it.

It lets everybody in. ``/held`` says how many objects it holds.
"""

from __future__ import annotations

import gc
import os
import sys

import uvicorn
from fastapi import FastAPI
from host_app import docwiz

from docwiz_tasks.web import create_router, hub

hub.LINGER_SECONDS = float(os.environ.get("HOST_LINGER_SECONDS", hub.LINGER_SECONDS))
hub.RECHECK_SECONDS = float(os.environ.get("HOST_RECHECK_SECONDS", hub.RECHECK_SECONDS))

app = FastAPI()
app.include_router(create_router(docwiz, authorize=lambda *_: True), prefix="/api")


@app.get("/held")
def held() -> int:
    gc.collect()
    return len(gc.get_objects())


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), log_level="warning",
        ws_ping_interval=float(os.environ.get("HOST_PING_SECONDS", "20")), ws_ping_timeout=0.5,
    )  # fmt: skip
