"""The Django example as its README says, with its own database, web service and worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from clinic import until
from host_processes import HostProcesses

from docwiz_tasks.testing.portrait import portrait

PASSWORD = "the tests' own"

ANOTHER_USER_AND_A_CASE = f"""
from django.contrib.auth.models import User
from consultations.models import CostBreakdown, Patient
User.objects.create_user("bob", password="{PASSWORD}")
anna = User.objects.get(username="anna")
patient = Patient.objects.create(owner=anna, name="Zoë", date_of_birth="1990-01-31")
fees = dict.fromkeys(["surgeon_fee", "facility_fee", "anesthesia_fee", "post_op_care"], 100)
CostBreakdown.objects.create(patient=patient, procedure_id="rhinoplasty",
    total_cost=400, patient_responsibility=400, **fees)
"""


@pytest.fixture
def host(redis_url: str, tmp_path: Path) -> Iterator[HostProcesses]:
    made = HostProcesses(
        "django_host",
        redis_url,
        tmp_path,
        DJANGO_DEBUG="1",
        DJANGO_DATABASE=str(tmp_path / "db.sqlite3"),
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    yield made
    made.stop()


def manage(host: HostProcesses, *command: str) -> None:
    ran = host.run("manage.py", *command)
    assert ran.returncode == 0, ran.stderr


def post(client: httpx.Client, page: str, to: str | None = None, **sent: object) -> httpx.Response:
    """Send a form as a browser does, with the token that its page gave."""
    client.get(page)
    headers = {"X-CSRFToken": client.cookies["csrftoken"]}
    answer = client.post(to or page, headers=headers, **sent)  # type: ignore[arg-type]
    assert answer.status_code == 200
    return answer


@contextmanager
def logged_in(host: HostProcesses, user: str) -> Iterator[httpx.Client]:
    with host.client() as client:
        post(client, "/login/", data={"username": user, "password": PASSWORD})
        yield client


def progress(client: httpx.Client, job: str) -> dict[str, object]:
    answer: dict[str, object] = client.get(f"{job}progress/").json()
    return answer


def test_it_goes_from_a_photo_to_a_report_and_shows_no_other_user_any_of_it(
    host: HostProcesses,
) -> None:
    manage(host, "migrate")
    superuser = ("--noinput", "--username", "anna", "--email", "anna@example.com")
    manage(host, "createsuperuser", *superuser)
    manage(host, "shell", "-c", ANOTHER_USER_AND_A_CASE)
    host.start("manage.py", "runserver", "--noreload", str(host.port))
    host.wait_for_web()
    with logged_in(host, "anna") as anna, logged_in(host, "bob") as bob:
        found = re.search(r'href="(/patients/\w+/)">Zoë', anna.get("/").text)
        assert found is not None
        patient = found[1]
        cancelled = post(anna, patient, f"{patient}report/").url.path
        assert "was cancelled" in post(anna, cancelled, f"{cancelled}cancel/").text
        assert progress(anna, cancelled)["state"] == "REVOKED"
        host.start("-m", "celery", "-A", "proj", "worker", "--loglevel=info", "--concurrency=1")
        photo = {"photo": ("me.jpg", portrait(), "image/jpeg")}
        page = post(anna, patient, f"{patient}photos/", files=photo).text
        image_id = re.search(r'<option value="([0-9a-f]{32})"', page)
        assert image_id is not None
        form = {"photo": image_id[1], "procedure": "rhinoplasty"}
        preview = post(anna, patient, f"{patient}preview/", data=form).url.path
        until(lambda: progress(anna, preview)["complete"], "the preview")
        assert progress(anna, preview)["success"] is True
        for name in ("before_image", "after_image"):
            picture = anna.get(f"{preview}files/{name}/")
            assert picture.headers["content-type"] in ("image/jpeg", "image/png")
        breakdown = re.search(r'<select name="costs".*?value="(\w+)"', anna.get(patient).text, re.S)
        assert breakdown is not None
        costs = post(anna, patient, f"{patient}costs/", data={"costs": breakdown[1]}).url.path
        report = post(anna, patient, f"{patient}report/").url.path
        for job, file in ((costs, "image"), (report, "file")):
            until(lambda job=job: progress(anna, job)["complete"], "its end")  # type: ignore[misc]
            assert anna.get(f"{job}files/{file}/").status_code == 200
        assert anna.get(f"{report}files/file/").content.startswith(b"%PDF")
        for path in (patient, preview, f"{preview}progress/", f"{report}files/file/"):
            assert bob.get(path).status_code == 404
            assert httpx.get(host.url + path).headers["location"].startswith("/login/")


def test_its_own_tests_pass(host: HostProcesses) -> None:
    ran = host.run("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert ran.returncode == 0, ran.stdout
