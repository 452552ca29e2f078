"""What several test modules use; the fixtures of hosts come from the package's own plugin."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
import redis

pytest_plugins = ["pytester"]

# A database that nothing else uses; emptied before and after each test that asks for it.
REDIS_URL = os.environ.get("DOCWIZ_TEST_REDIS_URL", "redis://127.0.0.1:6379/11")
RABBITMQ_URL = os.environ.get("DOCWIZ_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
SERVICES_REQUIRED = os.environ.get("DOCWIZ_TEST_SERVICES") == "1"


def missing(service: str) -> None:
    """Skip at home, where services may be missing; fail where they were promised."""
    if SERVICES_REQUIRED:
        pytest.fail(f"{service} is not running, and DOCWIZ_TEST_SERVICES=1 promises it")
    pytest.skip(f"{service} is not running")


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
def rabbitmq_url() -> str:
    try:
        socket.create_connection(("127.0.0.1", 5672), timeout=2).close()
    except OSError:
        missing("RabbitMQ")
    return RABBITMQ_URL
