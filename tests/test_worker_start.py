"""A worker that can't do what it consumes refuses to start, and says what to set."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
from celery import Celery
from plugin_files import write_plugin
from workers import TESTS, environment, worker

import docwiz_tasks
from docwiz_tasks.celery_app.embedded import embedded_worker

KEYED = """
import docwiz_tasks

def make(settings):
    raise docwiz_tasks.SettingsError("The provider 'keyed' needs a key: set KEYED_API_KEY.")

@docwiz_tasks.hookimpl
def docwiz_ai_providers():
    return {"keyed": make}
"""


def host(**settings: str) -> docwiz_tasks.DocWiz:
    app = Celery("host", broker="memory://", backend="cache+memory://", set_as_current=False)
    given = {"ai_provider": "offline", "image_provider": "offline", **settings}
    return docwiz_tasks.register(app, docwiz_tasks.Settings(store_url="memory://", **given))


def start(store: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Start a worker that is expected to refuse."""
    command = [sys.executable, "-m", "celery", "-A", "host_app", "worker", *options]
    return subprocess.run(
        command,
        env=environment("memory://", "cache+memory://", store, **env),
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def last_line(run: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in run.stderr
    assert "ready." not in run.stderr
    return run.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_a_worker_of_visualizations_needs_the_ai_provider(tmp_path: Path, pool: str) -> None:
    run = start(tmp_path, "-Q", "visualizations", "-P", pool, DOCWIZ_AI_PROVIDER="absent")
    assert run.returncode == 1
    said = last_line(run)
    assert said.startswith("Error: No plugin gives the AI provider 'absent'; there are: ")
    assert said.endswith(
        "offline. Set DOCWIZ_AI_PROVIDER to one of them, or install a plugin that gives it."
    )


def test_a_worker_of_exports_needs_the_image_provider(tmp_path: Path) -> None:
    run = start(tmp_path, "-Q", "exports", DOCWIZ_IMAGE_PROVIDER="absent")
    assert run.returncode == 1
    assert "DOCWIZ_IMAGE_PROVIDER" in last_line(run)


def test_a_worker_without_q_needs_both(tmp_path: Path) -> None:
    assert start(tmp_path, DOCWIZ_AI_PROVIDER="absent").returncode == 1
    assert start(tmp_path, DOCWIZ_IMAGE_PROVIDER="absent").returncode == 1


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    write_plugin(tmp_path, "keyed", KEYED)
    path = os.pathsep.join([str(TESTS), str(tmp_path)])
    run = start(tmp_path / "store", DOCWIZ_AI_PROVIDER="keyed", PYTHONPATH=path)
    assert run.returncode == 1
    assert last_line(run) == "Error: The provider 'keyed' needs a key: set KEYED_API_KEY."


def test_a_plugin_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    write_plugin(tmp_path, "broken", "raise RuntimeError")
    path = os.pathsep.join([str(TESTS), str(tmp_path)])
    run = start(tmp_path / "store", PYTHONPATH=path)
    assert run.returncode == 1
    assert "plugin 'broken' of broken-docwiz can't be loaded" in last_line(run)


@pytest.mark.parametrize(
    ("queue", "lacks"),
    [
        ("host", {"DOCWIZ_AI_PROVIDER": "absent", "DOCWIZ_IMAGE_PROVIDER": "absent"}),
        ("visualizations", {"DOCWIZ_IMAGE_PROVIDER": "absent"}),
        ("exports", {"DOCWIZ_AI_PROVIDER": "absent"}),
    ],
)
def test_a_worker_needs_only_what_its_queues_need(
    tmp_path: Path, queue: str, lacks: dict[str, str]
) -> None:
    env = environment("memory://", "cache+memory://", tmp_path / "store", **lacks)
    with worker(env, tmp_path / "log", "-Q", queue, "-P", "solo"):
        pass


def test_queues_by_other_names_are_checked_too(tmp_path: Path) -> None:
    lacks = {"DOCWIZ_AI_PROVIDER": "absent", "DOCWIZ_VISUALIZATIONS_QUEUE": "previews"}
    run = start(tmp_path, "-Q", "previews", **lacks)
    assert "DOCWIZ_AI_PROVIDER" in last_line(run)


def test_an_embedded_worker_gets_our_error() -> None:
    docwiz = host(ai_provider="absent")
    with pytest.raises(docwiz_tasks.UnknownPlugin, match="absent"), embedded_worker(docwiz.app):
        pass


def test_other_apps_of_the_process_are_not_checked() -> None:
    host(ai_provider="absent")
    other = Celery("other", broker="memory://", backend="cache+memory://", set_as_current=False)
    with embedded_worker(other) as running:
        assert not [name for name in running.blueprint.steps if "docwiz" in name]


def test_what_the_check_makes_is_thrown_away() -> None:
    class Provider:
        async def edit_image(self, request: object) -> None: ...

    class Plugin:
        @docwiz_tasks.hookimpl
        def docwiz_ai_providers(self) -> dict[str, object]:
            return {"watched": make}

    made: list[weakref.ref[Provider]] = []

    def make(_settings: object) -> Provider:
        provider = Provider()
        made.append(weakref.ref(provider))
        return provider

    docwiz = host(ai_provider="watched")
    docwiz.plugins.manager.register(Plugin())
    with embedded_worker(docwiz.app):
        gc.collect()
        assert [provider() for provider in made] == [None]
