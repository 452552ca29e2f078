"""Fixtures for a host's own tests: no network, no keys, no Redis of its own.

Each can be overridden by a fixture of the same name in the host's ``conftest.py``;
a host that overrides ``docwiz_app`` tests its own app.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# All else is imported where it is used: a host pays only for the fixtures it uses.
if TYPE_CHECKING:
    from celery import Celery

    from docwiz_tasks import DocWiz, Settings
    from docwiz_tasks.testing.emulator import Emulator
    from docwiz_tasks.testing.sample import SampleCase

__all__ = [
    "docwiz",
    "docwiz_app",
    "docwiz_case",
    "docwiz_emulator",
    "docwiz_redis",
    "docwiz_settings",
    "docwiz_worker",
]


@pytest.fixture
def docwiz_redis() -> Iterator[str]:
    """Run a fakeredis over TCP and give its URL."""
    from docwiz_tasks.testing.redis import fake_redis

    with fake_redis() as url:
        yield url


@pytest.fixture
def docwiz_settings(tmp_path: Path) -> Settings:
    """Give settings with the offline providers and a store in a temporary folder."""
    from docwiz_tasks import Settings

    return Settings(
        store_url=(tmp_path / "docwiz-store").as_uri(),
        ai_provider="offline",
        image_provider="offline",
    )


@pytest.fixture
def docwiz_app(docwiz_redis: str) -> Iterator[Celery]:
    """Give a Celery app on the fake Redis."""
    from celery import Celery

    from docwiz_tasks import celery_config

    app = Celery("docwiz-test", set_as_current=False)
    app.conf.update(celery_config(), broker_url=docwiz_redis, result_backend=docwiz_redis)
    yield app
    app.close()


@pytest.fixture
def docwiz(docwiz_app: Celery, docwiz_settings: Settings) -> DocWiz:
    """Register on the app and give the `DocWiz`."""
    from docwiz_tasks import register

    return register(docwiz_app, docwiz_settings)


@pytest.fixture
def docwiz_worker(docwiz: DocWiz) -> Iterator[Any]:
    """Run a real worker of the app, in threads of this process."""
    from docwiz_tasks.celery_app.embedded import embedded_worker

    _import_what_jobs_use()
    with embedded_worker(docwiz.app) as worker:
        yield worker


def _import_what_jobs_use() -> None:
    # Before there are threads: pytest's import hook compiles our modules, and in two threads
    # at once that can fail up to Python 3.11.8 and 3.12.2.
    # https://github.com/python/cpython/issues/106905
    import pkgutil
    from contextlib import suppress
    from importlib import import_module

    for name in ("celery_app", "jobs", "records", "store", "imaging", "renderers", "providers"):
        package = import_module(f"docwiz_tasks.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # What needs an extra that the host has not.
            with suppress(ImportError):
                import_module(module.name)
    for name in ("docwiz_tasks.typography", "docwiz_tasks.testing.sample"):
        import_module(name)


@pytest.fixture
def docwiz_case(docwiz: DocWiz) -> SampleCase:
    """Store a sample patient, photo, procedure and cost breakdown, and give them."""
    from docwiz_tasks.testing.sample import add_sample_case

    return add_sample_case(docwiz)


@pytest.fixture
def docwiz_emulator() -> Iterator[Emulator]:
    """Run Gemini and Freepik on loopback; their base URL is its ``url``."""
    from docwiz_tasks.testing.emulator import Emulator

    with Emulator() as emulator:
        yield emulator
