"""The Flask example as its README says, with its web service and worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from clinic import until
from host_processes import HostProcesses

from docwiz_tasks.testing.portrait import portrait

PASSWORD = "the tests' own"


@pytest.fixture
def host(redis_url: str, tmp_path: Path) -> Iterator[HostProcesses]:
    instance = str(tmp_path / "instance")
    made = HostProcesses(
        "flask_host", redis_url, tmp_path, CLINIC_INSTANCE=instance, CLINIC_SECRET="a secret"
    )
    yield made
    made.stop()


def flask(*command: str) -> tuple[str, ...]:
    return ("-m", "flask", "--app", "clinic", *command)


def test_it_goes_from_a_photo_to_a_picture_and_shows_no_other_user_any_of_it(
    host: HostProcesses,
) -> None:
    for user in ("anna", "bob"):
        ran = host.run(*flask("auth", "add-user", user, "--password", PASSWORD))
        assert ran.returncode == 0, ran.stderr
    host.start(*flask("run", "--port", str(host.port)))
    host.wait_for_web()
    with host.client() as anna, host.client() as bob:
        for user, client in (("anna", anna), ("bob", bob)):
            client.post("/login", data={"name": user, "password": PASSWORD})
        page = anna.post("/photos", files={"photo": ("me.jpg", portrait(), "image/jpeg")}).text
        image_id = re.search(r'<option value="([0-9a-f]{32})"', page)
        assert image_id is not None
        wanted = {"image_id": image_id[1], "procedure_id": "rhinoplasty"}
        cancelled = anna.post("/previews", data=wanted).url.path
        assert "was cancelled" in anna.post(f"{cancelled}/cancel").text
        host.start(
            "-m", "celery", "-A", "make_celery", "worker", "--loglevel=info", "--concurrency=1"
        )
        job = anna.post("/previews", data=wanted).url.path
        until(lambda: anna.get(f"{job}/status").json()["ready"], "its end")
        assert anna.get(f"{job}/status").json()["result"]["procedure_id"] == "rhinoplasty"
        assert anna.get(f"{cancelled}/status").json()["state"] == "REVOKED"
        file = f"{job}/files/after_image"
        assert anna.get(file).headers["content-type"].startswith("image/")
        for path in (job, f"{job}/status", file):
            assert bob.get(path).status_code == 404
            assert httpx.get(host.url + path).headers["location"] == "/login"


def test_its_own_tests_pass(host: HostProcesses) -> None:
    ran = host.run("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert ran.returncode == 0, ran.stdout
