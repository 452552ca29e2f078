"""What several test modules use; the fixtures of hosts come from the package's own plugin."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
import redis
from redis_server import RedisServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest_plugins = ["pytester"]

# A database that nothing else uses, one for each process of tests; emptied before and
# after each test that asks for it.
PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
REDIS_URL = os.environ.get("DOCWIZ_TEST_REDIS_URL", f"redis://127.0.0.1:6379/{11 + PROCESS}")
RABBITMQ_URL = os.environ.get("DOCWIZ_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
SERVICES_REQUIRED = os.environ.get("DOCWIZ_TEST_SERVICES") == "1"


def missing(service: str) -> NoReturn:
    """Skip at home, where services may be missing; fail where they were promised."""
    if SERVICES_REQUIRED:
        pytest.fail(f"{service} is not here, and DOCWIZ_TEST_SERVICES=1 promises it")
    pytest.skip(f"{service} is not here")


@pytest.fixture
def redis_url() -> Iterator[str]:
    client = redis.Redis.from_url(REDIS_URL)
    try:
        client.flushdb()
    except redis.ConnectionError:
        missing("Redis")
    yield REDIS_URL
    client.flushdb()
    client.close()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, that forgets everything when it is restarted."""
    if not RedisServer.is_installed():
        missing("redis-server")
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def rabbitmq_url() -> str:
    try:
        socket.create_connection(("127.0.0.1", 5672), timeout=2).close()
    except OSError:
        missing("RabbitMQ")
    return RABBITMQ_URL


# Of a module, no longer: while it is open an event loop runs, and nothing else may start one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium of the system's."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        missing("Chromium")
    quiet = ("background-networking", "component-update", "gpu", "quic", "sync")
    options = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=options)
        yield opened
        opened.close()
