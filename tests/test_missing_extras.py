"""Without an extra a job says which line installs it, and all else goes on working."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from plugin_packages import host

from docwiz_tasks import ExtraMissing
from docwiz_tasks.testing.sample import add_sample_case

# Runs jobs in a process in which some libraries can't be imported.
RUN = """
import json, sys
store, missing, calls = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
sys.modules.update(dict.fromkeys(missing))
import celery
import docwiz_tasks
from docwiz_tasks.celery_app.embedded import embedded_worker
app = celery.Celery("host", broker="memory://", backend="cache+memory://")
docwiz = docwiz_tasks.register(
    app,
    docwiz_tasks.Settings(store_url=store, ai_provider="offline", image_provider="offline"),
)
with embedded_worker(app):
    jobs = [getattr(docwiz, name)(**arguments) for name, arguments in calls]
    ends = [list(job.watch(60))[-1] for job in jobs]
print(json.dumps([end.error for end in ends]))
"""

INSTALL = {extra: f"pip install 'docwiz-tasks[{extra}]'" for extra in ("images", "documents")}


def errors_of(
    folder: Path, missing: list[str], *wanted: tuple[str, dict[str, object]]
) -> list[dict[str, str] | None]:
    """Return how jobs on the sample case fail without the libraries in `missing`."""
    store = (folder / "store").as_uri()
    image_id = add_sample_case(host(store_url=store)).image_id
    calls = [
        (name, {"image_id": image_id, **given} if name in ("visualize", "compare") else given)
        for name, given in wanted
    ]
    done = subprocess.run(
        [sys.executable, "-c", RUN, store, json.dumps(missing), json.dumps(calls)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    errors: list[dict[str, str] | None] = json.loads(done.stdout)
    return errors


VISUALIZE: tuple[str, dict[str, object]] = ("visualize", {"procedure_id": "rhinoplasty"})
COMPARE: tuple[str, dict[str, object]] = ("compare", {"procedure_ids": ["rhinoplasty", "facelift"]})
INFOGRAPHIC: tuple[str, dict[str, object]] = ("infographic", {"cost_breakdown_id": "sample-costs"})


def export(format: str) -> tuple[str, dict[str, object]]:
    return "export", {"patient_id": "sample-patient", "format": format}


def test_jobs_that_make_pictures_need_the_images_extra(tmp_path: Path) -> None:
    for error in errors_of(tmp_path, ["PIL"], VISUALIZE, COMPARE, INFOGRAPHIC):
        assert error is not None
        assert error["code"] == "extra_missing"
        assert INSTALL["images"] in error["message"]


@pytest.mark.parametrize("missing", ["xhtml2pdf", "reportlab", "jinja2", "pypdf", "pypdfium2"])
def test_reports_need_the_documents_extra(tmp_path: Path, missing: str) -> None:
    for error in errors_of(tmp_path, [missing], export("pdf"), export("png"), export("jpeg")):
        assert error is not None
        assert error["code"] == "extra_missing"
        assert INSTALL["documents"] in error["message"]


def test_pictures_need_no_documents_extra(tmp_path: Path) -> None:
    missing = ["xhtml2pdf", "reportlab", "jinja2", "pypdf", "pypdfium2"]
    assert (
        errors_of(tmp_path, missing, VISUALIZE, COMPARE, INFOGRAPHIC, export("json")) == [None] * 4
    )


def test_the_fake_redis_needs_the_testing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from docwiz_tasks.testing.redis import fake_redis

    monkeypatch.setitem(sys.modules, "fakeredis", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'docwiz-tasks\[testing\]'"), fake_redis():
        pass
