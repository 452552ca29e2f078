"""What is kept of finished jobs, and what an operator can do about jobs that were given up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import CliRunner
from clinic import until

from docwiz_tasks import DocWiz, JobEvent, JobNotFailed, hookimpl
from docwiz_tasks.commands.group import docwiz as commands
from docwiz_tasks.commands.host import NamedApp
from docwiz_tasks.testing.sample import SampleCase

SECONDS = 60

pytestmark = pytest.mark.usefixtures("docwiz_worker")


def run(docwiz: DocWiz, *words: str) -> str:
    host = NamedApp(None)
    host.__dict__["app"] = docwiz.app
    result = CliRunner().invoke(commands, words, obj=host)
    assert result.exit_code == 0, result.output
    return result.output


def working_data(docwiz: DocWiz, job_id: str) -> list[str]:
    return sorted(path.removeprefix(f"jobs/{job_id}/") for path in docwiz.store.list("jobs"))


class Listener:
    @hookimpl
    def docwiz_job_event(self, event: JobEvent) -> None:
        """Make it worth noting that the end was told."""


def test_pruning_keeps_results_pictures_records_and_that_the_end_was_told(
    docwiz: DocWiz, docwiz_case: SampleCase
) -> None:
    docwiz.plugins.manager.register(Listener())
    job = docwiz.visualize(docwiz_case.image_id, "rhinoplasty")
    result = job.result(SECONDS)
    until(lambda: docwiz.journal(job.id).read("told") is not None, "the telling")
    assert run(docwiz, "prune", "--older-than", "0s") == "1 jobs were pruned.\n"
    assert working_data(docwiz, job.id) == ["end.json", "request.json", "told.json"]
    assert job.status().result == result
    assert docwiz.open(result["after_image_url"]).read()
    assert docwiz.records.get("visualization", result["id"])


def test_pruning_removes_results_when_told_to(docwiz: DocWiz, docwiz_case: SampleCase) -> None:
    job = docwiz.visualize(docwiz_case.image_id, "rhinoplasty")
    result = job.result(SECONDS)
    run(docwiz, "prune", "--older-than", "0s", "--results")
    assert working_data(docwiz, job.id) == []
    assert docwiz.open(result["after_image_url"]).read()


def test_pruning_passes_over_young_and_unfinished_jobs(
    docwiz: DocWiz, docwiz_case: SampleCase
) -> None:
    docwiz.visualize(docwiz_case.image_id, "rhinoplasty").result(SECONDS)
    docwiz.journal("unfinished").submit("a task", {})
    assert docwiz.prune(timedelta(days=1)) == 0
    assert docwiz.prune(timedelta(0)) == 1
    assert docwiz.journal("unfinished").request()


def test_a_job_can_be_asked_for_again_after_pruning_and_is_the_same(
    docwiz: DocWiz, docwiz_case: SampleCase
) -> None:
    def ask() -> str:
        return docwiz.visualize(docwiz_case.image_id, "rhinoplasty", idempotency_key="k").id

    first = ask()
    result = docwiz.job(first).result(SECONDS)
    docwiz.prune(timedelta(0))
    assert ask() == first
    assert docwiz.job(first).result(SECONDS) == result


def test_only_a_failed_job_can_be_run_again(docwiz: DocWiz, docwiz_case: SampleCase) -> None:
    job = docwiz.visualize(docwiz_case.image_id, "rhinoplasty")
    job.result(SECONDS)
    with pytest.raises(JobNotFailed):
        job.retry()
