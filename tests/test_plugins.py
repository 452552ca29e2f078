"""Plugins are found, loaded and asked as promised, and a bad one is named."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from celery import Celery
from plugin_packages import Packages, host, working_host

from docwiz_tasks import (
    ArtworkRequest,
    DocWizError,
    GeneratedImage,
    JobEvent,
    JobStatus,
    PluginError,
    Records,
    Settings,
    SettingsError,
    UnknownPlugin,
    hookimpl,
)
from docwiz_tasks.models import Record
from docwiz_tasks.providers.offline import OfflineImageProvider

SECONDS = 60
SECRET = "Zanzibar-4711"
PATIENT = {"id": "ada", "name": "Ada Example", "date_of_birth": "1991-04-23"}


class Gallery:
    """Gives an image provider, named as the test says."""

    def __init__(self, provider: object, name: str = "gallery") -> None:
        self._providers = {name: lambda settings: provider}

    @hookimpl
    def docwiz_image_providers(self) -> Mapping[str, Callable[[Settings], object]]:
        return self._providers


class Listener:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[JobEvent] = []
        self.ended = threading.Event()

    @hookimpl
    def docwiz_job_event(self, event: JobEvent) -> None:
        self.heard.append(event)
        if event.kind in ("succeeded", "failed", "cancelled"):
            self.ended.set()


class Defaults:
    """Gives default settings."""

    def __init__(self, **values: object) -> None:
        self._values = values

    @hookimpl
    def docwiz_settings(self) -> Mapping[str, object]:
        return self._values


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    return Packages(tmp_path, monkeypatch)


def image_provider_of(**changed: object) -> object:
    docwiz = host(**changed)
    return docwiz.plugins.image_provider(docwiz.settings)


def drawn(app: Celery, provider: object, packages: Packages, **changed: object) -> JobStatus:
    """Let a provider make the artwork of an infographic and return how the job ended."""
    packages.install(Gallery(provider), name="gallery")
    with working_host(app, image_provider="gallery", **changed) as (docwiz, case):
        *_, last = docwiz.infographic(case.cost_breakdown_id).watch(SECONDS)
    return last


def test_what_is_built_in_comes_through_the_hooks() -> None:
    hooks = host(plugins="none").plugins.manager.hook
    assert "offline" in hooks.docwiz_ai_providers()[0]
    assert "offline" in hooks.docwiz_image_providers()[0]
    assert set(hooks.docwiz_export_renderers()[0]) == {"pdf", "png", "jpeg", "json"}


def test_an_installed_plugin_gives_its_provider(packages: Packages) -> None:
    provider = object()
    packages.install(Gallery(provider), name="gallery")
    assert image_provider_of(image_provider="gallery") is provider


@pytest.mark.parametrize(
    "source", [None, f"raise RuntimeError('{SECRET}')", "plugin_is_missing = 1", "syntax error"]
)
def test_a_plugin_that_cannot_be_loaded_is_named(
    packages: Packages, tmp_path: Path, source: str | None
) -> None:
    packages.install_entry("broken = broken_docwiz_plugin:plugin", "broken-docwiz")
    if source is not None:
        (tmp_path / "broken-docwiz" / "broken_docwiz_plugin.py").write_text(source)
    with pytest.raises(PluginError, match=r"'broken' of broken-docwiz") as failure:
        assert host().settings
    assert SECRET not in str(failure.value)


def test_a_hook_that_does_not_exist_is_named_with_its_plugin(packages: Packages) -> None:
    class Misspelt:
        @hookimpl
        def docwiz_ai_provider(self) -> None: ...

    packages.install(Misspelt(), "misspelt-docwiz", name="misspelt")
    with pytest.raises(PluginError, match=r"'misspelt' of misspelt-docwiz") as failure:
        assert host().settings
    assert "docwiz_ai_provider" in str(failure.value)


def test_a_hook_with_an_argument_that_does_not_exist_is_named_with_its_plugin(
    packages: Packages,
) -> None:
    class Misspelt:
        @hookimpl
        def docwiz_job_event(self, evnt: JobEvent) -> None: ...

    packages.install(Misspelt(), "misspelt-docwiz", name="misspelt")
    with pytest.raises(PluginError, match=r"'misspelt' of misspelt-docwiz"):
        assert host().settings


def test_two_plugins_that_give_one_name_are_both_named(packages: Packages) -> None:
    packages.install(Gallery(object()), "one-docwiz", name="one")
    packages.install(Gallery(object()), "two-docwiz", name="two")
    with pytest.raises(PluginError, match="'gallery'") as failure:
        image_provider_of(image_provider="gallery")
    for name in ("one (one-docwiz)", "two (two-docwiz)"):
        assert name in str(failure.value)


def test_a_plugin_that_gives_a_built_in_name_is_named(packages: Packages) -> None:
    packages.install(Gallery(object(), "offline"), "one-docwiz", name="one")
    with pytest.raises(PluginError, match=r"'offline'.*docwiz-tasks.*one \(one-docwiz\)"):
        image_provider_of()


def test_two_entry_points_of_one_name_are_both_named(packages: Packages) -> None:
    packages.install(Gallery(object()), "one-docwiz", name="same")
    packages.install(Gallery(object()), "two-docwiz", name="same")
    with pytest.raises(PluginError, match="'same'") as failure:
        assert host().settings
    for name in ("one-docwiz", "two-docwiz"):
        assert name in str(failure.value)


def test_a_plugin_that_the_host_registers_itself_is_shown_as_the_hosts() -> None:
    docwiz = host()
    docwiz.plugins.manager.register(Defaults(exports_queue="paper"), name="clinic")
    [*_, last] = docwiz.plugins.summaries()
    assert (last.name, last.distribution, last.version) == ("clinic", "the host itself", "")
    assert docwiz.settings.exports_queue == "paper"


def test_plugins_none_loads_none(packages: Packages, monkeypatch: pytest.MonkeyPatch) -> None:
    packages.install_entry("broken = broken_docwiz_plugin", "broken-docwiz")
    monkeypatch.setenv("DOCWIZ_PLUGINS", "none")
    assert host().plugins.formats(Settings()) == ("jpeg", "json", "pdf", "png")


def test_plugins_limits_which_are_loaded(
    packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages.install_entry("broken = broken_docwiz_plugin", "broken-docwiz")
    packages.install(Gallery(provider := object()), name="gallery")
    monkeypatch.setenv("DOCWIZ_PLUGINS", "gallery")
    assert image_provider_of(image_provider="gallery") is provider


def test_a_plugin_that_is_asked_for_and_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCWIZ_PLUGINS", "galery")
    with pytest.raises(UnknownPlugin, match="galery"):
        assert host().settings


def test_a_provider_that_nobody_gives_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownPlugin, match=r"'galery'.*offline"):
        image_provider_of(image_provider="galery")


def test_a_hosts_defaults_are_weaker_than_the_environment_and_arguments(
    packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = {"visualizations_queue": "plugin", "exports_queue": "plugin", "max_deliveries": 7}
    packages.install(Defaults(**defaults, freepik_api_key="plugin"), name="defaults")
    monkeypatch.setenv("DOCWIZ_EXPORTS_QUEUE", "environment")
    monkeypatch.setenv("FREEPIK_API_KEY", "environment")
    settings = host(visualizations_queue="argument").settings
    assert settings.visualizations_queue == "argument"
    assert settings.exports_queue == "environment"
    assert settings.freepik_api_key is not None
    assert settings.freepik_api_key.get_secret_value() == "environment"
    assert settings.max_deliveries == 7


def test_a_default_that_is_not_allowed_is_an_error_without_its_value(packages: Packages) -> None:
    packages.install(Defaults(max_deliveries=SECRET), name="defaults")
    with pytest.raises(SettingsError, match="max_deliveries") as failure:
        assert host().settings
    assert SECRET not in str(failure.value)


def test_a_hosts_records_take_the_place_of_the_stores(packages: Packages) -> None:
    class HostRecords:
        def get(self, kind: str, id: str) -> Record | None:
            return None

        def put(self, kind: str, document: Record | Mapping[str, object]) -> Record:
            raise NotImplementedError

        def find(self, kind: str, patient_id: str) -> Sequence[Record]:
            return []

    class HostPlugin:
        @hookimpl
        def docwiz_records(self, settings: Settings) -> Records:
            assert settings.store_url == "memory://"
            return records

    records = HostRecords()
    packages.install(HostPlugin(), name="host")
    docwiz = host()
    assert docwiz.records is records
    with pytest.raises(DocWizError) as refusal:
        docwiz.export("ada")
    assert refusal.value.code == "patient_unknown"


def test_a_plugin_hears_of_submission_start_steps_and_end_in_order(
    docwiz_app: Celery, packages: Packages
) -> None:
    packages.install(listener := Listener(), name="listener")
    with working_host(docwiz_app) as (docwiz, case):
        job = docwiz.infographic(case.cost_breakdown_id)
        assert listener.ended.wait(SECONDS)
    steps = ["check", "artwork", "draw", "finish"]
    assert [(e.kind, e.step) for e in listener.heard] == [
        ("submitted", None),
        ("started", None),
        *(("step", step) for step in steps),
        ("succeeded", None),
    ]
    assert [e.progress for e in listener.heard] == [0, 0, 20, 60, 90, 100, 100]
    assert [e.attempt for e in listener.heard] == [0, *[1] * 6]
    task = "docwiz_tasks.generate_cost_infographic_task"
    assert {(e.job_id, e.task, e.queue) for e in listener.heard} == {(job.id, task, "exports")}
    assert [e.at for e in listener.heard] == sorted(e.at for e in listener.heard)


def test_a_plugin_hears_a_failures_code(docwiz_app: Celery, packages: Packages) -> None:
    packages.install(listener := Listener(), name="listener")
    with working_host(docwiz_app) as (docwiz, _):
        docwiz.app.send_task("docwiz_tasks.generate_cost_infographic_task", ["nothing"])
        assert listener.ended.wait(SECONDS)
    assert [(e.kind, e.error_code) for e in listener.heard] == [
        ("started", None),
        ("failed", "cost_breakdown_unknown"),
    ]


def test_a_listener_that_raises_fails_no_job_and_keeps_nobody_from_hearing(
    docwiz_app: Celery, packages: Packages, caplog: pytest.LogCaptureFixture
) -> None:
    class Raising:
        @hookimpl
        def docwiz_job_event(self, event: JobEvent) -> None:
            raise RuntimeError(SECRET)

    early, late = Listener(), Listener()
    packages.install(early, "a-docwiz", name="a")
    packages.install(Raising(), "raising-docwiz", name="raising")
    packages.install(late, "z-docwiz", name="z")
    with working_host(docwiz_app) as (docwiz, case):
        assert docwiz.infographic(case.cost_breakdown_id).result(SECONDS)
        assert early.ended.wait(SECONDS)
        assert late.ended.wait(SECONDS)
    assert early.heard == late.heard
    assert "raising (raising-docwiz)" in caplog.text
    assert SECRET not in caplog.text


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError(SECRET)


ODD = {
    "ValueError": ValueError(SECRET),
    "Unprintable": Unprintable(SECRET),
    "TimeoutError": TimeoutError(SECRET),
    "StopIteration": StopIteration(SECRET),
    "ExceptionGroup": ExceptionGroup(SECRET, [ValueError(SECRET)]),
    "CancelledError": asyncio.CancelledError(SECRET),
}


@pytest.mark.parametrize("error", ODD.values(), ids=ODD)
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "async"])
def test_whatever_a_provider_raises_fails_the_job_naming_it_without_its_text(
    docwiz_app: Celery,
    packages: Packages,
    caplog: pytest.LogCaptureFixture,
    error: BaseException,
    plain: bool,
) -> None:
    class Plain:
        def create_artwork(self, request: ArtworkRequest) -> GeneratedImage:
            raise error

    class Async:
        async def create_artwork(self, request: ArtworkRequest) -> GeneratedImage:
            raise error

    status = drawn(docwiz_app, Plain() if plain else Async(), packages)
    assert status.error is not None
    assert status.error["code"] == "provider_failed"
    assert "'gallery'" in status.error["message"]
    assert SECRET not in str(status)
    assert SECRET not in caplog.text


@pytest.mark.parametrize("answer", [None, b"picture", GeneratedImage(b"no picture", "a/b", "m")])
def test_whatever_else_a_provider_answers_fails_the_job_naming_it(
    docwiz_app: Celery, packages: Packages, answer: object
) -> None:
    class Odd:
        async def create_artwork(self, request: ArtworkRequest) -> object:
            return answer

    status = drawn(docwiz_app, Odd(), packages)
    assert status.error is not None
    assert (status.error["code"], "'gallery'" in status.error["message"]) == (
        "provider_failed",
        True,
    )


def test_a_plain_method_runs_in_a_thread_of_its_own(docwiz_app: Celery, packages: Packages) -> None:
    class Plain(OfflineImageProvider):
        def create_artwork(self, request: ArtworkRequest) -> GeneratedImage:
            with pytest.raises(RuntimeError, match="no running event loop"):
                asyncio.get_running_loop()
            return super().create_artwork(request)

    status = drawn(docwiz_app, Plain(Settings()), packages)
    assert status.result is not None, status.error
    assert status.result["artwork_provider"] == "gallery"


def test_a_plain_method_that_does_not_answer_in_time_is_not_waited_for(
    docwiz_app: Celery, packages: Packages
) -> None:
    class Stuck:
        def create_artwork(self, request: ArtworkRequest) -> None:
            freed.wait(SECONDS)

    freed = threading.Event()
    try:
        status = drawn(docwiz_app, Stuck(), packages, provider_timeout_seconds=0.1)
        assert status.error is not None
        assert status.error["code"] == "provider_unavailable"
    finally:
        freed.set()


def test_an_async_method_runs_in_the_jobs_event_loop(
    docwiz_app: Celery, packages: Packages
) -> None:
    class Async:
        async def create_artwork(self, request: ArtworkRequest) -> GeneratedImage:
            await asyncio.sleep(0)
            return OfflineImageProvider(Settings()).create_artwork(request)

    status = drawn(docwiz_app, Async(), packages)
    assert status.successful, status.error


def test_two_apps_have_their_plugins_apart(packages: Packages) -> None:
    one, two = Listener(), Listener()
    packages.install(one, "one-docwiz", name="one")
    packages.install(two, "two-docwiz", name="two")
    hosts = host(plugins="one"), host(plugins="two")
    for docwiz in hosts:
        docwiz.records.put("patient", PATIENT)
        docwiz.export("ada")
    assert [len(listener.heard) for listener in (one, two)] == [1, 1]
    assert one.heard[0].job_id != two.heard[0].job_id
