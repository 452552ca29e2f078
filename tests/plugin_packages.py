"""Installed plugins, made for one test, and a host that has them loaded."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery

import docwiz_tasks
from docwiz_tasks import DocWiz, Settings
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.testing.sample import SampleCase, add_sample_case


class Packages:
    """Puts distributions with plugins on the import path."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch

    def install(self, plugin: object, distribution: str = "clinic-docwiz", *, name: str) -> None:
        """Make a distribution whose entry point `name` loads `plugin`."""
        module = types.ModuleType(distribution.replace("-", "_"))
        vars(module)["plugin"] = plugin
        self._monkeypatch.setitem(sys.modules, module.__name__, module)
        self.install_entry(f"{name} = {module.__name__}:plugin", distribution)

    def install_entry(self, entry: str, distribution: str) -> None:
        """Make a distribution with this entry point, wherever it leads."""
        site = self._folder / distribution
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_text(f"[docwiz_tasks]\n{entry}\n")
        self._monkeypatch.syspath_prepend(site)
        importlib.invalidate_caches()


def host(app: Celery | None = None, **changed: object) -> DocWiz:
    """Register on an app, with the offline providers where nothing else is said."""
    values: dict[str, object] = {"ai_provider": "offline", "image_provider": "offline"}
    app = app or Celery("host", broker="memory://", set_as_current=False)
    settings = Settings(**{"store_url": "memory://", **values, **changed})
    return docwiz_tasks.register(app, settings)


@contextmanager
def working_host(app: Celery, **changed: object) -> Iterator[tuple[DocWiz, SampleCase]]:
    """Register on an app, run a worker of it, and store the sample case."""
    docwiz = host(app, **changed)
    with embedded_worker(app):
        yield docwiz, add_sample_case(docwiz)
