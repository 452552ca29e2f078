"""The commands of a host's app, as ``celery docwiz`` and as ``docwiz-tasks``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery
from click.testing import CliRunner, Result
from plugin_files import write_plugin
from workers import TESTS, environment, worker

import docwiz_tasks
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.celery_app.registration import registered
from docwiz_tasks.commands.group import docwiz as group
from docwiz_tasks.testing.sample import SampleCase, add_sample_case

COMMANDS = {
    "doctor", "plugins", "add-image", "visualize", "compare", "export", "infographic",
    "status", "watch", "cancel", "dead", "retry", "prune", "reindex",
}  # fmt: skip
BIN = Path(sys.executable).parent
ENTRIES = {
    "celery": [str(BIN / "celery"), "-A", "host_app", "docwiz"],
    "docwiz-tasks": [str(BIN / "docwiz-tasks"), "--app", "host_app"],
}


@pytest.fixture
def host(tmp_path: Path) -> docwiz_tasks.DocWiz:
    app = Celery("host", broker="memory://", backend="cache+memory://", set_as_current=False)
    settings = docwiz_tasks.Settings(
        store_url=(tmp_path / "store").as_uri(), ai_provider="offline", image_provider="offline"
    )
    return docwiz_tasks.register(app, settings)


@pytest.fixture
def case(host: docwiz_tasks.DocWiz) -> SampleCase:
    return add_sample_case(host)


@pytest.fixture
def at_work(host: docwiz_tasks.DocWiz) -> Iterator[None]:
    with embedded_worker(host.app):
        yield


def run(host: docwiz_tasks.DocWiz, *arguments: str) -> Result:
    """Run a command on the host's app as celery does, which passes it in the context."""
    result = CliRunner().invoke(group, arguments, obj=SimpleNamespace(app=host.app))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def shell(
    entry: str, *arguments: str, env: dict[str, str], folder: Path = TESTS
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ENTRIES[entry], *arguments],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("entry", ENTRIES)
def test_both_entries_have_all_commands(tmp_path: Path, entry: str) -> None:
    env = environment("memory://", "cache+memory://", tmp_path)
    text = shell(entry, "--help", env=env).stdout
    listed = {line.split()[0] for line in text.partition("Commands:")[2].strip().splitlines()}
    assert listed - {"demo", "emulator", "serve"} == COMMANDS


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_app_is_found_in_the_current_folder(tmp_path: Path, entry: str) -> None:
    # Not by PYTHONPATH: the folder is the only way to it.
    env = environment("memory://", "cache+memory://", tmp_path, PYTHONPATH="")
    ran = shell(entry, "status", "nobody", env=env)
    assert (ran.returncode, json.loads(ran.stdout)["state"]) == (1, "UNKNOWN")


@pytest.mark.parametrize("entry", ENTRIES)
def test_our_errors_are_one_sentence_and_status_1(tmp_path: Path, entry: str) -> None:
    env = environment("memory://", "cache+memory://", tmp_path)
    ran = shell(entry, "visualize", "nothing", "rhinoplasty", env=env)
    assert (ran.returncode, ran.stdout) == (1, "")
    [line] = ran.stderr.strip().splitlines()
    assert line.startswith("Error (image_unknown): ")


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_app_that_is_not_registered_is_told_to(tmp_path: Path, entry: str) -> None:
    (tmp_path / "host_app.py").write_text("import celery\napp = celery.Celery()\n")
    env = environment("memory://", "cache+memory://", tmp_path, PYTHONPATH="")
    ran = shell(entry, "doctor", env=env, folder=tmp_path)
    assert ran.returncode == 1
    [line] = ran.stderr.strip().splitlines()
    assert line.startswith("Error (app_not_registered): ")
    assert "docwiz_tasks.register(app)" in line


@pytest.mark.parametrize("down", ["broker", "backend"])
@pytest.mark.parametrize("entry", ENTRIES)
def test_a_submission_that_nobody_takes_is_one_sentence_and_status_1(
    tmp_path: Path, case: SampleCase, entry: str, down: str
) -> None:
    urls = {"broker": "memory://", "backend": "cache+memory://", down: "redis://127.0.0.1:1/0"}
    env = environment(urls["broker"], urls["backend"], tmp_path / "store")
    ran = shell(entry, "visualize", case.image_id, "rhinoplasty", env=env)
    assert ran.returncode == 1
    [line] = ran.stderr.strip().splitlines()
    assert line.startswith("Error (submission_failed): ")


def test_a_result_backend_that_is_down_does_not_hide_a_job(
    tmp_path: Path, host: docwiz_tasks.DocWiz, case: SampleCase, at_work: None
) -> None:
    job = host.visualize(case.image_id, "rhinoplasty")
    job.result(60)
    env = environment("memory://", "redis://127.0.0.1:1/0", tmp_path / "store")
    for command in ("status", "watch"):
        ran = shell("celery", command, job.id, env=env)
        assert ran.returncode == 0
        assert "SUCCESS" in ran.stdout


@pytest.mark.parametrize("app", ["no_such_module", "workers", "json:dumps"])
def test_an_app_that_is_not_there_is_one_sentence(tmp_path: Path, app: str) -> None:
    env = environment("memory://", "cache+memory://", tmp_path)
    command = [str(BIN / "docwiz-tasks"), "--app", app, "doctor"]
    ran = subprocess.run(
        command, env=env, cwd=TESTS, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 1
    [line] = ran.stderr.strip().splitlines()
    assert app in line


def test_an_app_has_to_be_named() -> None:
    ran = subprocess.run(
        [str(BIN / "docwiz-tasks"), "doctor"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "--app HOST" in ran.stderr


def test_registered_gives_the_docwiz_of_an_app(host: docwiz_tasks.DocWiz) -> None:
    assert registered(host.app) is host
    with pytest.raises(docwiz_tasks.AppNotRegistered):
        registered(Celery("other", set_as_current=False))


def test_add_image_prints_the_image_id(
    host: docwiz_tasks.DocWiz, case: SampleCase, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(case.photo)
    ran = run(host, "add-image", str(photo))
    assert ran.exit_code == 0
    assert host.visualize(ran.stdout.strip(), "rhinoplasty").status().state == "PENDING"


def test_add_image_refuses_what_is_no_photo(host: docwiz_tasks.DocWiz, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("no photo")
    ran = run(host, "add-image", str(tmp_path / "photo.jpg"))
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("Error (photo_invalid): ")


def submissions(case: SampleCase) -> dict[str, list[str]]:
    return {
        "visualize": [case.image_id, "rhinoplasty", "--patient", case.patient_id],
        "compare": [case.image_id, "otoplasty", "facelift"],
        "export": [case.patient_id, "--format", "json"],
        "infographic": [case.cost_breakdown_id, "--format", "jpeg"],
    }


@pytest.mark.parametrize("command", ["visualize", "compare", "export", "infographic"])
def test_submitting_prints_the_jobs_id(
    host: docwiz_tasks.DocWiz, case: SampleCase, command: str
) -> None:
    ran = run(host, command, *submissions(case)[command])
    assert ran.exit_code == 0
    assert host.job(ran.stdout.strip()).status().state == "PENDING"


@pytest.mark.usefixtures("at_work")
@pytest.mark.parametrize("command", ["visualize", "compare", "export", "infographic"])
def test_wait_prints_the_result_as_json(
    host: docwiz_tasks.DocWiz, case: SampleCase, command: str
) -> None:
    ran = run(host, command, *submissions(case)[command], "--wait", "--timeout", "60")
    assert ran.exit_code == 0, ran.stderr
    job_id = ran.stderr.split()[0]
    assert json.loads(ran.stdout) == host.job(job_id).result(timeout=1)


@pytest.mark.usefixtures("at_work")
def test_options_of_a_report_reach_it(host: docwiz_tasks.DocWiz, case: SampleCase) -> None:
    options = ["--format", "json", "--shareable", "--without-cost-estimates", "--wait"]
    ran = run(host, "export", case.patient_id, *options)
    result = json.loads(ran.stdout)
    assert (result["shareable"], result["format"]) == (True, "json")
    with host.open(result["file_url"]) as file:
        assert b"11,200" not in file.read()


@pytest.mark.usefixtures("at_work")
def test_waiting_for_a_job_that_fails_is_status_1(
    host: docwiz_tasks.DocWiz, case: SampleCase
) -> None:
    # A character that no font here has: known only when the report is set.
    host.records.put("patient", case.patient.model_copy(update={"name": "漢"}))
    ran = run(host, "export", case.patient_id, "--wait")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[-1].startswith("Error (render_failed): ")


def test_waiting_ends_with_the_timeout_and_the_job_goes_on(
    host: docwiz_tasks.DocWiz, case: SampleCase
) -> None:
    ran = run(host, "infographic", case.cost_breakdown_id, "--wait", "--timeout", "0.2")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[-1].startswith("Error (wait_timeout): ")
    assert host.job(ran.stderr.split()[0]).status().state == "PENDING"


def test_the_same_key_gives_the_same_job(host: docwiz_tasks.DocWiz, case: SampleCase) -> None:
    command = ["infographic", case.cost_breakdown_id, "--idempotency-key", "visit-1"]
    assert run(host, *command).stdout == run(host, *command).stdout


def test_status_prints_the_status_as_json(host: docwiz_tasks.DocWiz, case: SampleCase) -> None:
    job = host.infographic(case.cost_breakdown_id)
    ran = run(host, "status", job.id)
    assert ran.exit_code == 0
    assert json.loads(ran.stdout) == job.status().model_dump(mode="json")


@pytest.mark.parametrize("command", ["status", "watch", "cancel"])
@pytest.mark.parametrize("job_id", ["nobody-submitted-it", "../../etc"])
def test_an_unknown_job_is_status_1(host: docwiz_tasks.DocWiz, command: str, job_id: str) -> None:
    assert run(host, command, job_id).exit_code == 1


@pytest.mark.usefixtures("at_work")
def test_watch_prints_each_change_to_the_end(host: docwiz_tasks.DocWiz, case: SampleCase) -> None:
    job = host.infographic(case.cost_breakdown_id)
    ran = run(host, "watch", job.id, "--json")
    seen = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.exit_code == 0
    assert seen[-1]["result"] == job.result(timeout=1)
    assert [one["progress"] for one in seen] == sorted(one["progress"] for one in seen)
    assert "100 %  SUCCESS" in run(host, "watch", job.id).stdout


def test_watching_a_job_that_is_cancelled_is_status_1(
    host: docwiz_tasks.DocWiz, case: SampleCase
) -> None:
    job = host.infographic(case.cost_breakdown_id)
    assert run(host, "cancel", job.id).exit_code == 0
    assert job.status().state == "REVOKED"
    assert run(host, "watch", job.id).exit_code == 1


@pytest.mark.usefixtures("at_work")
def test_cancelling_a_job_that_has_ended_says_so(
    host: docwiz_tasks.DocWiz, case: SampleCase
) -> None:
    job = host.infographic(case.cost_breakdown_id)
    job.result(timeout=60)
    ran = run(host, "cancel", job.id)
    assert ran.exit_code == 1
    assert "SUCCESS" in ran.stderr


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_main_job_can_be_done_from_a_shell(
    redis_url: str, tmp_path: Path, case: SampleCase, entry: str
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(case.photo)
    env = environment(redis_url, redis_url, tmp_path / "store")
    with worker(env, tmp_path / "log", "--concurrency=1"):
        image_id = shell(entry, "add-image", str(photo), env=env).stdout.strip()
        waited = shell(entry, "visualize", image_id, "rhinoplasty", "--wait", env=env)
        job_id = shell(entry, "export", case.patient_id, env=env).stdout.strip()
        watched = shell(entry, "watch", job_id, env=env)
    assert (waited.returncode, watched.returncode) == (0, 0), waited.stderr + watched.stderr
    assert json.loads(waited.stdout)["procedure_id"] == "rhinoplasty"
    assert "100 %" in watched.stdout.splitlines()[-1]


LISTENER = """
import docwiz_tasks

class Provider:
    async def edit_image(self, request): ...

def unmade(settings):
    raise docwiz_tasks.SettingsError("no key")

@docwiz_tasks.hookimpl
def docwiz_ai_providers():
    return {"plain": lambda settings: Provider(), "unmade": unmade}

@docwiz_tasks.hookimpl
def docwiz_job_event(event): ...
"""


def test_plugins_shows_each_plugin_and_what_it_gives(
    host: docwiz_tasks.DocWiz, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_plugin(tmp_path, "clinic", LISTENER)
    monkeypatch.syspath_prepend(tmp_path)
    ran = run(host, "plugins")
    assert ran.exit_code == 0
    lines = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    version = docwiz_tasks.__version__
    assert lines[0] == "PLUGIN DISTRIBUTION VERSION GIVES"
    assert lines[1].startswith(f"docwiz-tasks docwiz-tasks {version} AI provider gemini ")
    assert "AI provider offline (chosen, has embed_image)" in lines
    assert "image provider offline (chosen)" in lines
    assert "renderer pdf (chosen)" in lines
    assert lines[-3:] == [
        "clinic clinic-docwiz 1.2 AI provider plain (no embed_image)",
        "AI provider unmade (can't be made as set up now,"
        " so whether it has embed_image isn't known)",
        "listens to job events",
    ]


def test_plugins_says_when_the_settings_choose_what_is_not_there() -> None:
    app = Celery("host", set_as_current=False)
    settings = docwiz_tasks.Settings(
        ai_provider="absent", image_provider="offline", renderers=("pdf",)
    )
    ran = run(docwiz_tasks.register(app, settings), "plugins")
    assert "No plugin gives the AI provider 'absent' that DOCWIZ_AI_PROVIDER chooses." in ran.stdout
    assert "renderer json\n" in ran.stdout


@pytest.mark.parametrize("entry", ENTRIES)
def test_doctor_is_status_1_if_there_is_a_problem(tmp_path: Path, entry: str) -> None:
    env = environment("memory://", "cache+memory://", tmp_path / "store")
    well = shell(entry, "doctor", env=env)
    assert well.returncode == 0
    assert not [line for line in well.stdout.splitlines() if line.startswith("problem")]
    ill = shell(entry, "doctor", env={**env, "DOCWIZ_AI_PROVIDER": "absent"})
    assert ill.returncode == 1
    [line] = [line for line in ill.stdout.splitlines() if line.startswith("problem")]
    assert "DOCWIZ_AI_PROVIDER" in line


def test_celery_lists_the_group_among_its_commands(tmp_path: Path) -> None:
    env = environment("memory://", "cache+memory://", tmp_path)
    ran = subprocess.run(
        [str(BIN / "celery"), "-A", "host_app", "--help"],
        env=env,
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "docwiz" in ran.stdout
    assert "could not load plugin" not in ran.stdout
