"""The FastAPI example as its README says: a web service and a worker as processes of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from example_host import Host, submitted
from websockets.sync.client import connect

from docwiz_tasks.testing.portrait import portrait


@pytest.fixture
def host(redis_url: str, tmp_path: Path) -> Iterator[Host]:
    made = Host(redis_url, tmp_path, CLINIC_SECRET="a secret of the test's")
    yield made
    made.stop()


def test_a_user_watches_a_job_and_no_other_user_reaches_it(host: Host) -> None:
    with host.client("anna") as anna, host.client("bob") as bob:
        taken = submitted(anna)
        with connect(f"{taken['websocket_url']}?token={host.token('anna')}") as socket_:
            messages = [json.loads(message) for message in socket_]
        assert messages[-1]["type"] == "complete"
        assert messages[-1]["data"]["result"]["procedure_id"] == "rhinoplasty"
        shown = [message["data"]["progress"] for message in messages]
        assert shown == sorted(shown)
        for link in messages[-1]["data"]["links"].values():
            assert anna.get(link).status_code == 200
            assert bob.get(link).status_code == 403
            assert httpx.get(f"{host.url}{link}").status_code == 401
        assert bob.get(taken["status_url"]).status_code == 403


def test_a_cookie_logs_a_browser_in(host: Host) -> None:
    with host.client("anna") as anna:
        taken = submitted(anna)
        assert anna.post("/login").status_code == 204
        del anna.headers["authorization"]
        assert anna.get(taken["status_url"]).status_code == 200


def test_patients_belong_to_who_added_them(host: Host) -> None:
    patient = {"name": "Zoë Ångström", "date_of_birth": "1990-01-01"}
    with host.client("anna") as anna, host.client("bob") as bob:
        assert anna.put("/patients/p1", json=patient).status_code == 204
        assert bob.put("/patients/p1", json=patient).status_code == 403
        report = {"patient_id": "p1", "format": "json"}
        assert bob.post("/api/exports", json=report).status_code == 403
        done = anna.post("/api/exports?async_processing=false", json=report)
        assert done.json()["patient_id"] == "p1"


def test_without_its_secret_nobody_gets_in_unless_it_is_under_development(
    redis_url: str, tmp_path: Path
) -> None:
    closed = Host(redis_url, tmp_path, CLINIC_SECRET="")
    try:
        assert httpx.get(f"{closed.url}/api/tasks/x/status").status_code == 404
        photo = {"photo": ("me.jpg", portrait(), "image/jpeg")}
        assert httpx.post(f"{closed.url}/api/images", files=photo).status_code == 503
    finally:
        closed.stop()
    develops = Host(redis_url, tmp_path, CLINIC_SECRET="", CLINIC_DEVELOPMENT="1")
    try:
        assert httpx.post(f"{develops.url}/api/images", files=photo).status_code == 201
    finally:
        develops.stop()
